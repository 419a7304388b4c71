"""A cell in a worker of Ray. Not beside its launcher, because no worker finds Hydra's plugins before it imports us."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


def run_task(
    sweep: tuple[HydraContext, DictConfig, TaskFunction, dict[type, Singleton]], overrides: Sequence[str], number: int
) -> None:
    """Composes and runs a cell, as Hydra would have done it in the launching process.

    Args:
        sweep: what all cells share: Hydra's context, its config of the sweep, the function to run, Hydra's singletons.
        overrides: of the cell.
        number: of the cell's job.
    """
    import ray

    context, config, function, singletons = sweep
    os.chdir(config.hydra.runtime.cwd)  # where relative paths start from; Ray's workers live elsewhere
    setup_globals()
    Singleton.set_state(singletons)
    cell = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(cell):
        cell.hydra.job.num = number
        cell.hydra.job.id = ray.get_runtime_context().get_task_id()
    _ = run_job(function, cell, "hydra.sweep.dir", "hydra.sweep.subdir", context).return_value  # raises what it raised
