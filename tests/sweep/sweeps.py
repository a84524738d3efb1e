"""What the tests of sweeps share: an experiment, the command, and when two folders of runs are the same."""
import os
import pathlib
import signal
import subprocess
import time
import zipfile

TOY = """name = "toy"
threads = 1
[task]
name = "delayed_target"
T = 5
npoints = 1
[model]
cell = "rnn_tanh"
readout = "linear_mse"
n = 6
[rule]
name = "bptt"
[optimiser]
name = "adam"
[train]
batch = 4
epochs = {epochs}
batches_per_epoch = 100
"""


class Sweeps:
    """Plans in a folder; what is wrong is collected, with the command that it came of."""

    def __init__(self, eligo, folder):
        self.eligo, self.folder, self.faults = eligo, pathlib.Path(folder), []

    def check(self, good, *said):
        if not good:
            self.faults.append(" ".join(str(s) for s in said))

    def command(self, *words):
        return [self.eligo, "sweep", *(str(word) for word in words)]

    def sweep(self, *words, status=0, says="", **how):
        """Both streams of `eligo sweep WORDS`, which is to end with a status and say something."""
        done = subprocess.run(self.command(*words), cwd=self.folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=200, **how)
        got = done.returncode
        self.check(got == status, f"exit status {got}, expected {status}:", *words, "\n" + done.stdout)
        self.check(says in done.stdout, f"no \"{says}\" in the output of:", *words, "\n" + done.stdout)
        return done.stdout

    def start(self, *words):
        return subprocess.Popen(self.command(*words), cwd=self.folder, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return name

    def plan(self, name, epochs, more="", *words):
        self.write(f"{name}.toml", TOY.format(epochs=epochs) + more)
        self.sweep("plan", f"{name}.toml", "-o", f"{name}.jsonl", "--quiet", *words)
        return f"{name}.jsonl"

    def table(self, plan, runs):
        """What gather makes of it: its text, the rows of the variants and of the lines."""
        out = self.sweep("gather", plan, "--out", runs, "--table", "t.csv", "--lines", "l.csv")
        return out, (self.folder / "t.csv").read_text(), (self.folder / "l.csv").read_text()

    def writers(self, runs):
        """Processes that write to run folders, by the folder."""
        found = {}
        for lock in (self.folder / runs).glob("*/run.lock"):
            words = lock.read_text().split()
            if words[:1] == ["process"] and os.path.exists(f"/proc/{words[1]}"):
                found[lock.parent] = int(words[1])
        return found

    def wait_for_rows(self, rows, runs, process=None, but=(), seconds=60):
        """A folder that somebody writes to, none of `but`, when its metrics have so many rows; and the writer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and (process is None or process.poll() is None):
            for folder, writer in self.writers(runs).items():
                metrics = folder / "metrics.csv"
                if folder not in but and metrics.exists() and metrics.read_bytes().count(b"\n") > rows:
                    return folder, writer
            time.sleep(0.005)
        raise RuntimeError(f"no line writes {rows} rows")

    def kill(self, process):
        """Until it is gone. It may just have ended by itself."""
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            return
        while os.path.exists(f"/proc/{process}"):
            time.sleep(0.005)

    def same(self, plan, runs, others):
        """Whether two folders hold the same, bit for bit, but for times."""
        tables = [self.table(plan, r) for r in (runs, others)]
        self.check(tables[0] == tables[1], f"{runs} and {others} have other tables", *("\n" + one[0] for one in tables))
        names = [sorted(path.relative_to(self.folder / r).as_posix()
                        for path in (self.folder / r).glob("*/checkpoints/*")) for r in (runs, others)]
        self.check(names[0] and names[0] == names[1], f"{runs} and {others} have other checkpoints", *names)
        for name in set(names[0]) & set(names[1]):
            arrays = [arrays_of(self.folder / r / name) for r in (runs, others)]
            self.check(arrays[0] == arrays[1], f"{name} is not the same in {runs} and {others}")

    def end(self):
        for fault in self.faults:
            print(f"FAILED: {fault}\n")
        print(f"{len(self.faults)} failed" if self.faults else "all good")
        return 1 if self.faults else 0


def arrays_of(path):
    times = ("progress.seconds.npy", "progress.sums.npy")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name not in times}
