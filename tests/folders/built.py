#!/usr/bin/env python3
"""Checks that every source file is compiled, so that no test is left out of its binary: built.py PROJECT BUILD"""
import json
import pathlib
import sys

root, build = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
compiled = {pathlib.Path(entry["directory"], entry["file"]).resolve()
            for entry in json.loads((build / "compile_commands.json").read_text())}
left_out = [path for room in ("support", "dsl", "compiler", "runtime", "bench", "tests")
            for path in sorted((root / room).rglob("*.cpp")) if path not in compiled]
for path in left_out:
    print(f"{path.relative_to(root)}: no target compiles this file")
sys.exit(bool(left_out))
