"""A Slurm of this machine alone, on its loopback, for as long as a test runs: no accounts, no munge, no control groups.

    with LocalSlurm(folder) as slurm:
        slurm.run("sbatch", "job.sh")
"""
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import time

CONFIGURATION = """ClusterName=eligo
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
KillWait=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory=500 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class LocalSlurm:
    def __init__(self, folder, processors=2):
        self.folder = pathlib.Path(folder)
        self.processors = processors
        self.daemons = []

    @staticmethod
    def programs():
        """The daemons, or None where Slurm is not installed."""
        path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
        found = [shutil.which(name, path=path) for name in ("slurmctld", "slurmd")]
        return found if all(found) and shutil.which("sbatch") else None

    def __enter__(self):
        controller, node = self.programs()
        host = socket.gethostname().split(".")[0]
        controller_port, node_port = free_ports(2)
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        file = self.folder / "slurm.conf"
        file.write_text(CONFIGURATION.format(host=host, user=getpass.getuser(), folder=self.folder,
                                             controller_port=controller_port, node_port=node_port,
                                             processors=self.processors))
        self.environment = dict(os.environ, SLURM_CONF=str(file))
        for command in ([controller, "-D", "-f", str(file)], [node, "-D", "-f", str(file), "-N", host]):
            self.daemons.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            self.wait_for(lambda: "idle" in self.run("sinfo", "-h", "-o", "%T", check=False), 60, "no node is idle")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.run("scancel", "--user", getpass.getuser(), check=False)
        self.stop()

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def run(self, *command, check=True):
        done = subprocess.run(command, env=self.environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout

    def wait_for(self, condition, seconds, otherwise):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"{otherwise}\n{self.logs()}")
            time.sleep(0.1)

    def jobs(self):
        return self.run("squeue", "-h", "-r", "-o", "%i %T %r", check=False)

    def logs(self):
        texts = [self.jobs(), self.run("sinfo", check=False)]
        for name in ("controller.log", "node.log"):
            path = self.folder / name
            texts.append(f"--- {name}\n" + (path.read_text()[-3000:] if path.exists() else "is missing"))
        return "\n".join(texts)
