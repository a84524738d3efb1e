#!/usr/bin/env python3
"""metrics.jsonl and TensorBoard's event files against metrics.csv, read back by TensorBoard itself: of a run that was
left alone, one that was killed and resumed, one that diverged, and full disks.

Usage: records_test.py ELIGO"""
import csv
import json
import math
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.plugins.hparams import plugin_data_pb2

from command import ELIGO, eligo, experiment, in_scratch_folder

EXPERIMENT = experiment('seeds = [0, 3]\nrecords = ["jsonl", "tensorboard"]', """[task]
name = "arrays"
data = "d.npz"
[model]
cell = "rnn_tanh"
readout = "linear_softmax"
n = 6""", "batch = 5\nepochs = 6\nlog_every = 2", [('"full / BPTT"', ""), ('"one step"', "rule.n = 1")])


def rows_of(run):
    return list(csv.DictReader(open(f"{run}/metrics.csv")))


def check_lines(run):
    lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    rows = rows_of(run)
    assert len(lines) == len(rows) > 0, (len(lines), len(rows))
    for line, row in zip(lines, rows):
        assert {name for name, value in row.items() if value != ""} == set(line), (line, row)
        for name, value in line.items():
            if name in ("variant", "split"):
                assert value == row[name]
            else:
                assert str(value) == row[name] or float(value) == float(row[name]), (name, line, row)


def folder_of(run, variant, seed):
    found = [f for f in pathlib.Path(run, "tensorboard").iterdir()
             if f.name.endswith(f"-seed{seed}") and f.name.startswith("1-" if variant == "full / BPTT" else "2-")]
    assert len(found) == 1, found
    return str(found[0])


NAMES = {"loss": "loss", "score": "accuracy", "cosine": "cosine", "ms_per_batch": "ms_per_batch"}


def check_events(run, ended=True, names=NAMES):
    rows = rows_of(run)
    for variant, seed in {(row["variant"], row["seed"]) for row in rows}:
        events = event_accumulator.EventAccumulator(folder_of(run, variant, seed), size_guidance={"scalars": 0})
        events.Reload()
        wanted = {}
        for row in rows:
            for column, name in names.items():
                if (row["variant"], row["seed"]) == (variant, seed) and row[column] != "":
                    wanted.setdefault(f"{row['split']}/{name}", []).append((int(row["batch"]), float(row[column])))
        assert set(events.Tags()["scalars"]) == set(wanted), (events.Tags(), wanted.keys())
        for tag, points in wanted.items():
            got = [(e.step, e.value) for e in events.Scalars(tag)]
            assert [p[0] for p in got] == [p[0] for p in points], (tag, got, points)
            for (_, value), (_, want) in zip(got, points):
                assert math.isclose(value, want, rel_tol=1e-6) or (math.isnan(value) and math.isnan(want)) or \
                    (math.isinf(value) and abs(want) > 3e38), (tag, value, want)
        if names is NAMES:
            check_hypers(events, variant, seed, ended)


def check_hypers(events, variant, seed, ended):
    content = {tag: plugin_data_pb2.HParamsPluginData.FromString(data)
               for tag, data in events.PluginTagToContent("hparams").items()}
    start = content["_hparams_/session_start_info"].session_start_info
    hypers = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    assert hypers["seed"] == float(seed) and hypers["variant"] == variant, hypers
    assert hypers["optimiser.α"] == 1e-2 and hypers["model.n"] == 6.0 and hypers["task.name"] == "arrays", hypers
    assert hypers.get("rule.n") in ((1.0,) if variant == "one step" else (None, "all")), hypers
    assert start.start_time_secs > 1.7e9 and variant in start.group_name
    if ended:
        end = content["_hparams_/session_end_info"].session_end_info
        assert end.status == 1 and end.end_time_secs >= start.start_time_secs, end


def wait_for(rows, run, process):
    end = time.monotonic() + 60
    path = pathlib.Path(run, "metrics.csv")
    while process.poll() is None and not (path.exists() and path.read_text().count("\n") > rows):
        assert time.monotonic() < end, "the run writes nothing"
        time.sleep(0.005)


def check_killed(run):
    """Killed within a training, with what it was writing cut short, then resumed: the same records as if left alone."""
    process = subprocess.Popen([ELIGO, "run", "e.toml", "--quiet", "--out", run, "train.epochs=4000"],
                               stdout=subprocess.DEVNULL)
    wait_for(200, run, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for path in pathlib.Path(run, "tensorboard").glob("*/events*"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-7])  # as a crash of the machine may leave it
    for _ in range(2):  # from an early checkpoint, then from where it was interrupted
        process = subprocess.Popen([ELIGO, "run", "--resume", run, "--quiet"], stdout=subprocess.DEVNULL)
        wait_for(len(rows_of(run)) + 200, run, process)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130, process.returncode
        check_lines(run)
        check_events(run, ended=False)


def check_full(run):
    """No room for the records: the reason, and going on where there is room again."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
    said = eligo("run", "e.toml", "--quiet", "--out", run, "train.epochs=40", status=1, preexec_fn=limit)
    assert "File too large" in said, said
    eligo("run", "--resume", run, "--quiet")
    check_lines(run)
    check_events(run)


def check_episodes(run):
    """A run of an environment has further columns, which records and reports have too."""
    pathlib.Path("chain.toml").write_text(experiment('seeds = [0, 1]\nrecords = ["jsonl", "tensorboard"]', """[task]
name = "memory_chain"
T = 4
cues = 2
[model]
cell = "gru"
readout = "policy"
n = 6""", "batch = 8\nbatches_per_epoch = 10\nepochs = 3", [('"full / BPTT"', "")]))
    eligo("run", "chain.toml", "--quiet", "--out", run)
    check_lines(run)
    check_events(run, names={**NAMES, "score": "return", "success": "success", "episode_steps": "episode_steps"})
    eligo("report", run, "--csv", "chain.csv", "-o", "chain.html")
    rows = list(csv.DictReader(open(f"{run}/summary.csv")))
    want = sum(float(row["test_success"]) for row in rows) / len(rows)
    assert math.isclose(float(next(csv.DictReader(open("chain.csv")))["test_success"]), want)
    assert '"validation-success"' in pathlib.Path("chain.html").read_text()


def check_curriculum(run):
    """The option that is raised: a field of the rows, and a curve of the page that ends where the training does."""
    pathlib.Path("rising.toml").write_text(experiment('seeds = [0, 1]\nrecords = ["jsonl", "tensorboard"]', """[task]
name = "delayed_target"
T = 2
[model]
cell = "lstm"
readout = "linear_mse"
n = 6
[curriculum]
option = "T"
by = 2
to = 6
loss_below = 100""", "batch = 10\nbatches_per_epoch = 10\nepochs = 4", [('"full / BPTT"', "")]))
    eligo("run", "rising.toml", "--quiet", "--out", run)
    check_lines(run)
    check_events(run, names={**NAMES, "option": "option", "solved": "solved"})
    eligo("report", run, "-o", "rising.html")
    page = re.search(r'id="data">(.*?)</script>', pathlib.Path("rising.html").read_text(), re.S)[1]
    chart = next(chart for chart in json.loads(page)["charts"] if chart["id"] == "option")
    batch, option, error, seeds = chart["curves"][0]["band"][-1]
    assert (batch, option, error, seeds) == (40, 6, 0, 2), chart


def main():
    draw = np.random.default_rng(1)
    np.savez("d.npz", x=draw.normal(size=(60, 4, 2)).astype("f4"), y=draw.integers(0, 2, 60))
    pathlib.Path("e.toml").write_text(EXPERIMENT)
    eligo("run", "e.toml", "--quiet", "--out", "run")
    check_lines("run")
    check_events("run")
    before = pathlib.Path("run/metrics.jsonl").read_bytes()
    eligo("run", "--resume", "run", "--quiet")  # complete: nothing changes
    assert pathlib.Path("run/metrics.jsonl").read_bytes() == before
    eligo("run", "e.toml", "--quiet", "--out", "plain", "records=[]")
    assert not os.path.exists("plain/metrics.jsonl") and not os.path.exists("plain/tensorboard")
    assert "records cannot have jsonl5; did you mean jsonl?" in eligo("run", "e.toml", "records=[\"jsonl5\"]", status=1)
    check_killed("killed")
    check_full("full")
    check_episodes("chain")
    check_curriculum("rising")
    eligo("run", "e.toml", "--quiet", "--out", "wild", "optimiser=sgd", "optimiser.alpha=1e30",
          "model.readout=linear_mse", "--only", "one step", "seeds=[0]")
    check_lines("wild")
    wild = next(pathlib.Path("wild/tensorboard").glob("1-*"))
    events = event_accumulator.EventAccumulator(str(wild))
    events.Reload()
    content = events.PluginTagToContent("hparams")["_hparams_/session_end_info"]
    end = plugin_data_pb2.HParamsPluginData.FromString(content)
    assert end.session_end_info.status == 2, end
    first = next(iter(event_file_loader.LegacyEventFileLoader(str(next(wild.iterdir()))).Load()))
    assert first.file_version == "brain.Event:2", first
    print("the records are in order")


if __name__ == "__main__":
    in_scratch_folder(main)
