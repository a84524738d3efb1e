"""What a run folder's nets hold and do: values from `eligo predict`, parameters from checkpoints."""

import argparse
import csv
import pathlib
import subprocess
import tempfile
import tomllib

import numpy as np

import heat_maps


class TrainedNet:
    def __init__(self, eligo, run, variant, seed, checkpoint):
        self.eligo, self.run, self.variant, self.seed = eligo, pathlib.Path(run), variant, seed
        self.parameters = np.load(checkpoint)

    def setting(self, path):
        """Of the variant, or what all variants share."""
        with open(self.run / "experiment.toml", "rb") as file:
            shared = tomllib.load(file)
        own = [variant for variant in shared.get("compare", []) if variant["name"] == self.variant]
        for table in (*own, shared):
            for word in path.split("."):
                table = table.get(word) if isinstance(table, dict) else None
            if table is not None:
                return table
        raise SystemExit(f"{self.run}: {self.variant} has no setting {path}")

    def predicted(self, sequences, show, split="train"):
        """Arrays [sequences][steps][...] of these equations, of x, y and the readout's output, after the last epoch."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "values.npz"
            subprocess.run([self.eligo, "predict", str(self.run), "--variant", self.variant, "--seed", str(self.seed),
                            "--checkpoint", "last", "--split", split, "--sequences", str(sequences),
                            "--show", ",".join(show), "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
            with np.load(out) as values:
                return {name: values[name] for name in values.files}


def trained_nets(eligo, run, variants=(), seed=None):
    """Those of a run folder, in its order; one seed of each variant (the first, if none is named)."""
    run = pathlib.Path(run)
    if not (run / "summary.csv").exists():
        raise SystemExit(f"{run}: not the folder of a run (it has no summary.csv); give the one that `eligo run` named")
    with open(run / "summary.csv") as file:
        rows = list(csv.DictReader(file))
    names = list(dict.fromkeys(row["variant"] for row in rows))
    for name in variants:
        if name not in names:
            raise SystemExit(f"{run} has no variant {name}; there are {', '.join(names)}")
    nets = []
    for number, name in enumerate(names, 1):
        seeds = [row["seed"] for row in rows if row["variant"] == name]
        if variants and name not in variants:
            continue
        chosen = seeds[0] if seed is None else str(seed)
        if chosen not in seeds:
            raise SystemExit(f"{run}: {name} has no seed {chosen}; there are {', '.join(seeds)}")
        found = sorted((run / "checkpoints").glob(f"{number}-*seed{chosen}-last.npz"))
        if not found:
            raise SystemExit(f"{run}: {name}, seed {chosen} has no checkpoint yet; train it with `eligo run`")
        nets.append(TrainedNet(eligo, run, name, chosen, found[0]))
    return nets


def parser_of(text):
    """The arguments that all scripts on trained nets have."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="the folder of a run")
    parser.add_argument("out", help="a folder for the table and the pictures")
    parser.add_argument("--eligo", default="eligo", help="the command, where it is not on the path")
    parser.add_argument("--variant", action="append", default=[], help="of the run (all)")
    parser.add_argument("--seed", help="of each variant (its first)")
    return parser


def write(rows, pictures, table, picture):
    """The rows of a table as CSV, the pictures (heat_maps.write) as SVG."""
    table.parent.mkdir(parents=True, exist_ok=True)
    with open(table, "w", newline="") as file:
        lines = csv.DictWriter(file, rows[0].keys())
        lines.writeheader()
        lines.writerows(rows)
    heat_maps.write(picture, pictures)
    print(table)
    print(picture)
