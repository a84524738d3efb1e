"""`eligo sweep` as processes: killed, interrupted, two at once, on a full disk, by GNU parallel; and what it refuses.
Argument: the command."""
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from sweeps import Sweeps

LISTS = """[[compare]]
name = "short"
rule.n = [1, 2]
[[compare]]
name = "full"
"""


def killed_workers(s):
    """A sweep of 24 lines whose workers are killed: others go on, and the table is that of one which was left alone."""
    plan = s.plan("many", 250, LISTS, "seeds=[0,1,2,3,4,5,6,7]")
    s.check((s.folder / plan).read_text().count("\n") == 25, "not 24 lines")
    s.sweep("run", plan, "-j", 2, "--out", "whole", says="line 23, full, seed 7: done")
    pool = s.start("run", plan, "-j", "2", "--out", "killed")
    killed = []  # each another line: one that is killed three times has failed
    for _ in range(4):
        folder, worker = s.wait_for_rows(20, "killed", pool, killed)
        s.kill(worker)
        killed.append(folder)
    out = pool.communicate(timeout=200)[0]
    s.check(pool.returncode == 0, "a pool whose workers are killed fails\n", out)
    named = out.count("its process was ended by signal 9")
    s.check(2 <= named <= 4, f"four workers were killed, some perhaps at their ends; {named} are named\n", out)
    s.same(plan, "whole", "killed")
    return plan


def killed_pools(s, plan):
    """The pool is killed, then interrupted, then left alone."""
    pool = s.start("run", plan, "-j", "2", "--out", "again")
    s.wait_for_rows(20, "again", pool)
    pool.kill()
    pool.communicate()
    end = time.monotonic() + 20
    while s.writers("again") and time.monotonic() < end:
        time.sleep(0.01)
    s.check(not s.writers("again"), "workers go on without their pool")
    pool = s.start("run", plan, "-j", "2", "--out", "again")
    s.wait_for_rows(20, "again", pool)
    pool.send_signal(signal.SIGTERM)
    out = pool.communicate(timeout=60)[0]
    s.check(pool.returncode == 130, f"exit status {pool.returncode} of an interrupted pool\n", out)
    s.check(": saved" in out and "go on with: eligo sweep run" in out, "an interrupted pool says nothing of it\n", out)
    done = out.split(" of 24)")[0].rsplit("(", 1)[-1] if " of 24)" in out else "0"
    out = s.sweep("run", plan, "-j", 2, "--out", "again")
    s.check(out.count(": done (") == 24 - int(done), "not only what was missing ran\n", out)
    s.same(plan, "whole", "again")
    out = s.sweep("run", plan, "--out", "again")
    s.check(": done" not in out, "what was done ran again\n", out)


def packs_and_parallel(s, plan):
    """The same by packs, in any order and twice, and by GNU parallel."""
    for index in (2, 0, 1, 0):
        s.sweep("work", plan, "--index", index, "--pack", 10, "--out", "packs", "--quiet")
    s.sweep("work", plan, "--index", 3, "--out", "packs", says="line 3, short, n = 1, seed 3: was done")
    s.same(plan, "whole", "packs")
    if shutil.which("parallel") is None:
        return False
    script = f"seq 0 23 | parallel -j 2 '{s.eligo}' sweep work {plan} --index {{}} --out by_parallel --quiet"
    done = subprocess.run(["bash", "-c", script], cwd=s.folder, text=True, capture_output=True, timeout=200)
    s.check(done.returncode == 0 and done.stdout.count(": done") == 24, "GNU parallel:", done.stdout, done.stderr)
    s.same(plan, "whole", "by_parallel")
    return True


def two_pools(s, plan):
    """Two at once share the lines, and neither spoils what the other does."""
    pools = [s.start("run", plan, "-j", "1", "--out", "shared") for _ in range(2)]
    for pool in pools:
        out = pool.communicate(timeout=200)[0]
        s.check(pool.returncode in (0, 1), "two pools at once\n", out)
    s.sweep("run", plan, "--out", "shared")
    s.same(plan, "whole", "shared")


def failures(s):
    """A line that fails stops no other; its message is kept, and it runs when what was wrong is put right."""
    rule = """rule mine(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
}
"""
    s.write("mine.eli", rule)
    both = '[[compare]]\nname = "mine"\nrule.name = "mine"\n[[compare]]\nname = "bptt"\n'
    plan = s.plan("mixed", 20, both, "seeds=[0,1]")
    s.write("mine.eli", rule.replace("-=", "+="))
    out = s.sweep("run", plan, "-j", 2, status=1, says="line 0, mine, seed 0: failed: ")
    s.check(out.count("a rule file is not what it was when the plan was made") == 4, "twice two messages\n", out)
    s.check("line 3, bptt, seed 1: done" in out, "a failed line stops others\n", out)
    out, table, lines = s.table(plan, "mixed.runs")
    s.check("line 1, mine, seed 1: failed: mixed.jsonl, line 1: a rule file" in out, "gather\n", out)
    s.check(re.search(r"^mine,.*,0,0,2,0,", table, re.M), "failures are not counted\n", table)
    s.check(lines.count(",failed,") == 2 and lines.count(",done,0,") == 2, "states\n", lines)
    s.write("mine.eli", rule)
    out = s.sweep("run", plan, "-j", 2)
    s.check(out.count(": done (") == 2, "not only what had failed ran\n", out)
    s.check(not list((s.folder / "mixed.runs").glob("*.failed")), "messages are left")
    plan = s.plan("wild", 3, "", "seeds=[0,1]", "optimiser=sgd", "optimiser.alpha=[1e30,0.01]")
    out = s.sweep("run", plan)
    row = re.search(r"^bptt, optimiser.α = 1e\+30 .*", out, re.M)
    s.check(row and row[0].split()[-2:] == ["0", "2"], "trainings that diverge are not counted apart\n", out)


def killed_time_and_again(s):
    """A line whose processes are killed each time fails, and the next run goes on with it."""
    plan = s.plan("long", 100000, "", "seeds=[0]")
    pool = s.start("run", plan)
    for _ in range(3):
        _, worker = s.wait_for_rows(2, "long.runs", pool)
        s.kill(worker)
    out = pool.communicate(timeout=60)[0]
    s.check(pool.returncode == 1 and "failed: 3 processes in a row were ended, the last by signal 9" in out,
            "a line that is killed time and again\n", out)
    s.sweep("gather", plan, says="3 processes in a row were ended")


def limit_files(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def full_disks(s, plan):
    """Files that can't grow: messages, nothing is lost, and the lines go on where there is room."""
    before = (s.folder / plan).read_bytes()
    s.sweep("plan", "many.toml", "-o", plan, status=1, says="File too large", preexec_fn=limit_files(1000))
    s.check((s.folder / plan).read_bytes() == before, "a plan is lost on a full disk")
    out = s.sweep("run", plan, "-j", 2, "--out", "full", status=1, says="failed: ", preexec_fn=limit_files(2000))
    s.check(out.count("failed: ") >= 24 and "File too large" in out, "a full disk\n", out)
    s.sweep("gather", plan, "--out", "full", "--table", "full.csv", status=1, preexec_fn=limit_files(50),
            says="full.csv: cannot be written: File too large")
    s.sweep("run", plan, "-j", 2, "--out", "full")
    s.same(plan, "whole", "full")


def refusals(s, plan):
    bad = [
        (("plan", "nothing.toml", "-o", "x.jsonl"), 1, "nothing"),
        (("plan", "many.toml"), 2, "--plan is required"),
        (("plan", "many.toml", "-o", "many.toml"), 1, "many.toml: is there already, and no plan"),
        (("plan", "many.toml", "-o", "none/x.jsonl"), 1, "none/x.jsonl: cannot be written: No such file"),
        (("plan", "many.toml", "-o", "x.jsonl", "rule.lamda=3"), 1, "rule bptt has no lamda"),
        (("plan", "many.toml", "-o", "x.jsonl", "model.n=nan"), 1, "model.n"),
        (("run", "nothing.jsonl"), 1, "nothing.jsonl: cannot be read"),
        (("run", "many.toml"), 1, "many.toml:1: no plan"),
        (("run", "."), 1, "is a folder"),
        (("run", plan, "-j", "0"), 2, "--jobs"),
        (("work", plan), 2, "--index is required"),
        (("work", plan, "--index", "24"), 1, "many.jsonl: there is no index 24: its 24 lines have the indices 0 to 23"),
        (("work", plan, "--index", "-1"), 2, "--index"),
        (("work", plan, "--index", "1e3"), 2, "--index"),
        (("work", plan, "--index", "3", "--pack", "8"), 1, "in packs of 8 have the indices 0 to 2"),
        (("work", plan, "--index", "0", "--out", "many.toml"), 1, "many.toml"),
        (("slurm", plan, "--out", "whole"), 1, "all lines are done"),
        (("slurm", plan, "--time", "1 day"), 2, "--time: 1 day is not a time limit as sbatch takes it"),
        (("slurm", plan, "--memory", "lots"), 2, "--memory: lots is not an amount of memory as sbatch takes it"),
        (("slurm", plan, "--partition", "a b"), 1, "has a character that an option of sbatch cannot have"),
        (("gather", plan, "--table", plan), 1, "is read from; choose another to write to"),
        (("slurm", plan, "--sbatch=account=x"), 1, "is no option such as --account=ours"),
        (("slurm", plan, "--out", "a b"), 1, "--output"),
        ((), 2, "A subcommand is required"),
    ]
    for words, status, text in bad:
        s.sweep(*words, status=status, says=text)
    text = (s.folder / plan).read_text()
    s.write("cut.jsonl", text[:len(text) // 2])
    s.write("edited.jsonl", text.replace("n = 6", "n = 7", 1))
    for verb in (("run",), ("work", "--index", 0), ("gather",), ("slurm",)):
        s.sweep(verb[0], "cut.jsonl", *verb[1:], status=1, says="cut.jsonl: is cut short: ")
        s.sweep(verb[0], "edited.jsonl", *verb[1:], status=1,
                says="edited.jsonl:2: line 0 has been changed since it was planned")
    for verb in ("plan", "work", "run", "gather", "slurm"):
        s.sweep(verb, "--help", says=f"Usage: eligo sweep {verb}")


def overview(s):
    """On a terminal a few lines are written again and again, and none is wider than it."""
    plan = s.plan("shown", 2000, "", "seeds=[0,1]")
    child, screen = pty.fork()
    if child == 0:
        os.environ["COLUMNS"] = "60"
        os.chdir(s.folder)
        os.execv(s.eligo, s.command("run", plan, "-j", "2"))
    out = b""
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        out += piece
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    text = out.decode()
    s.check(status == 0 and "0 of 2 lines done, 0 failed, 2 running, 0 wait" in text, "no overview\n", text)
    s.check("\033[3A\r\033[J" in text, "the overview is not written again\n", repr(text))
    shown = [line for line in text.replace("\r", "").split("\n") if line.startswith("  line ")]
    s.check(shown and max(map(len, shown)) < 60, "the overview is too wide\n", repr(text))


def main():
    with tempfile.TemporaryDirectory() as folder:
        s = Sweeps(os.path.abspath(sys.argv[1]), folder)
        plan = killed_workers(s)
        killed_pools(s, plan)
        has_parallel = packs_and_parallel(s, plan)
        two_pools(s, plan)
        full_disks(s, plan)
        failures(s)
        killed_time_and_again(s)
        refusals(s, plan)
        overview(s)
        if s.end() != 0:
            return 1
    if not has_parallel:
        print("but GNU parallel is not installed: its part was skipped")
        return 1 if os.environ.get("CI") else 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
