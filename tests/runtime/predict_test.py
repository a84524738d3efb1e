#!/usr/bin/env python3
"""`eligo predict`: a run's own test loss to all digits, losses that NumPy makes of the outputs, data without targets, and faults.

Usage: predict_test.py ELIGO"""
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ELIGO = sys.argv[1]
EXPERIMENT = """
seeds = [0, 3]
[task]
name = "arrays"
data = "d.npz"
normalise = "standard"
[model]
cell = "gru"
readout = "linear_softmax"
n = 5
[rule]
name = "bptt"
[optimiser]
name = "adam"
alpha = 1e-2
[train]
batch = 7
epochs = 4
[[compare]]
name = "bptt"
[[compare]]
name = "one step"
rule.n = 1
"""


def eligo(*words, fails=False):
    done = subprocess.run([ELIGO, *words], capture_output=True, text=True)
    assert (done.returncode != 0) == fails, (words, done.stdout, done.stderr)
    return done.stderr if fails else done.stdout


def value(text, name):
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name + " "))


def softmax_loss(p):
    """Summed over the steps, mean over the sequences."""
    log = p["L.o"] - p["L.o"].max(-1, keepdims=True)
    log = log - np.log(np.exp(log).sum(-1, keepdims=True))
    return -(p["loss_mask"][..., None] * p["y"] * log).sum() / len(p["y"])


def main():
    draw = np.random.default_rng(1)
    lengths = draw.integers(2, 9, 60)
    x, y = draw.normal(size=(60, 8, 2)).astype("f4"), draw.integers(0, 3, 60)
    np.savez("d.npz", x=x, y=y, lengths=lengths)
    pathlib.Path("e.toml").write_text(EXPERIMENT)
    eligo("run", "e.toml", "--quiet", "--out", "run")
    for row in csv.DictReader(open("run/summary.csv")):
        out = eligo("predict", "run", "--variant", row["variant"], "--seed", row["seed"], "--show", "net.h", "--out", "p.npz")
        assert value(out, "loss") == row["test_loss"], (row, out)
        assert abs(float(value(out, "accuracy")) / 100 - float(row["test_score"])) < 1e-6, (row, out)
        p = np.load("p.npz")
        assert np.isclose(softmax_loss(p), float(row["test_loss"]), rtol=1e-6)
        right = (p["L.o"].argmax(-1) == p["y"].argmax(-1))[p["loss_mask"] > 0]
        assert np.isclose(right.mean(), float(row["test_score"]))
        assert p["net.h"].shape == (12, 8, 5) and np.abs(p["net.h"]).max() <= 1
    one = ("--variant", "bptt", "--seed", "3")
    whole = eligo("predict", "run", *one, "--data", "d.npz", "--out", "whole.npz")
    assert "60 sequences" in whole
    np.savez("some.npz", x=x[10:20], lengths=lengths[10:20])
    out = eligo("predict", "run", *one, "--data", "some.npz", "--out", "some_out.npz")
    assert "loss" not in out.split("\n", 1)[1], out
    some, all_ = np.load("some_out.npz"), np.load("whole.npz")
    assert "y" not in some and some["L.o"].shape == (10, lengths[10:20].max(), 3)
    for i in range(10):
        n = lengths[10 + i]
        assert np.allclose(some["L.o"][i, :n], all_["L.o"][10 + i, :n], rtol=1e-5, atol=1e-6)
        assert some["lengths"][i] == n
    out = eligo("predict", "run", *one, "--data", "d.npz", "--sequences", "9", "--out", "nine.npz")  # batches of 7
    nine = np.load("nine.npz")
    assert "9 sequences" in out and nine["L.o"].shape[0] == 9, out
    for name in ("L.o", "x", "y", "loss_mask", "lengths"):
        n = nine[name].shape[1] if nine[name].ndim > 1 else None
        assert np.allclose(nine[name], all_[name][:9] if n is None else all_[name][:9, :n], rtol=1e-5, atol=1e-6), name
    assert np.isclose(float(value(out, "loss")), softmax_loss(nine), rtol=1e-5)
    # scaled as in the training, not by what is new
    assert np.allclose(some["x"][0, :1], all_["x"][10, :1])
    last = eligo("predict", "run", *one, "--checkpoint", "last", "--split", "validation", "--out", "v.npz")
    row = [r for r in csv.DictReader(open("run/summary.csv")) if r["variant"] == "bptt" and r["seed"] == "3"][0]
    assert value(last, "loss") == row["final_loss"], (last, row)
    faults(one, x, y)


def faults(one, x, y):
    said = lambda words, *command: words in (text := eligo("predict", *command, fails=True)) or sys.exit(f"{command}: {text}")
    said("choose one with --variant: bptt, one step", "run", "--out", "p.npz")
    said("has 2 seeds; choose one of its seeds with --seed: 0, 3", "run", "--variant", "bptt", "--out", "p.npz")
    said("has no seed 4", "run", "--variant", "bptt", "--seed", "4", "--out", "p.npz")
    said("not the folder of a run", "nothing", "--out", "p.npz")
    said("it is best or last", "run", *one, "--checkpoint", "first", "--out", "p.npz")
    said("it is train, validation or test", "run", *one, "--split", "tests", "--out", "p.npz")
    said("has no q", "run", *one, "--show", "net.q", "--out", "p.npz")
    said("cannot be written", "run", *one, "--out", "no/where.npz")
    np.savez("wide.npz", x=x[:, :, :1], y=y)
    said("inputs a step", "run", *one, "--data", "wide.npz", "--out", "p.npz")
    np.savez("new.npz", x=x, y=y + 1)
    said("the label 3 is not one of", "run", *one, "--data", "new.npz", "--out", "p.npz")
    said("cannot be read", "run", *one, "--data", "none.npz", "--out", "p.npz")
    pathlib.Path("kept.npz").write_bytes(b"kept")
    said("label 3", "run", *one, "--data", "new.npz", "--out", "kept.npz")
    assert pathlib.Path("kept.npz").read_bytes() == b"kept"
    said("is no plain file", "run", *one, "--out", "/dev/null")
    for path in pathlib.Path("run/checkpoints").glob("1-*seed3-best*"):
        path.write_bytes(path.read_bytes()[:200])
    said("-best.npz", "run", *one, "--out", "p.npz")
    for path in pathlib.Path("run/checkpoints").glob("1-*"):
        path.unlink()
    said("has no checkpoint yet", "run", *one, "--out", "p.npz")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print("predictions agree with the run and with NumPy")
