#!/usr/bin/env python3
"""Own data in every form: what `eligo eval --task arrays` hands over is what NumPy wrote; faults are named with their place.

Usage: own_data_test.py ELIGO"""
import gzip
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

ELIGO = sys.argv[1]
draw = np.random.default_rng(3)
N, T, M = 12, 7, 3
LENGTHS = np.array([7, 1, 4, 7, 2, 3, 5, 6, 7, 2, 4, 1])
X = draw.normal(size=(N, T, M))
REAL = draw.normal(size=(N, T, 2))
LABELS = draw.integers(0, 3, (N, T)) * 5 - 5  # -5, 0, 5
LAST = np.array([2, 0, 1, 1, 0, 2, 2, 1, 0, 0, 1, 2])
BITS = draw.integers(0, 2, (N, T, 2)).astype(bool)
WEIGHTS = draw.integers(0, 3, (N, T)).astype(float)
checks = 0


def case(task, data, split, **options):
    command = [ELIGO, "eval", "--task", task, "--data", data, "--batch", "1000", "--split", split, "--out", "case.json"]
    for name, value in {"shuffle": 0, **options}.items() if task == "arrays" else options.items():
        command += ["--set", f"{name}={value}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done, json.loads(pathlib.Path("case.json").read_text()) if done.returncode == 0 else None


def sequences(data, splits=("train", "validation", "test"), task="arrays", **options):
    """All sequences of the splits: (x, y, mask), one row a step."""
    found = []
    for split in splits:
        done, batch = case(task, data, split, **options)
        assert done.returncode == 0, done.stderr
        x, y, mask = (np.array(batch[name]) for name in ("x", "y", "loss_mask"))
        lengths = batch.get("lengths") or [len(x)] * x.shape[1]
        found += [(x[:n, b], y[:n, b], mask[:n, b]) for b, n in enumerate(lengths)]
    return found


def same(found, expected, what):
    """As sets: the division into splits is the task's own."""
    global checks
    assert len(found) == len(expected), (what, len(found))
    key = lambda sequence: (len(sequence[0]), np.asarray(sequence[0], float).tolist())
    for a, b in zip(sorted(found, key=key), sorted(expected, key=key)):
        for one, other, name in zip(a, b, ("x", "y", "mask")):
            counts = (np.asarray(b[2]) > 0) if name == "y" else slice(None)
            assert np.array_equal(np.asarray(one)[counts], np.asarray(other, float)[counts]), (what, name, one, other)
    checks += 1


def expected(x=X, y=REAL, lengths=LENGTHS, weights=None, last=False):
    out = []
    for i, n in enumerate(lengths):
        mask = np.ones(n) if weights is None else weights[i, :n]
        if last:
            mask = np.where(np.arange(n) == n - 1, mask, 0)
        out.append((x[i, :n], np.broadcast_to(y[i], (n, y.shape[-1])) if last else y[i, :n], mask))
    return out


def one_hot(labels):
    return (labels[..., None] == np.unique(labels)).astype(float)


def archives():
    same_all = [("c", lambda a: a), ("fortran", np.asfortranarray)]
    for name, order in same_all:
        np.savez(f"{name}.npz", x=order(X), y=order(REAL), lengths=LENGTHS)
        same(sequences(f"{name}.npz"), expected(), name)
    np.savez_compressed("deflated.npz", x=X, y=REAL, lengths=LENGTHS, mask=WEIGHTS)
    same(sequences("deflated.npz"), expected(weights=WEIGHTS), "deflated")
    np.savez("keys.npz", inputs=X, out=REAL, n=LENGTHS)
    same(sequences("keys.npz", x="inputs", y="out", lengths="n"), expected(), "keys")
    for kind in ("<f4", "<f2", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "?"):
        x = (X * 10).astype(kind) if "f" in kind or "i" in kind else X > 0 if kind == "?" else np.abs(X * 10).astype(kind)
        np.savez("kind.npz", x=x, y=REAL, lengths=LENGTHS.astype("u1"))
        same(sequences("kind.npz"), expected(x=x.astype(float)), kind)
    np.savez("labels.npz", x=X, y=LABELS, lengths=LENGTHS)
    same(sequences("labels.npz"), expected(y=one_hot(LABELS)), "labels at every step")
    for y in (LAST, LAST[:, None], LAST[:, None, None]):
        np.savez("last.npz", x=X, y=y, lengths=LENGTHS)
        same(sequences("last.npz"), expected(y=one_hot(LAST), last=True), "labels at the last step")
    np.savez("bits.npz", x=X, y=BITS, lengths=LENGTHS)
    same(sequences("bits.npz"), expected(y=BITS.astype(float)), "bits")
    np.savez("one.npz", x=X[:, :, 0], y=LAST.astype(float))
    same(sequences("one.npz"), expected(X[:, :, :1], LAST[:, None].astype(float), [T] * N, last=True), "one channel")
    np.save("x.npy", X), np.save("y.npy", REAL), np.save("lengths.npy", LENGTHS)
    same(sequences("x.npy"), expected(), "npy")


def tables():
    cells = lambda values: ",".join(repr(float(v)) for v in values)
    lines = [f"{i},{t},{cells(X[i, t])},{cells(REAL[i, t])}" for i in range(N) for t in range(LENGTHS[i])]
    pathlib.Path("long.csv").write_text("sequence,step,x1,x2,x3,y1,y2\n" + "\n".join(lines) + "\n")
    same(sequences("long.csv"), expected(), "a line a step")
    pathlib.Path("long.tsv").write_text("name\tb\ta\tc\tout\tother\n" + "\n".join(
        "\t".join(["s%d" % i, repr(float(X[i, t, 1])), repr(float(X[i, t, 0])), repr(float(X[i, t, 2])), *map(repr, map(float, REAL[i, t]))])
        for i in range(N) for t in range(LENGTHS[i])))
    same(sequences("long.tsv", sequence="name", x="a, b, c", y="out, other"), expected(), "chosen columns")
    names = ['with "quotes", and a comma', "b", "a"]
    quoted = [f'"{name}"'.replace('"quotes"', '""quotes""') for name in names]
    lines = [f"{i};{float(X[i, t, 0])!r};{quoted[LAST[i]] if t == LENGTHS[i] - 1 else ''}" for i in range(N) for t in range(LENGTHS[i])]
    pathlib.Path("last.csv").write_text("sequence;x;y\r\n" + "\r\n".join(lines))
    ranks = np.argsort(np.argsort(names))[LAST]
    same(sequences("last.csv"), expected(X[:, :, :1], one_hot(ranks), last=True), "labels that are texts, at last steps")
    lines = [",".join([*map(repr, map(float, X[i, :LENGTHS[i], 0])), *[""] * (T - LENGTHS[i]), str(LAST[i])]) for i in range(N)]
    pathlib.Path("rows.csv").write_text(",".join(f"x{t}" for t in range(T)) + ",y\n" + "\n".join(lines) + "\n")
    same(sequences("rows.csv", rows="sequences", targets="label"), expected(X[:, :, :1], one_hot(LAST), last=True), "a line a sequence")
    lines = [",".join([*map(repr, map(float, X[i].ravel())), repr(float(LAST[i]))]) for i in range(N)]
    pathlib.Path("wide.csv").write_text(",".join(f"x{t}_{c}" for t in range(T) for c in range(M)) + ",y\n" + "\n".join(lines))
    same(sequences("wide.csv", rows="sequences", channels=M), expected(y=LAST[:, None].astype(float), lengths=[T] * N, last=True), "channels")


def other_forms():
    lines = [":".join(",".join(map(repr, map(float, X[i, :LENGTHS[i], c]))) for c in range(M)) + f":{'abc'[LAST[i]]}" for i in range(N)]
    head = "#comment\n@problemName p\n@timeStamps false\n@equalLength false\n@classLabel true a b c\n@data\n"
    pathlib.Path("p.ts").write_text(head + "\n".join(lines))
    same(sequences("p.ts"), expected(y=one_hot(LAST), last=True), "ts")
    pixels = draw.integers(0, 256, (N, T, M)).astype("u1")
    idx = lambda a: struct.pack(">BBBB", 0, 0, 8, a.ndim) + struct.pack(f">{a.ndim}I", *a.shape) + a.astype("u1").tobytes()
    pathlib.Path("train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
    pathlib.Path("train-labels-idx1-ubyte").write_bytes(idx(LAST))
    pathlib.Path("train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LAST)))
    same(sequences("train-images-idx3-ubyte.gz"), expected(pixels, one_hot(LAST), [T] * N, last=True), "IDX")
    same(sequences("train-images-idx3-ubyte.gz", normalise="range", validation_data="train-images-idx3-ubyte.gz",
                   test=0, splits=("train",)),
         expected((pixels - pixels.min((0, 1)).astype(float)) * (1 / np.ptp(pixels.astype(float), axis=(0, 1))),
                  one_hot(LAST), [T] * N, last=True), "range")
    text = "Überäll abcabc" * 8
    pathlib.Path("t.txt").write_text(text, encoding="utf-8")
    letters = sorted(set(text))
    hot = lambda part: np.array([[float(c == letter) for letter in letters] for c in part])
    pieces = [(hot(text[a:a + 5]), hot(text[a + 1:a + 6]), np.ones(5)) for a in range(0, len(text) - 5, 5)]
    found = []
    for split in ("train", "validation", "test"):
        batch = case("text", "t.txt", split, steps=5)[1]
        found += [(np.array(batch["x"])[:, b], np.array(batch["y"])[:, b], np.ones(5)) for b in range(np.array(batch["x"]).shape[1])]
    same(found, pieces, "text")


def options():
    np.savez("o.npz", x=X, y=REAL)
    whole = [T] * N
    pieces = [(x[a:a + 3], y[a:a + 3], m[a:a + 3]) for x, y, m in expected(lengths=whole) for a in range(0, T, 3)]
    same(sequences("o.npz", cut=3), pieces, "cut")
    np.savez("v.npz", x=X[:2] + 1, y=REAL[:2])
    same(sequences("o.npz", ("validation",), validation_data="v.npz"), expected(X[:2] + 1, lengths=[T] * 2), "own file")
    train = sequences("o.npz", ("train",))
    assert len(train) == 12 - 3 - 2 and len(sequences("o.npz", ("train",), subset=4)) == 4
    assert len(sequences("o.npz", ("train",), validation=0.5, test=0.25)) == 3
    steps = np.concatenate([x for x, _, _ in train])
    for x, _, _ in sequences("o.npz", ("train",), normalise="standard"):
        assert min(np.abs((a - steps.mean(0)) / steps.std(0) - x).max() for a, _, _ in train) < 1e-12
    other = sequences("o.npz", ("test",), split_seed=1)
    assert not np.array_equal(other[0][0], sequences("o.npz", ("test",))[0][0])
    np.savez("w.npz", x=X[:3], y=np.array([1, 2, 7]))
    np.savez("l.npz", x=X, y=LAST)
    assert "the label 7 is not one of" in case("arrays", "l.npz", "test", test_data="w.npz")[0].stderr


def faults():
    good = {"x": X, "y": REAL, "lengths": LENGTHS}
    holed, infinite, flipped = X.copy(), REAL.copy(), bytearray()
    holed[4, 1, 2], infinite[5, 2, 1] = np.nan, np.inf
    archive = lambda name, **changes: np.savez(name, **{k: v for k, v in {**good, **changes}.items() if v is not None})
    archive("a.npz", x=holed), archive("b.npz", y=infinite), archive("c.npz", y=None), archive("d.npz", y=REAL[:5])
    archive("e.npz", lengths=LENGTHS + 1), archive("f.npz", x=X[None]), archive("g.npz", y=np.array(["a"] * N))
    archive("h.npz", x=X.astype(">f4")), archive("i.npz", x=X[:0]), archive("j.npz", mask=-WEIGHTS), archive("k.npz")
    whole = pathlib.Path("k.npz").read_bytes()
    pathlib.Path("l.npz").write_bytes(whole[:700])
    flipped[:] = whole
    flipped[400] ^= 1
    pathlib.Path("m.npz").write_bytes(flipped)
    for name, text in {"n.csv": "", "o.csv": "x,y\n", "p.csv": "x,y\n1,2,3\n", "q.csv": "x,y\n1,\n", "r.csv": "x,y\none,2\n",
                       "s.csv": 'x,y\n"1,2\n', "t.csv": "x,x,y\n1,2,3\n", "u.csv": "a,b\n1,2\n", "v.csv": "step,x,y\n1,1,1\n1,2,2\n",
                       "w.csv": "sequence,x,y\n1,1,1\n2,1,1\n1,2,2\n", "x.csv": "x,y\n,2\n", "y.csv": "x,y\nnan,1\n"}.items():
        pathlib.Path(name).write_text(text)
    pathlib.Path("a.ts").write_text("@classLabel true a\n@data\n1,2:a\n1,?:a\n")
    pathlib.Path("b.ts").write_text("@classLabel true a\n1,2:a\n")
    pathlib.Path("c.txt").write_bytes(b"abc\nd\xff")
    for name, words in {
            "a.npz": "x of a.npz: sequence 5, step 2, channel 3 is nan", "b.npz": "sequence 6, step 3, channel 2 is inf",
            "c.npz": "there is no array y; there are x, lengths", "d.npz": "the shape is [5, 7, 2], expected [12]",
            "e.npz": "sequence 1 has the length 8, expected a whole number from 1 to 7", "f.npz": "the shape is [1, 12, 7, 3]",
            "g.npz": "values of type '<U1'", "h.npz": "newbyteorder", "i.npz": "there is nothing in it", "j.npz": "expected a weight",
            "l.npz": "not an archive, or truncated", "m.npz": "x.npy is damaged", "n.csv": "the file is empty", "o.csv": "no line has a target",
            "p.csv": "p.csv:2: 3 cells, expected 2", "q.csv": "no line has a target", "r.csv": "r.csv:2: column x: \"one\" is no number",
            "s.csv": "s.csv:2: a quoted cell does not end", "t.csv": "two columns x", "u.csv": "there is no column x",
            "v.csv": "v.csv:3: column step: 1 follows 1", "w.csv": "w.csv:4: column sequence: sequence 1 goes on", "x.csv": "is empty, expected a number",
            "y.csv": "sequence 1, step 1 is nan", "a.ts": "a.ts:4: value 2 of dimension 1 is missing", "b.ts": "b.ts:2: ",
            "none.npz": "none.npz: cannot be read: No such file"}.items():
        done = case("arrays", name, "train")[0]
        assert done.returncode == 1 and words in done.stderr, (name, done.returncode, done.stderr)
    done = case("text", "c.txt", "train", steps=1)[0]
    assert done.returncode == 1 and "c.txt:2: byte 5 is no UTF-8" in done.stderr, done.stderr
    for options, words in [({"x": "a"}, "there is no array a"), ({"targets": "labels"}, "expected auto, real, binary or label"),
                           ({"normalise": "std"}, "expected none, standard or range"), ({"validation": 0.6, "test": 0.5}, "leave none for training"),
                           ({"targets": "binary"}, "expected 0 or 1"), ({"lengths": "n"}, "there is no array n")]:
        done = case("arrays", "k.npz", "train", **options)[0]
        assert done.returncode == 1 and words in done.stderr, (options, done.stderr)


with tempfile.TemporaryDirectory() as folder:
    import os
    os.chdir(folder)
    archives(), tables(), other_forms(), options(), faults()
    os.chdir("/")
print(f"{checks} files agree with NumPy")
