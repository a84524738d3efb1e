#!/usr/bin/env python3
"""`eligo run` on 1,000 sequences of unequal lengths, from a CSV and an NPZ file, against trainings written in NumPy by hand:
a GRU and a linear recurrent unit of the test's own, parameters to 1e-9 in float64, accuracy and losses the same.

Usage: own_training_test.py ELIGO"""
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ELIGO = sys.argv[1]
UNITS, INPUTS, CLASSES, BATCH, EPOCHS, ALPHA = 12, 2, 3, 50, 15, 1e-2

LRU = """
# A diagonal linear recurrence of complex numbers, read out by squares, which no phase changes (after Orvieto et al. 2023)
cell lru(n, m) {
  input x[m]
  state re[n] = 0, im[n] = 0
  param decay[n] ~ uniform(-4, -2)
  param turn[n] ~ uniform(0, 1.2)
  param Br[n, m], Bi[n, m], Cr[n, n], Ci[n, n] ~ uniform(-1/sqrt(n), 1/sqrt(n))
  a[t] = exp(-exp(decay)) * cos(turn)
  b[t] = exp(-exp(decay)) * sin(turn)
  re[t] = a[t]*re[t-1] - b[t]*im[t-1] + Br . x[t]
  im[t] = a[t]*im[t-1] + b[t]*re[t-1] + Bi . x[t]
  output y[t] = (Cr . re[t] - Ci . im[t])^2
}
"""

EXPERIMENT = f"""
dtype = "f64"
[task]
name = "arrays"
validation = 0
test = 0
shuffle = 0
[model]
readout = "linear_softmax"
n = {UNITS}
[rule]
name = "bptt"
[optimiser]
name = "adam"
[train]
batch = {BATCH}
epochs = {EPOCHS}
measure = 0
"""


def sequences(draw, count):
    """Waves of three frequencies in noise, beside a constant channel of their phase."""
    lengths, label = draw.integers(8, 25, count), draw.integers(0, CLASSES, count)
    steps, phase = np.arange(24), draw.uniform(0, 6.28, count)
    wave = np.sin(steps * (0.3 + 0.3 * label[:, None]) + phase[:, None]) + 0.2 * draw.normal(size=(count, 24))
    x = np.stack([wave, np.repeat(np.sin(phase)[:, None], 24, 1)], -1)
    return x, label, lengths


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru(p, x):
    """Outputs [T][B][n], and what takes their gradients to those of the parameters."""
    h, hs, kept = np.zeros((x.shape[1], UNITS)), [], []
    for xt in x:
        u = np.einsum("gnm,bm->gbn", p["net.Wx"], xt) + p["net.bx"][:, None]
        v = np.einsum("gnk,bk->gbn", p["net.Wh"], h) + p["net.bh"][:, None]
        r, z = sigmoid(u[0] + v[0]), sigmoid(u[1] + v[1])
        c = np.tanh(u[2] + r * v[2])
        kept.append((xt, h, r, z, c, v[2]))
        h = (1 - z) * c + z * h
        hs.append(h)

    def back(given):
        g = {name: np.zeros_like(p[name]) for name in ("net.Wx", "net.Wh", "net.bx", "net.bh")}
        d = np.zeros_like(h)
        for (xt, before, r, z, c, v), outer in zip(reversed(kept), given[::-1]):
            d = d + outer
            dc = d * (1 - z) * (1 - c * c)
            dr, dz = dc * v * r * (1 - r), d * (before - c) * z * (1 - z)
            du, dv = np.stack([dr, dz, dc]), np.stack([dr, dz, dc * r])
            g["net.Wx"] += np.einsum("gbn,bm->gnm", du, xt)
            g["net.Wh"] += np.einsum("gbn,bk->gnk", dv, before)
            g["net.bx"] += du.sum(1)
            g["net.bh"] += dv.sum(1)
            d = d * z + np.einsum("gbn,gnk->bk", dv, p["net.Wh"])
        return g

    return np.array(hs), back


def lru(p, x):
    pole = np.exp(-np.exp(p["net.decay"]) + 1j * p["net.turn"])
    into, out = p["net.Br"] + 1j * p["net.Bi"], p["net.Cr"] + 1j * p["net.Ci"]
    states = [np.zeros((x.shape[1], UNITS), complex)]
    for xt in x:
        states.append(pole * states[-1] + xt @ into.T)
    qs = np.array([(s @ out.T).real for s in states[1:]])

    def back(given):
        d, by_pole, by_in, by_out = 0, 0, 0, 0
        for t in reversed(range(len(x))):
            local = given[t] * 2 * qs[t]
            d = d * np.conj(pole) + local @ np.conj(out)
            by_out = by_out + local.T @ np.conj(states[t + 1])
            by_in = by_in + d.T @ x[t]
            by_pole = by_pole + (np.conj(states[t]) * d).sum(0)
        turned = np.conj(pole) * by_pole
        return {"net.decay": -np.exp(p["net.decay"]) * turned.real, "net.turn": turned.imag, "net.Br": by_in.real,
                "net.Bi": by_in.imag, "net.Cr": by_out.real, "net.Ci": by_out.imag}

    return qs ** 2, back


def judge(p, model, x, label, lengths):
    """Mean loss, accuracy, and the gradient of the loss."""
    count = len(label)
    ys, back = model(p, x.transpose(1, 0, 2))
    last = ys[lengths - 1, np.arange(count)]
    odds = last @ p["L.V"].T + p["L.b"]
    share = np.exp(odds - odds.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    right = np.eye(CLASSES)[label]
    off = (share - right) / count
    given = np.zeros_like(ys)
    given[lengths - 1, np.arange(count)] = off @ p["L.V"]
    gradient = {**back(given), "L.V": off.T @ last, "L.b": off.sum(0)}
    return -np.log((share * right).sum(1)).mean(), (odds.argmax(1) == label).mean(), gradient


def train(p, model, data):
    x, label, lengths = data
    m, v, n = {k: 0.0 for k in p}, {k: 0.0 for k in p}, 0
    for _ in range(EPOCHS):
        for first in range(0, len(label), BATCH):
            part = slice(first, first + BATCH)
            gradient = judge(p, model, x[part], label[part], lengths[part])[2]
            n += 1
            for k in p:
                m[k] = 0.9 * m[k] + 0.1 * gradient[k]
                v[k] = 0.999 * v[k] + 0.001 * gradient[k] ** 2
                p[k] = p[k] - ALPHA * (m[k] / (1 - 0.9 ** n)) / (np.sqrt(v[k] / (1 - 0.999 ** n)) + 1e-8)
    return p


def write_csv(name, x, label, lengths):
    with open(name, "w") as out:
        out.write("sequence,x1,x2,y\n")
        for i, n in enumerate(lengths):
            for t in range(n):
                target = f"kind {label[i]}" if t == n - 1 else ""
                out.write(f"{i},{float(x[i, t, 0])!r},{float(x[i, t, 1])!r},{target}\n")


def eligo(*words):
    done = subprocess.run([ELIGO, *words], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def parameters(folder):
    last = np.load(next(pathlib.Path(folder, "checkpoints").glob("*-last.npz")))
    return {k: np.array(last[k]) for k in last if k.startswith(("net.", "L.")) and k.count(".") == 1}


def main():
    draw = np.random.default_rng(5)
    sets = {"train": sequences(draw, 1000), "held": sequences(draw, 200)}
    for name, (x, label, lengths) in sets.items():
        np.savez(f"{name}.npz", x=x, y=label, lengths=lengths)
        write_csv(f"{name}.csv", x, label, lengths)
    pathlib.Path("lru.eli").write_text(LRU)
    pathlib.Path("e.toml").write_text(EXPERIMENT)
    for model, cell, ending in ((gru, "gru", "npz"), (gru, "gru", "csv"), (lru, "lru.eli:lru", "npz"), (lru, "lru.eli:lru", "csv")):
        words = ["e.toml", "--quiet", f"model.cell={cell}", f"task.data=train.{ending}", f"task.validation_data=held.{ending}"]
        what = f"{model.__name__}_{ending}"
        eligo("run", *words, "--out", "start_" + what, "optimiser.alpha=0", "train.epochs=1")
        eligo("run", *words, "--out", what, f"optimiser.alpha={ALPHA}")
        start, found = parameters("start_" + what), parameters(what)
        expected = train(dict(start), model, sets["train"])
        assert found.keys() == expected.keys(), (found.keys(), expected.keys())
        for k in expected:
            error = np.abs(found[k] - expected[k]).max() / np.abs(expected[k]).max()
            assert error < 1e-9, (what, k, error)
            assert np.abs(found[k] - start[k]).max() > 1e-3, (what, k)
        loss, accuracy, _ = judge(expected, model, *sets["held"])
        row = next(csv.DictReader(open(f"{what}/summary.csv")))
        assert np.isclose(float(row["final_loss"]), loss, rtol=1e-9), (what, row, loss)
        assert float(row["final_score"]) == accuracy > 0.9, (what, row, accuracy)
        print(f"{what}: loss {loss:.4g}, accuracy {accuracy:.3f}, as by hand")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
