"""Theorem 3.1 of Pemberton & Costa 2024 by scripts/theorem31.py: the distance of BP(λ) from what it approximates."""
import csv
import math
import pathlib
import subprocess
import sys
import unittest

import experiments as e


def slopes(*arguments):
    """{rule: the slope of log ratio over log rate}, {rule: its ratios}."""
    out = pathlib.Path(e.FOLDER.name) / f"theorem{next(e.COUNT)}"
    command = [sys.executable, "-B", e.PROJECT / "scripts/theorem31.py", "--eligo", e.ELIGO, "--out", out]
    command += ["--draws", "2", "--per-decade", "1", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)
    if (out / "theorem31.svg").read_text().count("<polyline") != 4:
        raise AssertionError("the picture lacks a curve")
    points = {}
    with open(out / "theorem31.csv", newline="") as file:
        for row in csv.DictReader(file):
            points.setdefault(row["rule"], []).append((math.log(float(row["alpha"])), math.log(float(row["ratio"]))))
    ratios = {rule: [math.exp(y) for _, y in p] for rule, p in points.items()}
    return {rule: slope(p) for rule, p in points.items()}, ratios


def slope(points):
    x, y = (sum(p[i] for p in points) / len(points) for i in (0, 1))
    return sum((p[0] - x) * (p[1] - y) for p in points) / sum((p[0] - x) ** 2 for p in points)


class Theorem31(unittest.TestCase):
    def test_the_ratio_falls_linearly_where_sweeps_restart(self):
        slope_of, ratios = slopes()
        for rule in ("online_lambda_sg", "offline_lambda_sg"):
            self.assertAlmostEqual(slope_of[rule], 1, delta=0.02, msg=rule)
            self.assertLess(min(ratios[rule]), 2e-4 * max(ratios[rule]), rule)
        self.assertLess(abs(slope_of["online_lambda_sg_carry"]), 0.1)
        self.assertGreater(min(ratios["online_lambda_sg_carry"]), 0.3)

    def test_it_is_of_bp_lambda_as_it_is(self):
        # A trace that decays by half as much, and one that begins a step late.
        for text, other in (("γ*λ * J[t] . e[t-1]", "0.5*γ*λ * J[t] . e[t-1]"), ("for t in start..end", "")):
            slope_of, ratios = slopes("--rules", e.broken("bp_lambda.eli", (text, other)))
            self.assertLess(abs(slope_of["online_lambda_sg"]), 0.5, other)
            self.assertGreater(min(ratios["online_lambda_sg"]), 1e-3, other)


if __name__ == "__main__":
    e.main()
