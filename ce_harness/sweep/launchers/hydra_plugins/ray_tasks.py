"""The launcher of ``conf/hydra/launcher/ray.yaml``: every cell is a task of a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from ce_harness.errors import ConfigError
from ce_harness.sweep.launchers.ray_task import run_task


class RayTasks(Launcher):
    """Waits until every task has ended; how its cell fared is in the cell's own record.

    The plugin hydra-ray-launcher stops at the first task that dies and can't join a cluster that runs already. It
    needs a cloudpickle that joblib does not work with.

    Args:
        init: arguments of ``ray.init``.
        remote: those of ``ray.remote``: what each cell needs. Ray runs a task again, three times unless told
            otherwise, when its worker or its machine dies.
    """

    def __init__(self, init: DictConfig, remote: DictConfig):
        self._init, self._remote = _arguments(init), _arguments(remote)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        try:
            import ray  # noqa: F401  (Hydra imports every plugin in every call; Ray is of use, and there, for this alone)
        except ImportError as error:
            raise ConfigError("hydra/launcher=ray: Ray is not installed; pip install '.[ray]'") from error
        self._shared = hydra_context, config, task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        import ray

        if not ray.is_initialized():
            ray.init(**self._init)
        task = ray.remote(**self._remote)(run_task)
        shared = ray.put((*self._shared, Singleton.get_state()))
        cells = [
            task.options(name=f"cell {number}").remote(shared, list(overrides), number)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        ray.wait(cells, num_returns=len(cells))
        ray.get(cells)  # raises if Ray could not run one of them
        return []


def _arguments(config: DictConfig) -> dict[str, Any]:
    return {
        str(key): OmegaConf.to_object(value) if OmegaConf.is_config(value) else value for key, value in config.items()
    }
