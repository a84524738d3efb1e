"""A sweep on Slurm, a controller and a node of this machine's own: an array of six lines, one killed half-way and
queued again, one killed for good, gives what the local pool gives. Argument: the command."""
import json
import os
import re
import sys
import tempfile

from local_slurm import LocalSlurm
from sweeps import Sweeps

SKIPPED = 1 if os.environ.get("CI") else 77  # ./check installs what it needs
LISTS = """[[compare]]
name = "short"
rule.n = 2
[[compare]]
name = "full"
"""


class OnSlurm(Sweeps):
    def __init__(self, eligo, folder, slurm):
        super().__init__(eligo, folder)
        self.slurm = slurm

    def submit(self, plan, *words):
        out = self.sweep("slurm", plan, "--submit", *words, says="Submitted batch job ", env=self.slurm.environment)
        return re.search(r"Submitted batch job (\d+)", out)[1]

    def jobs(self):
        """States of the tasks that are not over, by their names: {"7_0": "RUNNING"}."""
        return dict(line.split()[:2] for line in self.slurm.jobs().splitlines() if line.strip())

    def wait_until_over(self, job):
        left = f"{job}_"
        self.slurm.wait_for(lambda: not any(name.startswith(left) for name in self.jobs()), 150, f"{job} goes on")

    def output(self, runs, name):
        return (self.folder / runs / f"slurm-{name}.txt").read_text()

    def restarts(self, name):
        found = re.search(r"Restarts=(\d+)", self.slurm.run("scontrol", "show", "job", name, check=False))
        return int(found[1]) if found else 0


def array(s):
    """One task is queued again half-way, the worker of another is killed."""
    plan = s.plan("six", 4000, LISTS, "seeds=[0,1,2]")
    s.sweep("run", plan, "-j", 2, "--out", "pool")
    job = s.submit(plan, "--out", "slurm")
    folder, _ = s.wait_for_rows(500, "slurm")
    index = next(line for line in range(6) if name_of(s, plan, line) == folder.name)
    s.slurm.run("scontrol", "requeue", f"{job}_{index}")
    s.slurm.wait_for(lambda: s.restarts(f"{job}_{index}") == 1, 30, "a task is not queued again")
    s.slurm.wait_for(lambda: [f for f in s.writers("slurm") if f != folder], 30, "no other task runs")
    victim, worker = next((f, w) for f, w in s.writers("slurm").items() if f != folder)
    s.wait_for_rows(500, "slurm")
    s.kill(worker)
    s.wait_until_over(job)
    said = s.output("slurm", f"{job}_{index}")
    s.check(said.count("delayed_target:") == 2, "the task that was queued again ran once\n", said)
    out = s.sweep("gather", plan, "--out", "slurm", says="1 of 6 lines have begun")
    again = s.submit(plan, "--out", "slurm")
    script = (s.folder / "six.sbatch").read_text()
    lost = next(line for line in range(6) if name_of(s, plan, line) == victim.name)
    s.check(f"#SBATCH --array={lost}\n" in script, "not only what is missing is submitted\n", out, script)
    s.wait_until_over(again)
    s.same(plan, "pool", "slurm")


def name_of(s, plan, number):
    """Of the run folder of a line."""
    line = json.loads((s.folder / plan).read_text().splitlines()[number + 1])
    return next(f.name for f in (s.folder / "pool").iterdir() if f.name.endswith(line["digest"]))


def packs(s):
    """Several lines a task, on a part of the machine at a time."""
    job = s.submit("six.jsonl", "--out", "packed", "--pack", "4", "--at-once", "1", "--memory", "100M", "--cpus", "2")
    s.check("#SBATCH --array=0-1%1\n" in (s.folder / "six.sbatch").read_text(), "no array of packs")
    s.wait_until_over(job)
    s.same("six.jsonl", "pool", "packed")


def time_limit(s, job, plan):
    """Before its time limit a task is told to save, and has itself queued again; scancel ends it for good."""
    saved = "interrupted; the same command goes on with it"
    name = f"{job}_0"
    s.slurm.wait_for(lambda: s.restarts(name) == 1, 90, "a task at its time limit is not queued again")
    s.slurm.wait_for(lambda: saved in s.output("limit.runs", name), 30, "nothing is saved")
    s.sweep("gather", plan, "--out", "limit.runs", says="1 of 1 lines have begun: 0")
    s.slurm.wait_for(lambda: s.writers("limit.runs"), 60, "it does not go on")
    rows = next(iter(s.writers("limit.runs"))) / "metrics.csv"
    before = rows.read_bytes().count(b"\n")
    s.slurm.wait_for(lambda: rows.read_bytes().count(b"\n") > before + 100, 60, "it does not go on")
    s.slurm.run("scancel", job)
    s.slurm.wait_for(lambda: name not in s.jobs(), 60, "a task that is cancelled comes back")
    said = s.output("limit.runs", name)
    s.check(said.count(saved) == 2, "scancel: nothing is saved\n", said)


def on_slurm(s):
    long = s.plan("limit", 10000000, "", "seeds=[0]")
    limited = s.submit(long, "--time", "1", "--signal-before", "55")
    array(s)
    time_limit(s, limited, long)
    packs(s)
    s.sweep("slurm", "six.jsonl", "--submit", "--out", "more", "--partition", "none", status=1,
            says="sbatch six.sbatch: exit status 1: ", env=s.slurm.environment)


def main():
    if LocalSlurm.programs() is None:
        print("slurmctld, slurmd and sbatch are not installed (./check installs them): skipped")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        with LocalSlurm(os.path.join(folder, "slurm-of-this-test")) as slurm:
            s = OnSlurm(os.path.abspath(sys.argv[1]), folder, slurm)
            try:
                on_slurm(s)
            except Exception:
                s.end()
                raise
        s.sweep("slurm", "six.jsonl", "--submit", "--out", "more", status=1, says="is Slurm installed here?",
                env=dict(os.environ, PATH="/nowhere"))
        return s.end()


if __name__ == "__main__":
    sys.exit(main())
