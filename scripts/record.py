#!/usr/bin/env python3
"""Records what the command computes, so that a rewrite can be held against it: scripts/record.py ELIGO FOLDER

For every rule of the library on several cells: what explain says, the graph, schedule and loops as dumped, and what
`eligo eval` computes on a fixed case in float64 and float32. Also digests of a short training's checkpoints. Two folders are
compared with `diff -r`. Takes about two minutes."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile

CELLS = ["", "rnn_tanh", "lstm", "gru", "rnn_projected", "feedforward", "sparsenet"]
STAGES = ["graph", "derivatives", "simplified", "schedule", "distributed", "timetable", "loops"]
STEPS, EXAMPLES, INPUTS, TARGETS = 5, 3, 3, 2


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    text = done.stdout if done.returncode == 0 else f"exit status {done.returncode}\n{done.stderr}"
    return text.replace(os.environ.get("ELIGO_RULES") or "\0", "rules")


def drawn(draw, *shape):
    return [drawn(draw, *shape[1:]) for _ in range(shape[0])] if shape else draw.uniform(-1, 1)


def case():
    draw = random.Random(7)
    return {
        "x": drawn(draw, STEPS, EXAMPLES, INPUTS),
        "y": drawn(draw, STEPS, EXAMPLES, TARGETS),
        "lengths": [5, 3, 4],
        "seed": 3,
    }


def sizes(options):
    of_cell = {"q": 2, "r": 2, "slot": 3, "w": 4} if any("sparsenet" in each for each in options) else {"n": 4}
    return of_cell | {"m": INPUTS, "k": TARGETS}


def parts_of(eligo, rule, cell):
    """The options that name a rule's parts as `explain` completes them, or None if they do not fit together."""
    explained = run(eligo, "explain", rule, "--json", *(["--cell", cell] if cell else []))
    if not explained.startswith("{"):
        return explained, None
    options, last = [], None
    for item in json.loads(explained)["parts"].split(", "):
        kind, _, name = item.partition(" ")
        if "=" in kind:  # a further synthesiser
            options[last] += "," + item
        elif kind != "optimiser":
            options += ["--" + kind, name]
            last = len(options) - 1
    return explained, options


def record(eligo, folder):
    write = lambda name, text: (folder / name).write_text(text)
    rules = [rule["name"] for rule in json.loads(run(eligo, "list", "rules", "--json"))["rules"]]
    for rule in rules:
        seen = set()
        for cell in CELLS:
            explained, options = parts_of(eligo, rule, cell)
            if str(options) in seen:
                continue
            seen.add(str(options))
            name = f"{rule}-{cell or 'own'}"
            write(name + ".explain", explained)
            if options is None:
                continue
            for stage in STAGES:
                write(f"{name}.{stage}", run(eligo, "dump", rule, "--stage", stage, "--cpu", "avx2", *options))
            for dtype in ["f64", "f32"]:
                with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                    json.dump(case() | {"rule": rule, "dtype": dtype, "sizes": sizes(options)}, file)
                    file.flush()
                    out = run(eligo, "eval", file.name, "--out", "-", *options)
                    write(f"{name}.{dtype}", out.replace(file.name, "case.json"))
        print(rule, len(seen), file=sys.stderr)


def train(eligo, folder):
    with tempfile.TemporaryDirectory() as place:
        small = ["train.epochs=2", "train.batches_per_epoch=10"]
        run(eligo, "run", "quick_start", "--out", place + "/run", *small)
        for kept in sorted(pathlib.Path(place).rglob("*.npz")):
            with zipfile.ZipFile(kept) as members:  # the time that it took differs from run to run
                lines = [f"{name} {hashlib.sha256(members.read(name)).hexdigest()}\n"
                         for name in members.namelist() if "seconds" not in name]
            (folder / (kept.name + ".txt")).write_text("".join(lines))


def main():
    eligo, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True)
    record(eligo, folder)
    train(eligo, folder)


main()
