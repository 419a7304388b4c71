"""The launcher of ``conf/hydra/launcher/local.yaml``: cells side by side in processes of this machine."""

from __future__ import annotations

from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher

from ce_harness.unofficial.joblib import block_interrupts


class LocalWorkers(JoblibLauncher):
    """Hydra's joblib launcher, told what it may use of this machine.

    Args:
        n_jobs: cells at a time; -1 for as many as there are cores for their threads, and places on GPUs.
        cells_per_device: how many cells share a GPU at a time.
    """

    def __init__(self, n_jobs: int, cells_per_device: int):
        super().__init__(n_jobs=n_jobs)
        self.cells_per_device = cells_per_device
        block_interrupts()
