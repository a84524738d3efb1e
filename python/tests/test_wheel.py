"""What the installed package needs of the system, and what it brings along."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import eligo

PACKAGE = pathlib.Path(eligo.__file__).parent


LIBRARIES = """
with open("/proc/self/maps", encoding="utf-8") as maps:
    for line in maps:
        parts = line.split(maxsplit=5)
        if len(parts) == 6 and ".so" in parts[5]:
            print(parts[5].strip())
"""
# What the package's Python files import of Python and NumPy, and libraries of those.
OTHERS = "import atexit, bz2, csv, ctypes, difflib, functools, html, inspect, json, lzma, pathlib, re, shutil, subprocess, tempfile, numpy\n"


def libraries(code):
    """The shared libraries of a process that has run some code."""
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run(
            [sys.executable, "-c", code + LIBRARIES], cwd=folder, capture_output=True, text=True, check=True
        )
    return set(said.stdout.split())


def test_of_the_system_it_needs_glibc_alone():
    run = 'eligo.run("quick_start", "train.epochs=1", "train.batches_per_epoch=2", only=["BP(1)"], out="run")\n'
    own = libraries(OTHERS + "import eligo\n" + run) - libraries(OTHERS)  # compiles and draws
    assert any(pathlib.Path(name).name.startswith("libcairo") for name in own)
    glibc = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "ld-linux")
    others = [
        name for name in own if not name.startswith(str(PACKAGE)) and not pathlib.Path(name).name.startswith(glibc)
    ]
    assert not others, f"{others} of the system"


def test_it_brings_the_rules():
    assert pathlib.Path(eligo.catalog("rule")[0].path).is_relative_to(PACKAGE)


def test_it_brings_the_command(tmp_path):
    def command(*words):
        return subprocess.run([sys.executable, "-m", "eligo", *words], cwd=tmp_path, capture_output=True, text=True)

    assert "eligo 0." in command("version").stdout
    ran = command("run", "quick_start", "--quiet", "--out", "run", "train.epochs=1", "--only", "BP(1)")
    assert ran.returncode == 0 and "run folder: run" in ran.stdout, ran.stderr
    assert command("run", "quick_strat").returncode == 1
    with np.load(next((tmp_path / "run/checkpoints").glob("*last.npz"))) as arrays:
        assert arrays["net.W"].shape == (30, 30)
