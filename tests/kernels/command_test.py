#!/usr/bin/env python3
"""`eligo kernels` from outside: what it prints, the files that it writes, and what it refuses: command_test.py ELIGO"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ELIGO = pathlib.Path(sys.argv[1]).resolve()
SMALL = ["bptt", "--cell", "rnn_tanh", "--readout", "linear_mse", "--size", "n=4", "--batch", "3", "--T", "5"]


def run(*arguments):
    return subprocess.run([ELIGO, "kernels", *arguments], text=True, capture_output=True, stdin=subprocess.DEVNULL)


def good(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def refused(message, *arguments):
    done = run(*arguments)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode in (1, 2) and message in said, (arguments, done.returncode, said)


def forms():
    out = good(*SMALL, "--json", "k.json", "--html", "k.html", "--picture", "k.png")
    assert "net.h" in out and "update.net.W" in out and "in a sequence of 5 steps" in out, out
    numbers = json.loads(pathlib.Path("k.json").read_text())
    assert [p["phase"] for p in numbers["kernels"][0]["phases"]][0] == "step"
    page = pathlib.Path("k.html").read_text()
    assert "http://" not in page and "https://" not in page and page.rstrip().endswith("</html>")
    assert pathlib.Path("k.png").read_bytes().startswith(b"\x89PNG")
    good(*SMALL, "--picture", "k.svg", "--phase", "step")
    assert "<svg" in pathlib.Path("k.svg").read_text()
    assert json.loads(good(*SMALL, "--float64", "--json", "-"))["kernels"][0]["dtype"] == "f64"


def side_by_side():
    out = good(*SMALL, "--vs", "rtrl", "--vs", "schedule=P=dense")
    assert "bptt" in out and "rtrl, P=dense" in out and "ratio" in out and "all, a step" in out, out
    out = good(*SMALL, "--cpu", "native,baseline", "--phase", "step")
    assert "bptt, native" in out and "bptt, baseline" in out, out
    assert "n = 9" in good(*SMALL, "--vs", "size=n=9", "--phase", "step")


def code():
    assert "define " in good(*SMALL, "--statement", "net.h", "--stage", "llvm")
    assert "%entry" in good(*SMALL, "--statement", "net.h")
    assert "fmadd" in good(*SMALL, "--statement", "L.o", "--cpu", "neoverse-n1")  # code for another machine can be read


def refusals():
    refused("did you mean bptt?", "bpt")
    refused("bptt has no phase swep; it has: step, sweep", *SMALL, "--phase", "swep")
    refused("--cpu pentium9: no processor 'pentium9'", *SMALL, "--cpu", "pentium9")
    refused("no processor ''", *SMALL, "--cpu", "")
    refused("--cpu neoverse-n1 cannot be run here", *SMALL, "--cpu", "neoverse-n1")
    refused("bptt has no statement net.g; it has: ", *SMALL, "--statement", "net.g")
    refused("there is no stage graph of a statement: it is loops, llvm, asm", *SMALL, "--statement", "net.h", "--stage",
            "graph")
    refused("the name of a picture ends in .png or .svg", *SMALL, "--picture", "k.jpg")
    refused("cannot be written: No such file or directory", *SMALL, "--html", "no/such/folder/k.html")
    refused("is to be written twice", *SMALL, "--html", "same", "--json", "same")
    refused("--vs nonsense=1: expected a rule, or a setting", *SMALL, "--vs", "nonsense=1")
    refused("there is no forward recurrence Q", *SMALL, "--vs", "rtrl", "--vs", "schedule=Q=dense")
    refused("is no whole number from 1", *SMALL, "--batch", "0")
    refused("would take", "bptt", "--batch", str(1 << 30))
    refused("use smaller sizes", "bptt", "--cell", "rnn_tanh", "--size", "n=100000000")
    pathlib.Path("mine.eli").write_text("# precious\n")
    pathlib.Path("mine.toml").write_text("# precious\n")
    refused("mine.eli: is there, and by its name a file of rules", *SMALL, "--json", "mine.eli")
    refused("mine.toml: is there, and by its name an experiment", *SMALL, "--html", "mine.toml")
    assert pathlib.Path("mine.eli").read_text() == "# precious\n"


def without_fonts():
    """Pictures of a machine that has no font still have words."""
    pathlib.Path("fonts.conf").write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
        "<fontconfig><dir>/no/such/folder</dir><cachedir>fonts</cachedir></fontconfig>")
    os.environ["FONTCONFIG_FILE"] = str(pathlib.Path("fonts.conf").resolve())
    for name in ("plain.svg", "plain.png"):
        good(*SMALL, "--phase", "step", "--picture", name)
    assert "<symbol" in pathlib.Path("plain.svg").read_text()
    del os.environ["FONTCONFIG_FILE"]


def leftovers():
    """A refusal leaves no file, and keeps one that is there."""
    pathlib.Path("old.json").write_text("old")
    refused("has no phase", *SMALL, "--phase", "swep", "--json", "old.json", "--html", "new.html")
    assert pathlib.Path("old.json").read_text() == "old" and not pathlib.Path("new.html").exists()


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    for test in (forms, side_by_side, code, refusals, without_fonts, leftovers):
        test()
