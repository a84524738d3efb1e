"""The command as a process: pipes that close, disks that are full, terminals that are narrow, one processor, NO_COLOR.
Arguments: the command, the project's folder."""
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios

ELIGO, ROOT = sys.argv[1], sys.argv[2]
faults = []


def check(good, *said):
    if not good:
        faults.append(" ".join(str(s) for s in said))


def run(*args, env=None, **how):
    return subprocess.run([ELIGO, *args], capture_output="stdout" not in how, text=True, timeout=120,
                          env={**os.environ, **(env or {})}, **how)


def on_terminal(args, columns, env):
    """Exit status and output where both streams are a terminal of so many columns."""
    child, screen = pty.fork()
    if child == 0:
        os.environ.update(env)
        os.execv(ELIGO, [ELIGO, *args])
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    out = b""
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        out += piece
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), out.decode().replace("\r\n", "\n")


def case(folder, name, **fields):
    path = os.path.join(folder, name)
    with open(path, "w") as out:
        json.dump({"rule": "bptt", "cell": "rnn_tanh", "readout": "linear_mse", "sizes": {"n": 2, "m": 1, "k": 1},
                   "x": [[[1]], [[0]]], "y": [[[0]], [[1]]], **fields}, out)
    return path


def verbs(folder):
    small = case(folder, "small.json")
    return [["list"], ["list", "settings"], ["list", "tasks"], ["list", "--json"], ["--help"],
            ["--version"], ["version"], ["run", "--help"], ["cache"], ["check", "bptt"], ["check", "--json", "bptt"],
            ["explain", "bptt"], ["explain", "bptt", "--json"], ["explain", "E0304"],
            ["dump", "bptt", "--cell", "rnn_tanh", "--readout", "linear_mse", "--stage", "loops"],
            ["fmt", f"{ROOT}/rules/bptt.eli"], ["eval", small, "--out", "-"], ["gradcheck", "bptt", "--cell", "rnn_tanh"],
            ["compare", "bptt", "rtrl", "--updates", "2"], ["kernels", "bptt", "--cell", "rnn_tanh", "--phase", "step"],
            ["kernels", "bptt", "--cell", "rnn_tanh", "--statement", "net.h"],
            ["run", "quick_start", "--out", os.path.join(folder, "full"), "--quiet", "--only", "BP(1)", "train.epochs=1",
             "train.batches_per_epoch=1", "train.measure=0"],
            ["bench", "--rules", "bptt", "--units", "3", "--T", "3", "--batch", "2", "--alone", "--quick"]]


def full_disks(folder):
    for args in verbs(folder):
        with open("/dev/full", "w") as full:
            done = run(*args, stdout=full, stderr=subprocess.PIPE)
        check(done.returncode not in (0, 2), args, "into /dev/full: exit status", done.returncode)
        check("the standard output cannot be written to: No space left on device" in done.stderr, args, done.stderr)
    small = case(folder, "small.json")
    for args in (["eval", small, "--out", "/dev/full"],
                 ["dump", "bptt", "--cell", "rnn_tanh", "--readout", "linear_mse", "--stage", "loops", "--out", "/dev/full"],
                 ["compare", "bptt", "rtrl", "--updates", "1", "--json", "/dev/full"]):
        done = run(*args)
        check(done.returncode == 1 and "/dev/full" in done.stderr, args, done.returncode, done.stderr)
    # Where the message itself cannot be written the exit status still says it.
    with open("/dev/full", "w") as full:
        check(run("check", "nosuch", stdout=subprocess.PIPE, stderr=full).returncode == 1, "stderr full")
        check(run("nosuch", stdout=subprocess.PIPE, stderr=full).returncode == 2, "stderr full, wrong verb")
    done = subprocess.run(f"'{ELIGO}' list >&-", shell=True, capture_output=True, text=True)
    check(done.returncode == 1 and "cannot be written to" in done.stderr, "closed", done)


def pipes():
    # The pipe's reader is gone before anything is written, and whether SIGPIPE ends the process or is ignored.
    for ignored in (False, True):
        for args in (["list", "rules"], ["list", "--json"], ["--help"], ["explain", "bptt"]):
            reader, writer = os.pipe()
            os.close(reader)
            done = subprocess.run([ELIGO, *args], stdout=writer, stderr=subprocess.PIPE, text=True, restore_signals=not ignored)
            os.close(writer)
            check(done.stderr == "", "a closed pipe is spoken of:", args, done.stderr)
            check(done.returncode in (-13, 141), args, "into a closed pipe: exit status", done.returncode)
    done = subprocess.run(f"'{ELIGO}' list rules | head -n 1", shell=True, capture_output=True, text=True)
    check(done.stderr == "" and done.stdout == "rules\n", "head", done)


def one_processor(folder):
    many = case(folder, "many.json", x=[[[1.0]] * 100] * 4, y=[[[1.0]] * 100] * 4, threads=4)
    first = os.sched_getaffinity(0)
    outputs = []
    for processors in ({min(first)}, first):
        os.sched_setaffinity(0, processors)
        done = run("eval", many, "--out", "-")
        os.sched_setaffinity(0, first)
        check(done.returncode == 0 and done.stderr == "", "on", len(processors), "processors:", done.stderr)
        outputs.append(done.stdout)
    check(outputs[0] == outputs[1], "results depend on the processors")
    os.sched_setaffinity(0, {min(first)})
    done = run("run", "quick_start", "--out", os.path.join(folder, "one"), "--quiet", "--only", "BP(1)", "threads=3",
               "train.epochs=1", "train.batches_per_epoch=1", "train.measure=0", "train.batch=100")
    os.sched_setaffinity(0, first)
    check(done.returncode == 0 and done.stderr == "", "run on one processor:", done.stderr)


def ranges():
    """Options that take whole numbers: nothing wraps, and nothing is quietly taken for the nearest that fits."""
    huge = ["99999999999999999999", "18446744073709551617", "-99999999999999999999", "1e400", "3.5", "0x10", "nan"]
    for args, wrong in ((["gradcheck", "bptt", "--seed"], huge + ["-1"]), (["gradcheck", "bptt", "--T"], huge + ["0"]),
                        (["gradcheck", "bptt", "--batch"], huge + ["4294967297"]),
                        (["gradcheck", "bptt", "--window"], huge + ["9223372036854775807", "-2"]),
                        (["compare", "bptt", "rtrl", "--seed"], huge + ["-5"]),
                        (["compare", "bptt", "rtrl", "--updates"], huge + ["0"]),
                        (["kernels", "bptt", "--batch"], huge + ["0"]), (["kernels", "bptt", "--T"], huge + ["0"]),
                        (["explain", "bptt", "--batch"], huge), (["explain", "bptt", "--T"], huge + ["-1"]),
                        (["bench", "--rules", "bptt", "--units"], huge), (["bench", "--rules", "bptt", "--T"], huge),
                        (["eval", "--task", "delayed_target", "--out", "-", "--batch"], huge + ["0"]),
                        (["eval", "--task", "delayed_target", "--out", "-", "--seed"], huge + ["-1"])):
        for text in wrong:
            done = run(*args[:-1], f"{args[-1]}={text}")
            check(done.returncode == 2 and ("no whole number from" in done.stderr or "expected a whole number" in done.stderr), args, text, done.returncode, done.stderr)
    for args, said in ((["gradcheck", "bptt", "--size", "n=99999999999999999999"], "expected a name and a whole number"),
                       (["gradcheck", "bptt", "--size", "n=-3"], "expected a name and a whole number"),
                       (["gradcheck", "bptt", "--hyper", "x=1e400"], "expected a name and a number"),
                       (["explain", "bptt", "--memory", "99999999999999999999999GiB"], "expected an amount of memory"),
                       (["run", "quick_start", "task.T=99999999999999999999"], "is out of range"),
                       (["run", "quick_start", "rule.lambda=1e400"], "is out of range"),
                       (["run", "quick_start", "threads=4294967297"], "is out of range"),
                       (["run", "quick_start", "seeds=-1"], "from 0 on"), (["run", "quick_start", "model.n=-4"], "is out of range")):
        done = run(*args)
        check(done.returncode == 1 and said in done.stderr, args, done.returncode, done.stderr)


def formats(folder):
    """fmt --in-place leaves a file what it is; nothing reads without end."""
    real, link = os.path.join(folder, "real.eli"), os.path.join(folder, "link.eli")
    with open(real, "w") as out:
        out.write("cell c(n){state h[n]=0;h[t]=(h[t-1])}\n")
    os.chmod(real, 0o640)
    os.symlink("real.eli", link)
    done = run("fmt", "--in-place", link)
    check(done.returncode == 0 and os.readlink(link) == "real.eli" and os.stat(real).st_mode & 0o777 == 0o640, "fmt of a link", done)
    check(open(real).read() == "cell c(n) {\n  state h[n] = 0\n  h[t] = h[t-1]\n}\n", "fmt:", open(real).read())
    check(not [name for name in os.listdir(folder) if "real.eli." in name], "fmt leaves files")
    large = os.path.join(folder, "large.eli")
    with open(large, "w") as out:
        out.write("# " + "x" * (1 << 20) + "\n")
    for path in ("/dev/zero", large):
        for args in (["fmt", path], ["fmt", "--in-place", path], ["check", path], ["eval", "/dev/zero", "--out", "-"],
                     ["run", "/dev/zero"], ["check", "/dev/zero.toml"]):
            done = run(*args)
            check(done.returncode == 1 and done.stderr.startswith("error"), args, done.returncode, done.stderr[:200])
    done = subprocess.run(f"yes | '{ELIGO}' fmt -", shell=True, capture_output=True, text=True, timeout=60)
    check("larger than 1 MiB" in done.stderr.replace(".00", ""), "an endless standard input:", done.stderr)
    check(os.stat(large).st_size == (1 << 20) + 3, "a large file was changed")


def colours(folder):
    broken = os.path.join(folder, "broken.eli")
    with open(broken, "w") as out:
        out.write("rule r(net: cell) {\n")
    plain = {"NO_COLOR": "", "TERM": "xterm", "COLUMNS": "100"}
    for args in (["check", broken], ["fmt", broken]):
        check("\033[" in on_terminal(args, 100, plain)[1], args, "no colours on a terminal")
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            status, out = on_terminal(args, 100, {**plain, **env})
            check("\033" not in out and "broken.eli:2" in out and status == 1, args, env, out)
        check("\033" not in run(*args).stderr, args, "colours in a pipe")


def narrow_runs(folder):
    """Progress and faults fit 40 columns, too; what a file says does not steer the terminal."""
    env = {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": ""}
    tiny = ["--only", "BP(1)", "train.epochs=1", "train.batches_per_epoch=2", "train.measure=0"]
    broken = os.path.join(folder, "long.eli")
    with open(broken, "w") as out:
        out.write("rule r(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n"
                  "  learn ψ -= d(L[t])/d(s[t]) . d(a_name_that_nobody_has_defined_anywhere[t])/d(ψ)\n}\n")
    for args in (["run", "quick_start", "--out", os.path.join(folder, "narrow"), *tiny], ["check", broken]):
        out = on_terminal(args, 40, env)[1]
        lines = [part for line in out.splitlines() for part in line.split("\r")]
        long = [line for line in lines if len(line.replace("\033[K", "")) > 40 and " " in line.strip() and "|" not in line]
        check(not long, args, "lines are longer than the terminal:", long[:3])
    steering = os.path.join(folder, "steering")
    os.mkdir(steering)
    with open(os.path.join(steering, "s.eli"), "w") as out:
        out.write("# A title with \033[31m and \u0085 in it\ncell steering(n, m) {\n  input x[m]\n  state h[n] = 0\n"
                  "  param U[n, m] ~ normal(0, 1)\n  h[t] = U . x[t]\n}\n")
    args = ["list", "cells", "--rules", steering]
    out = on_terminal(args, 100, env)[1]
    check("steering" in out and "\033[31m" not in out and "\u0085" not in out, args, "controls:", out[:300])
    check("\033[31m" in run(*args).stdout, args, "a pipe gets what the file says")


def narrow(folder):
    env = {"TERM": "xterm", "NO_COLOR": "1"}
    widths = lambda out: max(map(len, out.splitlines()))
    for args in (["list"], ["list", "settings"], ["list", "rules"], ["--help"], ["run", "--help"], ["explain", "bptt"],
                 ["explain", "E0304"], ["gradcheck", "bptt", "--cell", "rnn_tanh"], ["check", "bp_lambda"],
                 ["compare", "bptt", "rtrl", "--updates", "1"]):
        piped = run(*args).stdout
        # By what the terminal says, and by $COLUMNS against it.
        for columns, said in ((40, {"COLUMNS": ""}), (200, {"COLUMNS": "40"})):
            status, out = on_terminal(args, columns, {**env, **said})
            check(status == 0, args, "exit status", status)
            check("".join(out.split()).startswith("".join(piped.split())[:60]), args, "another text:", out[:200])
            long = [line for line in out.splitlines() if len(line) > 40 and " " in line.strip()]
            check(not long, args, columns, said, "lines are longer than the terminal:", long[:3])
        status, wide = on_terminal(args, 400, {**env, "COLUMNS": ""})
        check(widths(wide) >= widths(piped) - 20, args, "wrapped though there is room")
        again = run(*args, env={"COLUMNS": "40"}).stdout
        check([len(line) > 40 for line in again.splitlines()] == [len(line) > 40 for line in piped.splitlines()], args,
              "wrapped in a pipe")
    # A fault far to the right of a long line: its carets stand below it.
    path = os.path.join(folder, "long.eli")
    with open(path, "w") as out:
        out.write("cell c(n) {\n  state h[n] = 0\n  h[t] = " + "1 + " * 40 + "qq + " + "2 + " * 40 + "h[t-1]\n}\n")
    lines = on_terminal(["check", path], 40, env)[1].splitlines()
    at = next(i for i, line in enumerate(lines) if "^" in line)
    check(lines[at - 1][lines[at].index("^"):].startswith("qq") and len(lines[at - 1]) <= 40, "carets:", lines[at - 1:at + 1])


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    full_disks(work)
    pipes()
    one_processor(work)
    colours(work)
    ranges()
    formats(work)
    narrow(work)
    narrow_runs(work)
for fault in faults:
    print("FAILED:", fault)
sys.exit(1 if faults else 0)
