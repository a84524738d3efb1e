#!/usr/bin/env python3
"""What `eligo report` refuses, with the file, the place and a suggested fix, and that nothing already written is lost.

Usage: command_test.py ELIGO"""
import csv
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

from command import ELIGO, eligo, experiment, in_scratch_folder

EXPERIMENT = experiment('name = "toy"\nseeds = [0, 1]', """[task]
name = "delayed_target"
T = 5
npoints = 1
[model]
cell = "rnn_tanh"
readout = "linear_mse"
n = 5""", "epochs = 3\nbatches_per_epoch = 6", [('"a | b"', ""), ('"one step"', "rule.n = 1")])


def refused(says, *words, **how):
    text = eligo("report", *words, status=1, **how)
    assert text.count("error: ") == 1 and "internal" not in text, text
    for part in [says] if isinstance(says, str) else says:
        assert part in text, (part, text)


def copy_of_run(name):
    shutil.rmtree(name, ignore_errors=True)
    shutil.copytree("run", name)
    return pathlib.Path(name)


def change(path, old, new):
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new, 1))


def check_folders():
    os.mkdir("empty")
    refused("empty: not the folder of a run (it has no experiment.toml)", "empty", "-o", "r.html")
    refused("nowhere: not the folder of a run", "run", "nowhere", "-o", "r.html")
    refused("e.toml: not the folder of a run", "e.toml", "-o", "r.html")
    refused("./run/: the folder is given twice", "run", "./run/", "-o", "r.html")
    os.symlink("run", "same")
    refused("same: the folder is given twice", "run", "same", "-o", "r.html")
    assert not os.path.exists("r.html")
    assert eligo("report", status=2).count("folders is required") == 1


def check_metrics():
    run = copy_of_run("m")
    metrics = run / "metrics.csv"
    lines = metrics.read_text().splitlines(keepends=True)
    metrics.write_text("".join(lines[:5]) + "nonsense\n" + "".join(lines[5:]))
    refused("m/metrics.csv:6: not a row of metrics; remove this line", "m", "-o", "r.html")
    metrics.write_text("".join(["some,other,table\n", *lines[1:]]))
    refused("m/metrics.csv:1: not the metrics of a run", "m", "-o", "r.html")
    metrics.write_text("".join(lines[:3]) + lines[3].replace("a | b", "other"))
    refused(["m/metrics.csv: has a row of other, seed 0", "leave the folder out"], "m", "-o", "r.html")
    metrics.write_text("".join(lines[:3]) + lines[3].replace(",0,", ",7,", 1))
    refused("m/metrics.csv: has a row of a | b, seed 7", "m", "-o", "r.html")
    metrics.write_text("".join(lines[:3]) + lines[3].replace(lines[3].split(",")[5], "nan") + lines[4][:9])
    assert "the last row of metrics.csv was cut short and is left out" in eligo("report", "m", "-o", "r.html")
    metrics.unlink()
    refused("m/metrics.csv: is missing, though the run has a summary; put it back", "m", "-o", "r.html")
    os.mkfifo(metrics)
    refused("m/metrics.csv: is no plain file", "m", "-o", "r.html")
    metrics.unlink()
    with open(metrics, "w") as file:
        file.truncate(3 << 30)
    refused("m/metrics.csv is larger than 1 GiB", "m", "-o", "r.html")


def check_other_files():
    run = copy_of_run("o")
    change(run / "summary.csv", "final_loss", "loss_at_last")
    refused("o/summary.csv:1: there is no column final_loss", "o", "-o", "r.html")
    run = copy_of_run("o")
    cells = (run / "summary.csv").read_text().splitlines()[1].split(",")
    change(run / "summary.csv", cells[4], "much")
    refused(["o/summary.csv:2", "final_loss", '"much" is no number'], "o", "-o", "r.html")
    run = copy_of_run("o")
    text = (run / "summary.csv").read_text()
    (run / "summary.csv").write_text(text[:text.rindex(",") - 6])
    refused("o/summary.csv:5: ", "o", "-o", "r.html")
    run = copy_of_run("o")
    text = (run / "run.json").read_text()
    (run / "run.json").write_text(text[:200])
    refused("o/run.json: not JSON", "o", "-o", "r.html")
    for old, new, says in (('"cores": ', '"cores": -', "o/run.json stretches: cores is not a whole number"),
                           ('"version": "', '"version": 3, "other": "', "o/run.json stretches: version is not a text"),
                           ('"stretches": [', '"stretches": 1, "others": [', "o/run.json: stretches is not a list")):
        run = copy_of_run("o")
        change(run / "run.json", old, new)
        refused([says, "remove the file"], "o", "-o", "r.html")
    run = copy_of_run("o")
    change(run / "experiment.toml", "seeds = ", "seeds = 1.5 #")
    refused("o/experiment.toml: seeds is", "o", "-o", "r.html")
    change(run / "experiment.toml", "seeds = ", "seeds = [")
    refused("o/experiment.toml", "o", "-o", "r.html")
    run = copy_of_run("o")
    shutil.rmtree(run / "rules")
    (run / "run.json").unlink()
    eligo("report", "o", "-o", "r.html")  # an old folder, or one that was tidied: a page all the same


def check_targets():
    before = {path: path.read_bytes() for path in pathlib.Path("run").rglob("*") if path.is_file()}
    for name in ("metrics.csv", "experiment.toml", "run.json", "../run/summary.csv", "rules/bptt.eli"):
        refused("is a file that a run has written; choose another", "run", "--csv", f"run/{name}")
    refused("two forms of the report", "run", "-o", "x", "--csv", "x")
    refused("no/such/r.html: cannot be written: No such file or directory", "run", "-o", "no/such/r.html")
    refused("empty: is no plain file", "run", "-o", "empty")
    pathlib.Path("old.html").write_text("an older page")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    refused(["old.html: cannot be written: File too large", "what was there before is kept"], "run", "-o", "old.html",
            preexec_fn=limit)
    assert pathlib.Path("old.html").read_text() == "an older page"
    assert [p.name for p in pathlib.Path().glob("*.tmp*")] == []
    assert {path: path.read_bytes() for path in before} == before


def check_forms():
    text = eligo("report", "run")
    assert text.startswith("# toy\n") and "## Results" in text and "standard error of the mean" in text, text
    assert "| a \\| b | 2 seeds |" in text, text
    eligo("report", "run", "--markdown", "r.md", "--csv", "r.csv", "-o", "r.html")
    assert pathlib.Path("r.md").read_text() == text
    rows = list(csv.DictReader(open("r.csv")))
    assert [row["variant"] for row in rows] == ["a | b", "one step"] and rows[0]["last_loss_count"] == "2", rows
    first = eligo("report", "run", "--csv", "-").splitlines()
    assert first[1].startswith('a | b,2,2,0,'), first
    assert "-o,--out" in eligo("report", "--help") and "run folders" in eligo("report", "--help").lower()


def check_live():
    """A lock of a process that lives, of one that does not, and of another machine."""
    run = copy_of_run("live")
    (run / "summary.csv").unlink()
    lock = run / "run.lock"
    lock.write_text(f"process {os.getpid()} on {socket.gethostname()}, since 2025-01-31 14:25:01")
    assert f"being written by process {os.getpid()} on" in eligo("report", "live")
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock.write_text(f"process {ended.pid} on {socket.gethostname()}, since 2025-01-31 14:25:01")
    assert "interrupted: 0 of 4 trainings have ended" in eligo("report", "live")
    lock.write_text("process 1 on elsewhere, since 2025-01-31 14:25:01")
    assert "being written by process 1 on elsewhere" in eligo("report", "live")


def charts_of(page):
    text = pathlib.Path(page).read_text()
    return json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[1])["charts"]


def check_over():
    """Curves over a setting: one for what differs in it alone, its points the means of summary.csv."""
    eligo("run", "e.toml", "--quiet", "--out", "widths", "model.n=[4, 7, 9]")
    refused("--over model.m: no variant has this setting; did you mean model.n?", "widths", "--over", "model.m")
    refused("--over task.T: no two variants differ in it alone by a number; it is 5", "widths", "--over", "task.T")
    eligo("report", "widths", "--over", "model.n", "-o", "over.html", "--pictures", "figures")
    chart = next(chart for chart in charts_of("over.html") if chart["id"] == "over-last_loss")
    assert chart["x"] == "model.n" and [c["label"] for c in chart["curves"]] == ["a | b", "one step"], chart
    rows = list(csv.DictReader(open("widths/summary.csv")))
    for curve in chart["curves"]:
        assert [point[0] for point in curve["band"]] == [4, 7, 9]
        for n, mean, *_ in curve["band"]:
            losses = [float(row["final_loss"]) for row in rows if row["variant"] == f"{curve['label']}, model.n = {n:g}"]
            assert len(losses) == 2 and abs(mean - sum(losses) / 2) < 1e-5 * abs(mean), (n, mean, losses)
    eligo("run", "seq_mnist", "--quiet", "--out", "digits", "--only", "full BPTT, model.n = 3", "--only",
          "full BPTT, model.n = 5", "seeds=[0]", "model.n=[3, 5]", "task.drawn_train=60", "task.drawn_test=30", "train.epochs=1")
    eligo("report", "digits", "--over", "model.n", "-o", "digits.html")
    shares = [100 * float(row["test_score"]) for row in csv.DictReader(open("digits/summary.csv"))]
    drawn = next(chart for chart in charts_of("digits.html") if chart["id"] == "over-test_score")["curves"][0]["band"]
    assert all(abs(point[1] - share) < 1e-3 for point, share in zip(drawn, shares, strict=True)), (drawn, shares)
    for form in ("svg", "png"):
        assert pathlib.Path(f"figures/over-last_loss.{form}").stat().st_size > 1000


def check_running():
    """Reports of a run while it writes, which goes on undisturbed."""
    run = subprocess.Popen([ELIGO, "run", "e.toml", "--quiet", "--out", "now", "train.epochs=3000"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 60
    rows = pathlib.Path("now/metrics.csv")
    while not (rows.exists() and rows.read_text().count("\n") > 20):
        assert run.poll() is None and time.monotonic() < end, "the run writes nothing"
        time.sleep(0.01)
    for _ in range(5):
        assert f"being written by process {run.pid} on" in eligo("report", "now", "-o", "now.html", "--markdown", "-")
    assert run.poll() is None, "the run was over too soon to test this"
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 130, (run.returncode, said)
    assert "interrupted: " in eligo("report", "now")


def main():
    pathlib.Path("e.toml").write_text(EXPERIMENT)
    eligo("run", "e.toml", "--quiet", "--out", "run")
    for check in (check_folders, check_metrics, check_other_files, check_targets, check_forms, check_live,
                  check_over, check_running):
        check()
    print("all that was wrong was refused")


if __name__ == "__main__":
    in_scratch_folder(main)
