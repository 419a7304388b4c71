"""The launcher of ``conf/hydra/launcher/slurm.yaml``: Submitit's jobs, and the patience to see each of them end."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import count, repeat
from pathlib import Path

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

SECONDS_BETWEEN_LOOKS = 1.0  # for the files of jobs that ended well
SECONDS_BETWEEN_QUESTIONS = 15.0  # to Slurm, for those that did not
SLURMS_DEFAULT = 1001  # jobs of an array, where Slurm does not say
SECONDS_TO_CLOSE = 30.0  # for interrupted cells


class SlurmArray(Launcher):
    """Runs cells as the jobs of a Slurm array; of more than Slurm allows in one, of several, one after the other.

    What runs in a job is Hydra's Submitit launcher; so is the way back into the queue after preemption or the time
    limit. But that one stops waiting at the first job that dies, and would wait for ever where Slurm keeps no accounts
    (``sacct``). This one waits until every job has left the queue, and leaves it to the cells' own records to say how
    they fared.

    Args:
        params: as those of ``hydra/launcher=submitit_slurm``.
    """

    def __init__(self, **params: object):
        self._params = params

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        # Hydra imports every plugin in every call; these packages are of use, and are there, for Slurm alone.
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

        self._launcher = SlurmLauncher(**self._params)
        self._launcher.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        size = _largest_array()
        for start in range(0, len(job_overrides), size):
            self._launch_array(job_overrides[start : start + size], initial_job_idx + start)
        return []

    def _launch_array(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> None:
        import submitit
        from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

        params = dict(self._launcher.params)
        executor = submitit.AutoExecutor(
            params.pop("submitit_folder"), cluster="slurm", slurm_max_num_timeout=params.pop("max_num_timeout")
        )
        general = {field.name for field in fields(BaseQueueConf)}
        executor.update_parameters(**{k if k in general else f"slurm_{k}": v for k, v in params.items()})
        jobs = executor.map_array(
            self._launcher,
            [list(overrides) for overrides in job_overrides],
            repeat("hydra.sweep.dir"),
            count(initial_job_idx),
            repeat(""),  # the job's id, which Submitit knows better
            repeat(Singleton.get_state()),
        )
        number = jobs[0].job_id.partition("_")[0]
        print(f"Slurm job {number}: {len(jobs)} cell{'' if len(jobs) == 1 else 's'}", file=sys.stderr)
        try:
            self._wait({job.job_id: job.paths.result_pickle for job in jobs})
        except KeyboardInterrupt:
            self._cancel(number)
            raise

    def _wait(self, results: Mapping[str, Path]) -> None:
        asked = time.monotonic()
        while not all(result.exists() for result in results.values()):
            time.sleep(SECONDS_BETWEEN_LOOKS)
            if time.monotonic() - asked > SECONDS_BETWEEN_QUESTIONS:
                asked = time.monotonic()
                queued = _queued()
                if queued is not None and not queued & results.keys():
                    return

    def _cancel(self, number: str) -> None:
        """Interrupts what runs, so that the store hears of it, and takes the rest out of the queue."""
        subprocess.run(["scancel", "--state=PENDING", number])
        subprocess.run(["scancel", "--signal=INT", number])
        until = time.monotonic() + SECONDS_TO_CLOSE
        while time.monotonic() < until and any(job.partition("_")[0] == number for job in _queued() or ()):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        subprocess.run(["scancel", number])


def _largest_array() -> int:
    """How many jobs Slurm takes as one array; it would refuse a larger one."""
    asked = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True)
    found = re.search(r"MaxArraySize\s*=\s*([1-9]\d*)", asked.stdout)
    return int(found[1]) if found else SLURMS_DEFAULT


def _queued() -> set[str] | None:
    """The user's jobs that wait or run, ``7`` or ``7_3`` in an array; None while Slurm does not answer."""
    asked = subprocess.run(["squeue", "--me", "--array", "--noheader", "--format=%i"], capture_output=True, text=True)
    return set(asked.stdout.split()) if asked.returncode == 0 else None
