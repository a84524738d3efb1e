#!/usr/bin/env python3
"""Runs what a page of the documentation shows, in a scratch folder, and compares.

Usage: run_snippets.py ELIGO PROJECT PAGE [--update]

With --update the page's expected outputs that differ are rewritten, except those with `...`; review the difference.

Fences with these info strings take part, all others are only read by people:
  ```console            lines `$ command` are run, in order, by bash; what follows is their expected output (both
                        streams). `...` stands for any text in a line; a line `...` alone for any number of lines.
                        A command that ends with a status other than 0 must end with a comment: `$ command  # fails`.
  ```console numbers    as console, but any number may stand for a number, and blanks for blanks: for measurements
  ```LANG file=NAME     is written to NAME in the scratch folder
  ```LANG from=PATH     is an excerpt: its lines stand in this order in the project's file PATH; `...` skips lines

The scratch folder has links to the project's rules/ and examples/.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile


def fences(text):
    """(line number, info string, lines) of every fenced block."""
    block, info, start = None, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            if block is None:
                block, info, start = [], line[3:].strip(), number
            else:
                yield start, info, block
                block = None
        elif block is not None:
            block.append(line)
    if block is not None:
        raise SystemExit(f"line {start}: the block is not closed")


def blur(line):
    """The line with its numbers and blanks made alike."""
    return re.sub(r"\s+", " ", re.sub(r"-?\d+(\.\d+)?(e[-+]?\d+)?", "0", line))


def line_fits(expected, line):
    parts = [re.escape(part) for part in expected.rstrip().split("...")]
    return re.fullmatch(".*".join(parts), line.rstrip()) is not None


def fits(expected, lines):
    """Whether the lines are what is expected, with `...` as a wildcard."""
    if not expected:
        return not lines
    if expected[0].strip() == "...":
        return any(fits(expected[1:], lines[i:]) for i in range(len(lines) + 1))
    return bool(lines) and line_fits(expected[0], lines[0]) and fits(expected[1:], lines[1:])


def commands(block):
    """(command, expected output lines) of a console block."""
    found = []
    for line in block:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line.lstrip("> "), [])
        elif found:
            found[-1][1].append(line)
    return found


def run(command, expected, folder, environment, any_numbers):
    """None, or what is wrong and the lines that were found (None: the exit status is wrong)."""
    must_fail = re.search(r"#\s*fails$", command) is not None
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if (done.returncode != 0) != must_fail:
        return f"exit status {done.returncode}\n{done.stdout}", None
    lines = done.stdout.replace(str(folder) + "/", "").splitlines()
    for text in (lines, expected):
        while text and not text[-1].strip():
            text.pop()
        while text and not text[0].strip():
            text.pop(0)
    alike = blur if any_numbers else str
    if expected and not fits([alike(line) for line in expected], [alike(line) for line in lines]):
        return "--- expected\n" + "\n".join(expected) + "\n--- found\n" + "\n".join(lines), lines
    return None


def main():
    eligo, project, page = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
    failures = ran = 0
    updates = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch).resolve() / "work"
        commands_folder = pathlib.Path(scratch).resolve() / "bin"
        folder.mkdir()
        commands_folder.mkdir()
        (commands_folder / "eligo").symlink_to(eligo)
        for name in ("rules", "examples"):
            (folder / name).symlink_to(project / name)
        environment = dict(os.environ, PATH=f"{commands_folder}:{os.environ['PATH']}", LC_ALL="C.UTF-8",
                           ELIGO_CACHE=str(pathlib.Path(scratch) / "cache"))
        environment.pop("ELIGO_RULES", None)
        for number, info, block in fences((project / page).read_text(encoding="utf-8")):
            problems = []
            words = info.split()
            option = next((word for word in words if word.startswith(("file=", "from="))), None)
            if option and option.startswith("file="):
                path = folder / option[5:]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(block) + "\n", encoding="utf-8")
            elif option:
                source = (project / option[5:]).read_text(encoding="utf-8").splitlines()
                ran += 1
                if not fits(["...", *block, "..."], source):
                    problems.append(f"not an excerpt of {option[5:]}")
            elif words[:1] == ["console"]:
                for command, expected in commands(block):
                    ran += 1
                    problem = run(command, expected, folder, environment, "numbers" in words)
                    if problem:
                        problems.append(f"$ {command}\n{problem[0]}")
                        if problem[1] is not None and not any("..." in line for line in expected):
                            updates.append(("\n".join([f"$ {command}", *expected]), "\n".join([f"$ {command}", *problem[1]])))
            for problem in problems:
                failures += 1
                print(f"{page}:{number}: {problem}\n")
    if "--update" in sys.argv[4:] and updates:
        text = (project / page).read_text(encoding="utf-8")
        for old, new in updates:
            text = text.replace(old, new)
        (project / page).write_text(text, encoding="utf-8")
        print(f"{page}: {len(updates)} outputs rewritten")
    print(f"{page}: {ran} snippets, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    sys.exit(main())
