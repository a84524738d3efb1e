#!/usr/bin/env python3
"""Checks that includes run one way between folders: check.py PROJECT [--draw]

The table under "## Folders" in docs/architecture.md lists the folders from the lowest to the highest. A file may include
files of its own folder and of those above its row (benchmarks also helpers of tests). Only compiler/llvm may include a
header of LLVM, and only it and its tests one of its own. --draw prints the arrows."""
import collections
import pathlib
import re
import sys

ROOMS = ("support", "dsl", "compiler", "runtime", "bench", "python")
BACKENDS = ("compiler/llvm",)
SOURCES = {".h", ".cpp", ".def"}


def declared(page):
    section = page.partition("\n## Folders\n")[2].partition("\n## ")[0]
    return [folder for row in re.findall(r"^\| (`.*?) \|", section, re.M) for folder in re.findall(r"`([^`]+)/`", row)]


def files_of(root):
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in SOURCES:
                yield path


def faults_and_arrows(root):
    order = declared((root / "docs/architecture.md").read_text())
    place = {folder: number for number, folder in enumerate(order)}
    faults, arrows = [], collections.Counter()
    if len(set(order)) != len(order):
        faults.append("docs/architecture.md: a folder is listed twice")
    used = set()
    for path in files_of(root):
        name = path.relative_to(root).as_posix()
        here = path.parent.relative_to(root).as_posix()
        used.add(here)
        if here not in place:
            faults.append(f"{name}: the folder {here} is not in the table of docs/architecture.md")
            continue
        for line, text in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)', text)
            if not found:
                continue
            target = found[2]
            if target.startswith(("llvm/", "llvm-c/")) and here != "compiler/llvm":
                faults.append(f"{name}:{line}: only compiler/llvm includes LLVM")
            there = str(pathlib.PurePosixPath(target).parent)
            if there in BACKENDS and here != there:
                faults.append(f"{name}:{line}: only {there} includes its headers; compiler/codegen is for the others")
                continue
            if found[1] == "<" or there == here:
                continue
            if here.startswith("bench") and there.startswith("tests"):
                continue  # benchmarks share helpers with tests
            if not (root / target).exists():
                faults.append(f"{name}:{line}: there is no file {target}")
                continue
            arrows[here, there] += 1
            if place.get(there, len(order)) > place[here]:
                faults.append(f"{name}:{line}: {here} may not include {there}, which comes after it")
    for folder in order:
        if folder not in used:
            faults.append(f"docs/architecture.md: the folder {folder} has no sources")
    return faults, arrows


def main():
    faults, arrows = faults_and_arrows(pathlib.Path(sys.argv[1]))
    if "--draw" in sys.argv:
        for (here, there), count in sorted(arrows.items()):
            print(f"{here} -> {there} {count}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
