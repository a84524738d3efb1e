#!/usr/bin/env python3
"""Holds docs/rules.md against the rule files, and what the rules say of their tests against the tests.

Usage: rules_page.py ELIGO PROJECT [--update] [--tests BINARY...]

With --update the page is written instead of compared. Each rule must name its paper and its tests; with --tests each of
those must be one of these GoogleTest binaries' (a test with parameters goes by its name without them).
"""

import difflib
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def eligo(command, project, folder, *arguments):
    environment = dict(os.environ, ELIGO_RULES=str(project / "rules"), LC_ALL="C.UTF-8")
    done = subprocess.run([command, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"eligo {' '.join(arguments)}: exit status {done.returncode}")
    return done.stdout.decode()


def tests_of(binary):
    """The names that --gtest_list_tests shows, as Suite.Name without instances and parameters."""
    listed = subprocess.run([binary, "--gtest_list_tests"], stdout=subprocess.PIPE, check=True, text=True).stdout
    names, suite = set(), ""
    for line in listed.splitlines():
        line = line.split("#")[0].rstrip()
        if line.endswith(".") and not line.startswith(" "):
            parts = line[:-1].split("/")
            suite = parts[1] if len(parts) > 1 and not parts[1].isdigit() else parts[0]
        elif line.startswith("  "):
            names.add(f"{suite}.{line.strip().split('/')[0]}")
    return names


def faults_of(rule, tests):
    if not rule["title"]:
        yield "has no title: the first line of the comment above it"
    if not rule["paper"]:
        yield "names no paper: a line `# paper: ...` above it"
    if not rule["tests"]:
        yield "names no test: a line `# test: Suite.Name` above it"
    for test in rule["tests"]:
        if tests is not None and test not in tests:
            yield f"names the test {test}, which does not exist"


def compare(page, expected, found):
    if expected == found:
        return 0
    sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), expected.splitlines(True), str(page), "generated", n=1))
    print(f"{page} is not what the rules are: run `cmake --build build --target rules_page`")
    return 1


def main():
    command, project = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    options = sys.argv[3:]
    binaries = options[options.index("--tests") + 1:] if "--tests" in options else []
    tests = set().union(*map(tests_of, binaries)) if binaries else None
    page = project / "docs" / "rules.md"
    with tempfile.TemporaryDirectory() as folder:
        rules = json.loads(eligo(command, project, folder, "list", "rules", "--json"))["rules"]
        text = eligo(command, project, folder, "list", "rules", "--markdown")
    failures = 0
    for rule in rules:
        for fault in [] if rule["tour"] else faults_of(rule, tests):
            print(f"rule {rule['name']} {fault}")
            failures += 1
    if "--update" in options:
        page.write_text(text, encoding="utf-8")
        print(f"{page} written")
    else:
        failures += compare(page, text, page.read_text(encoding="utf-8") if page.exists() else "")
    return 1 if failures and "--update" not in options else 0


if __name__ == "__main__":
    sys.exit(main())
