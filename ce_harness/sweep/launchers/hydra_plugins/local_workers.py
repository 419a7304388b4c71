"""The launcher of ``conf/hydra/launcher/local.yaml``: cells side by side in processes of this machine."""

from __future__ import annotations

from collections.abc import Sequence

import joblib
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher

from ce_harness.sweep.launchers.local_task import run_task
from ce_harness.unofficial.joblib import block_interrupts


class LocalWorkers(JoblibLauncher):
    """Hydra's joblib launcher, told what it may use of this machine. How a cell fared is in the cell's own record.

    Args:
        n_jobs: cells at a time; -1 for as many as there are cores for their threads, and places on GPUs.
        cells_per_device: how many cells share a GPU at a time.
    """

    def __init__(self, n_jobs: int, cells_per_device: int):
        super().__init__(n_jobs=n_jobs)
        self.cells_per_device = cells_per_device
        block_interrupts()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        shared = self.hydra_context, self.config, self.task_function, Singleton.get_state()
        cells = enumerate(job_overrides, initial_job_idx)
        joblib.Parallel(**self.joblib)(joblib.delayed(run_task)(*cell, *shared) for cell in cells)
        return []
