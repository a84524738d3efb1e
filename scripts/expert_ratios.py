#!/usr/bin/env python3
"""The ratios of Theorem 5 of Zhang et al. 2026 from a run of the experiment sgprop_experts.

    eligo run sgprop_experts --out FOLDER
    scripts/expert_ratios.py FOLDER

writes FOLDER/ratios.csv (d, k, noise, trials, both mean squared errors, their ratio, its standard error, 2^(d-k)) and
FOLDER/ratios.svg, and prints the table. A trial is a seed: both variants see the same network and feedback, so the
standard error of the ratio of means is, to first order, that of mean(a - ratio*b) over mean(b).
"""
import argparse
import csv
import math
import os
import sys
import tomllib
from collections import defaultdict

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from svg_chart import Curve, Panel, chart
from guarded import guarded


def read_errors(folder):
    """{(noise, k, d): {rule: {seed: squared error}}}. The run's experiment.toml has the settings of each variant."""
    with open(os.path.join(folder, "experiment.toml"), "rb") as file:
        experiment = tomllib.load(file)
    variants = {v["name"]: v for v in experiment.get("compare", [])}
    if not variants:
        sys.exit(f"{folder}: has one variant only; run backprop and synthetic")
    errors = defaultdict(lambda: defaultdict(dict))
    with open(os.path.join(folder, "summary.csv"), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            variant = variants[row["variant"]]
            task = {**experiment["task"], **variant.get("task", {})}
            rule = {**experiment.get("rule", {}), **variant.get("rule", {})}["name"]
            errors[task["noise"], task["k"], task["d"]][rule][row["seed"]] = float(row["final_score"])
    return errors


def ratio_of(backprop, synthetic):
    """Of the means over the trials that both have, with its standard error."""
    seeds = sorted(backprop.keys() & synthetic.keys())
    a, b = [backprop[s] for s in seeds], [synthetic[s] for s in seeds]
    n, above, below = len(seeds), sum(a) / len(a), sum(b) / len(b)
    ratio = above / below
    apart = sum((x - ratio * y) ** 2 for x, y in zip(a, b)) / max(n - 1, 1)
    return n, above, below, ratio, math.sqrt(apart / n) / below if n > 1 else math.nan


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="of a run of sgprop_experts")
    folder = parser.parse_args().folder
    rows = []
    for (noise, k, d), kinds in sorted(read_errors(folder).items()):
        if not {"bptt", "sgprop_experts"} <= kinds.keys():
            sys.exit(f"{folder}: d = {d}, k = {k}, {noise} lacks one of the rules bptt and sgprop_experts; run both")
        rows.append((d, k, noise, *ratio_of(kinds["bptt"], kinds["sgprop_experts"]), 2 ** (d - k)))
    with open(os.path.join(folder, "ratios.csv"), "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["d", "k", "noise", "trials", "backprop", "synthetic", "ratio", "ratio_standard_error", "theory"])
        out.writerows(rows)
    noises = sorted({r[2] for r in rows}, key=["noisy", "activation", "partial"].index)
    panels = []
    for noise in noises:
        panel = Panel(noise, "d", "error of backprop / error of tables", log_y=True)
        for i, k in enumerate(sorted({r[1] for r in rows})):
            mine = [r for r in rows if r[1] == k and r[2] == noise]
            measured = [(r[0], r[6]) if math.isnan(r[7]) else (r[0], r[6], r[7]) for r in mine]
            panel.curves.append(Curve(f"k = {k}", measured, colour=i))
            theory = [(r[0], r[8]) for r in mine]
            panel.curves.append(Curve("2^(d-k)" if k == rows[-1][1] else "", theory, thin=True, colour=i))
        panels.append(panel)
    chart(os.path.join(folder, "ratios.svg"), panels)
    print(f"{'noise':<11} {'k':>2} {'d':>3} {'trials':>7} {'ratio':>18} {'2^(d-k)':>8}")
    for d, k, noise, trials, _, _, ratio, error, theory in sorted(rows, key=lambda r: (noises.index(r[2]), r[1], r[0])):
        print(f"{noise:<11} {k:>2} {d:>3} {trials:>7} {f'{ratio:.4g} ± {error:.2g}':>18} {theory:>8}")
    print(f"\n{folder}/ratios.csv\n{folder}/ratios.svg")


if __name__ == "__main__":
    guarded(main)
