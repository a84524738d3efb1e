#!/usr/bin/env python3
"""The form of what `eligo bench` writes, on small nets: command_test.py ELIGO. Nothing is held against a time."""

import json
import pathlib
import subprocess
import sys
import tempfile

ELIGO = str(pathlib.Path(sys.argv[1]).resolve())

OWN = """# A fading trace.
rule own(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  E[t] = 0.5*E[t-1] + d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . E[t]
  learn φ -= d(L[t])/d(φ)
}
"""


def run(*arguments, cwd, good=True):
    done = subprocess.run([ELIGO, "bench", "--quick", *arguments], cwd=cwd, text=True, capture_output=True)
    assert (done.returncode == 0) == good, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if good else done.stdout + done.stderr


def check_row(row, threads=1):
    seconds = row["seconds"]
    assert 0 < seconds["best"] <= seconds["low"] <= seconds["median"] <= seconds["high"], seconds
    assert seconds["samples"] >= 1 and row["threads"] == threads
    assert row["operations"] > 0 and row["bytes"] > 0 and row["of_peak"] > 0 and row["of_bandwidth"] > 0
    assert abs(sum(p["operations"] for p in row["phases"]) / row["operations"] - 1) < 1e-9
    for phase in row["phases"]:
        assert phase["calls"] > 0 and phase["seconds"] >= 0 and phase["bound_by"] in ("memory", "arithmetic"), phase


def rules_of_ones_own(folder):
    (folder / "own.eli").write_text(OWN)
    out = run("--rules", "own.eli:own,bptt", "--cell", "rnn_tanh", "--units", "4,6", "--batch", "3", "--T", "5",
              "--vs", "eigen", "--json", "own.json", "--picture", "own.png", "--markdown", "own.md", cwd=folder)
    result = json.loads((folder / "own.json").read_text())
    assert [row["name"] for row in result["rows"]] == ["own.eli:own, 4", "own.eli:own, 6", "bptt, 4", "bptt, 6"]
    assert [row["shape"] for row in result["rows"]][:2] == ["rnn_tanh 4, B = 3, T = 5", "rnn_tanh 6, B = 3, T = 5"]
    for row in result["rows"]:
        check_row(row)
    assert "skipped" in result["rows"][0]["peers"]["eigen"]
    assert result["rows"][2]["peers"]["eigen"]["times_faster"] > 0
    assert result["machine"]["peak_f32"] > 0 and set(result["machine"]["bandwidth"]) == {"L1", "L2", "L3", "memory"}
    assert (folder / "own.png").read_bytes().startswith(b"\x89PNG")
    assert "over eigen" in out and "| bptt, 4 |" in (folder / "own.md").read_text()


def what_the_suite_says(folder):
    out = run("--only", "delayed target, BPTT", "--alone", "--json", "suite.json", cwd=folder)
    (row,) = json.loads((folder / "suite.json").read_text())["rows"]
    check_row(row)
    assert row["peers"] == {} and "delayed target, BPTT" in out
    threads = run("--rules", "bptt", "--units", "8", "--T", "3", "--threads", "2", "--float64", "--json", "two.json", cwd=folder)
    (row,) = json.loads((folder / "two.json").read_text())["rows"]
    check_row(row, 2)
    assert row["peers"]["1 thread"]["times_faster"] > 0 and "over 1 thread" in threads
    assert row["workload"]["dtype"] == "f64"


def what_is_refused(folder):
    assert "there is no peer foo" in run("--rules", "bptt", "--vs", "foo", cwd=folder, good=False)
    assert "there is no rule nope" in run("--rules", "nope", cwd=folder, good=False)
    assert "no row named like nothing" in run("--only", "nothing", "--alone", cwd=folder, good=False)
    assert '"e" is no schedule' in run("--rules", "rtrl", "--schedule", "e", cwd=folder, good=False)
    assert "cannot be written" in run("--only", "delayed target, BPTT", "--alone", "--json", "no/where.json", cwd=folder, good=False)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for test in (rules_of_ones_own, what_the_suite_says, what_is_refused):
            test(pathlib.Path(folder))
            print("ok", test.__name__)


if __name__ == "__main__":
    main()
