#!/usr/bin/env python3
"""Theorem 3.1 of Pemberton & Costa 2024: BP(lambda), updated at every step, approaches online lambda-weighted synthetic
gradients as the learning rate goes to zero: |theta_BP - theta_online| / |theta_BP - theta_0| falls linearly with it.

    scripts/theorem31.py --eligo build/bin/eligo --out FOLDER

runs one sequence (`eligo eval`, float64) of a tanh network with random inputs and targets at every step, for rates over
four decades and several draws of network and sequence, and writes FOLDER/theorem31.csv (a row for each rule, rate and
draw) and FOLDER/theorem31.svg (geometric means over the draws), and prints the slope of each rule's line in the log-log
plane. The sweeps of online_lambda_sg restart from theta_0, which the theorem's proof needs; those of
online_lambda_sg_carry go on from the last one, as the paper's text has it; offline_lambda_sg updates once, at the end.
"""
import argparse
import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from svg_chart import Curve, Panel, chart
from guarded import guarded

RULES = ["online_lambda_sg", "offline_lambda_sg", "online_lambda_sg_carry"]
UNITS, INPUTS, TARGETS = 6, 3, 2


def draw_case(seed, steps, lam):
    """A network, a synthesiser that is not zero, and a sequence with a loss at every step."""
    of = random.Random(seed)

    def values(*shape, size=1.0):
        if not shape:
            return of.gauss(0, size)
        return [values(*shape[1:], size=size) for _ in range(shape[0])]

    scale = 1 / math.sqrt(UNITS)
    return {
        "cell": "rnn_tanh", "readout": "linear_mse", "synth": "linear",
        "sizes": {"n": UNITS, "m": INPUTS, "k": TARGETS}, "hyper": {"lambda": lam, "gamma": 0.9}, "dtype": "f64",
        "values": {"net.W": values(UNITS, UNITS, size=scale), "net.U": values(UNITS, INPUTS),
                   "net.b": values(UNITS, size=scale),
                   "L.V": values(TARGETS, UNITS, size=scale), "L.b": values(TARGETS, size=scale),
                   "g.A": values(UNITS, UNITS, size=0.3 * scale), "g.a": values(UNITS, size=0.3)},
        "x": values(steps, 1, INPUTS), "y": values(steps, 1, TARGETS)}


def flat(value):
    return [value] if not isinstance(value, list) else [x for part in value for x in flat(part)]


class Eligo:
    def __init__(self, command, rules):
        self.command, self.rules = command, ["--rules", rules] if rules else []
        self.folder = tempfile.TemporaryDirectory()

    def theta(self, case, rule, rate):
        """The synthesiser's parameters after the sequence."""
        case = dict(case, rule=rule, hyper=dict(case["hyper"]))
        if rule.startswith("online"):
            case["hyper"]["alpha"] = rate     # its blocks step by themselves
        else:
            every = "sequence" if rule.startswith("offline") else "step"
            case["update"] = {"every": every, "sgd": {"θ": rate}}
        here, there = (os.path.join(self.folder.name, name) for name in ("case.json", "out.json"))
        with open(here, "w", encoding="utf-8") as file:
            json.dump(case, file)
        subprocess.run([self.command, "eval", here, "--out", there, *self.rules], check=True)
        with open(there, encoding="utf-8") as file:
            after = json.load(file)["values"]
        return flat(after["g.A"]) + flat(after["g.a"])


def distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))


def slope(points):
    """Of the least-squares line through (log x, log y)."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eligo", default="eligo", help="the command (eligo)")
    parser.add_argument("--rules", help="a folder of rules that go before the library's")
    parser.add_argument("--out", default=".", help="the folder of the table and the picture (.)")
    parser.add_argument("--draws", type=int, default=5, help="networks and sequences (5)")
    parser.add_argument("--steps", type=int, default=10, help="of a sequence (10)")
    parser.add_argument("--lambda", dest="lam", type=float, default=0.7, help="(0.7)")
    parser.add_argument("--largest", type=float, default=1e-2, help="rate; four decades below it are taken (0.01)")
    parser.add_argument("--per-decade", type=int, default=2, help="rates (2)")
    options = parser.parse_args()
    eligo = Eligo(options.eligo, options.rules)
    rates = [options.largest * 10 ** (-i / options.per_decade) for i in range(4 * options.per_decade + 1)]
    ratios = {rule: {rate: [] for rate in rates} for rule in RULES}
    for seed in range(options.draws):
        case = draw_case(seed, options.steps, options.lam)
        before = flat(case["values"]["g.A"]) + flat(case["values"]["g.a"])
        for rate in rates:
            bp = eligo.theta(case, "bp_lambda", rate)
            for rule in RULES:
                ratios[rule][rate].append(distance(bp, eligo.theta(case, rule, rate)) / distance(bp, before))
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "theorem31.csv"), "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["rule", "alpha", "draw", "ratio"])
        out.writerows((rule, f"{rate:.6g}", seed, repr(ratio)) for rule in RULES for rate in rates
                      for seed, ratio in enumerate(ratios[rule][rate]))
    means = {rule: [(rate, math.exp(sum(map(math.log, found[rate])) / options.draws)) for rate in rates]
             for rule, found in ratios.items()}
    chart(os.path.join(options.out, "theorem31.svg"),
          [Panel("Theorem 3.1", "α", "|θ_BP - θ| / |θ_BP - θ_0|",
                 [Curve(rule, means[rule]) for rule in RULES]
                 + [Curve("slope 1", [(r, 3 * means[RULES[0]][0][1] * r / rates[0]) for r in rates], thin=True)],
                 log_x=True, log_y=True, key_below=True)])
    for rule in RULES:
        print(f"{rule:<24} slope {slope(means[rule]):7.4f}   ratio {means[rule][0][1]:.3g} at α = {rates[0]:g}, "
              f"{means[rule][-1][1]:.3g} at α = {rates[-1]:g}")


if __name__ == "__main__":
    guarded(main)
