"""The command as the tests call it, in a folder of their own."""
import os
import subprocess
import sys
import tempfile

ELIGO = os.path.abspath(sys.argv[1])


def eligo(*words, status=0, **how):
    """What it says, on both streams."""
    done = subprocess.run([ELIGO, *words], capture_output=True, text=True, timeout=120, **how)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def experiment(name, settings, train, compare):
    """An experiment with adam: what stands before the tables, task and model, training, and variants by name."""
    text = f'{name}\n{settings}\n[rule]\nname = "bptt"\n[optimiser]\nname = "adam"\nalpha = 1e-2\n[train]\n{train}\n'
    for variant, own in compare:
        text += f"[[compare]]\nname = {variant}\n{own}\n"
    return text


def in_scratch_folder(main):
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        os.environ.setdefault("ELIGO_CACHE", scratch + "/cache")
        main()
        os.chdir("/")
