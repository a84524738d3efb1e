"""Runs experiments of the library in their quick form, with its rules or with broken copies of them, and reads what came out.

Each test file: `python3 NAME_test.py ELIGO PROJECT`.
"""
import csv
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

ELIGO, PROJECT = sys.argv[1], pathlib.Path(sys.argv[2])
FOLDER = tempfile.TemporaryDirectory()
COUNT = iter(range(1000))


def eligo(*arguments):
    """What the command prints; its message where it fails."""
    done = subprocess.run([ELIGO, *map(str, arguments)], cwd=FOLDER.name, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"eligo {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def run(name, *arguments, rules=None):
    """The run folder of the experiment's quick form; `rules` is a folder whose rules come before the library's."""
    out = pathlib.Path(FOLDER.name) / f"run{next(COUNT)}"
    extra = ["--rules", rules] if rules else []
    eligo("run", PROJECT / "rules/experiments" / f"{name}.toml", "--quick", "--quiet", "--out", out, *extra, *arguments)
    return out


def broken(rule, *changes):
    """A folder with a copy of a rule's file in which each (text, other) is replaced, once."""
    folder = pathlib.Path(FOLDER.name) / f"rules{next(COUNT)}"
    folder.mkdir()
    text = (PROJECT / "rules" / rule).read_text()
    for old, new in changes:
        if text.count(old) < 1:
            raise AssertionError(f"{rule} has no {old!r}")
        text = text.replace(old, new, 1)
    (folder / pathlib.Path(rule).name).write_text(text)
    return folder


def table(text):
    """The rows of a CSV by variant: {variant: [row, ...]}, each row {column: text}."""
    rows = {}
    for row in csv.DictReader(io.StringIO(text)):
        rows.setdefault(row["variant"], []).append(row)
    return rows


def summary(folder):
    return table((folder / "summary.csv").read_text())


def mean(rows, column):
    values = [float(row[column]) for row in rows]
    return sum(values) / len(values)


def report(*folders, credit=False):
    """The report's table: {variant: {column: text}}."""
    text = eligo("report", *folders, "--csv", "-", *(["--credit"] if credit else []))
    return {variant: rows[0] for variant, rows in table(text).items()}


def main():
    unittest.main(argv=[sys.argv[0]], verbosity=2)
