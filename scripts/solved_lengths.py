#!/usr/bin/env python3
"""How long a sequence each method of a run has learned: the largest length such that the validation loss, averaged over the last
epochs, is below a bound at this length and at all smaller ones; mean over the seeds with its standard error.

    eligo run delayed_target_plastic --out plastic
    python3 scripts/solved_lengths.py plastic

The lengths are a list of the experiment (task.T), so the variants are called "METHOD, task.T = 10" and so on. The bound of
Pemberton & Costa 2024 is 0.025 for the squared error summed over two outputs, 0.0125 for their mean, which is the loss.
"""
import argparse
import collections
import csv
import pathlib
import re
import statistics
import sys


def losses_of(folder):
    """{(method, length, seed): validation losses, epoch by epoch}"""
    losses = collections.defaultdict(list)
    with open(folder / "metrics.csv", newline="") as file:
        for row in csv.DictReader(file):
            name = re.fullmatch(r"(.*), task\.T = (\d+)", row["variant"])
            if name and row["split"] == "validation":
                losses[name[1], int(name[2]), int(row["seed"])].append(float(row["loss"]))
    return losses


def solved(losses, method, seed, below, epochs):
    longest = 0
    for length in sorted(length for one, length, s in losses if one == method and s == seed):
        last = losses[method, length, seed][-epochs:]
        if not statistics.fmean(last) < below:
            break
        longest = length
    return longest


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=pathlib.Path, help="of the run")
    parser.add_argument("--below", type=float, default=0.0125, help="bound on the loss")
    parser.add_argument("--epochs", type=int, default=20, help="the last ones, which are averaged")
    a = parser.parse_args()
    if a.epochs < 1:
        parser.error(f"--epochs {a.epochs}: at least the last one")
    try:
        losses = losses_of(a.folder)
    except OSError as error:
        parser.error(f"{a.folder}: not the folder of a run ({error.strerror}: {error.filename})")
    except ValueError as error:
        parser.error(f"{a.folder / 'metrics.csv'}: cannot be read: {error}")
    if not losses:
        parser.error(f"{a.folder}: no variant is called \"METHOD, task.T = LENGTH\"; give a run with a list of lengths")
    if min(map(len, losses.values())) < a.epochs:
        print(f"note: some trainings have fewer than {a.epochs} epochs, or have not ended", file=sys.stderr)
    print("| method | longest solved, mean | by seed |\n|---|---:|---|")
    for method in dict.fromkeys(method for method, _, _ in losses):
        seeds = sorted({seed for one, _, seed in losses if one == method})
        longest = [solved(losses, method, seed, a.below, a.epochs) for seed in seeds]
        error = f" ± {statistics.stdev(longest) / len(longest) ** 0.5:.0f}" if len(longest) > 1 else ""
        print(f"| {method} | {statistics.fmean(longest):.0f}{error} | {', '.join(map(str, longest))} |")


if __name__ == "__main__":
    main()
