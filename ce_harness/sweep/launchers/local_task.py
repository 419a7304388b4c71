"""A cell in a worker of joblib. Not beside its launcher: Hydra imports plugins twice, which pickle does not bear."""

from __future__ import annotations

from typing import Any

from hydra_plugins.hydra_joblib_launcher._core import execute_job


def run_task(*job: Any) -> None:
    """Runs a cell as Hydra's launcher does, but returns nothing.

    Hydra would return the config of the cell. The launching process would keep them all, .14 MB for each cell.
    """
    execute_job(*job)
