"""Sweeps on a real Slurm of one node: preempted, out of time, killed, and in the end the bits of a local sweep."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.cluster.conftest import SECONDS, command, epochs, free_port, until, weights
from tests.conftest import ROOT

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
MISSING = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs Slurm (Debian: slurm-wlm munge): no {', '.join(MISSING)}"),
]

CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=3
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000
PartitionName=main Nodes={host} Default=YES PriorityTier=1
PartitionName=urgent Nodes={host} PriorityTier=2
"""


@pytest.fixture(scope="module")
def slurm():
    """Starts munged, slurmctld and slurmd, for this user and on the loopback device; the variables to find them."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a socket's path must be short
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    (folder / "slurm.conf").write_text(
        CONFIG.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            controller_port=free_port(),
            node_port=free_port(),
        )
    )
    variables = {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "HOLD": str(folder / "hold"),
    }
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    daemons = [["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge]]
    daemons += [["slurmctld", "-D"], ["slurmd", "-D"]]
    started = []
    for daemon in daemons:
        started.append(
            subprocess.Popen(
                daemon, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )
    until(lambda: "idle" in ask(variables, "sinfo", "--noheader", "--format=%T"))
    yield variables
    ask(variables, "scancel", f"--user={getpass.getuser()}", "--signal=KILL")
    for daemon in reversed(started):
        daemon.terminate()
        daemon.wait()
    shutil.rmtree(folder)


def ask(variables, *arguments):
    return subprocess.run(arguments, env={**os.environ, **variables}, capture_output=True, text=True).stdout


def restarts(variables):
    """How often Slurm has put each of our jobs back into its queue."""
    jobs = ask(variables, "scontrol", "show", "job", "--oneliner").splitlines()
    return [int(re.search(r" Restarts=(\d+) ", job)[1]) for job in jobs if " JobName=run " in job]


@pytest.fixture
def hold(slurm):
    """A file that holds every cell after its second epoch for as long as it is there; no job outlives the test."""
    file = Path(slurm["HOLD"]) / "3"
    file.parent.mkdir(exist_ok=True)
    file.touch()
    yield file
    ask(slurm, "scancel", f"--user={getpass.getuser()}", "--signal=KILL", "--full")
    until(lambda: not queue(slurm))


def start(variables, runs_dir, *arguments):
    """A sweep of two cells, which are jobs of Slurm."""
    words = ["-m", "hydra/launcher=slurm", "loss=softmax_ce,mse", "seed=0", "hydra.launcher.mem_gb=1", *arguments]
    return subprocess.Popen(
        command(runs_dir, *words), cwd=ROOT, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True
    )


def queue(variables):
    return sorted(ask(variables, "squeue", "--noheader", "--array", "--format=%i").split())


def test_cells_survive_preemption_and_their_time_limit(slurm, hold, tmp_path, local):
    # Slurm warns up to 30 s before signal_delay_s: 40 to 70 s after the start, when every cell listens.
    sweep = start(slurm, tmp_path, "hydra.launcher.timeout_min=2", "hydra.launcher.signal_delay_s=50")
    until(lambda: epochs(tmp_path) == [2, 2])
    print(ask(slurm, "squeue"))
    ask(slurm, "srun", "--partition=urgent", "--cpus-per-task=2", "true")
    until(lambda: min(restarts(slurm)) >= 1)
    preempted = restarts(slurm)
    # Warned of the time limit, they leave by themselves.
    until(lambda: all(now > before for now, before in zip(restarts(slurm), preempted, strict=True)))
    assert epochs(tmp_path) == [2, 2]
    hold.unlink()
    _, shown = sweep.communicate(timeout=SECONDS)
    print(shown)
    assert sweep.returncode == 0
    assert "Slurm job 1: 2 cells" in shown
    assert "2 of 2 cells complete" in shown
    hashes, expected = weights(tmp_path), weights(local)
    assert len(hashes) == 2
    assert hashes.items() <= expected.items()


def test_a_worker_killed_by_sigkill_is_replaced_and_its_cell_continued(slurm, hold, tmp_path, local):
    sweep = start(slurm, tmp_path)
    until(lambda: epochs(tmp_path) == [2, 2])
    killed, other = queue(slurm)
    ask(slurm, "scancel", "--signal=KILL", "--full", killed)
    until(lambda: queue(slurm) == [other])
    assert epochs(tmp_path) == [2, 2]
    hold.unlink()
    _, shown = sweep.communicate(timeout=SECONDS)
    print(shown)
    assert sweep.returncode == 0
    assert len(re.findall(r"Slurm job \d+: 1 cell\n", shown)) == 1  # the killed one, submitted again
    assert "2 of 2 cells complete" in shown
    hashes = weights(tmp_path)
    assert len(hashes) == 2
    assert hashes.items() <= weights(local).items()
