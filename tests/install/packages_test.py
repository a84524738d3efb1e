#!/usr/bin/env python3
"""README.md says of every package that is installed what it is for: packages_test.py PROJECT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
table = re.findall(r"^\| (`.*?) \|", (root / "README.md").read_text(encoding="utf-8"), re.M)
explained = {name for row in table for name in re.findall(r"`([^`]+)`", row)}
missing = [f"{name} of scripts/{file}" for file in ("packages", "packages.check")
           for name in (root / "scripts" / file).read_text(encoding="utf-8").splitlines()
           if name and not name.startswith("#") and name not in explained]
for name in missing:
    print(f"README.md does not say what {name} is for")
sys.exit(bool(missing))
