"""The sweeper of ``conf/hydra/sweeper/resumable.yaml``; Hydra looks for sweepers in the package hydra_plugins alone."""

from __future__ import annotations

from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from ce_harness.errors import ConfigError
from ce_harness.sweep import run_sweep


class ResumableSweeper(Sweeper):
    """Every combination of the values, as with Hydra's basic sweeper, but it launches only what is not complete.

    Args:
        params: values to sweep over, ``{"seed": "0,1,2"}``; the command line goes before them.
    """

    def __init__(self, params: dict[str, str] | None = None):
        self._params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._sweep = hydra_context, config
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        context, config = self._sweep
        parser = OverridesParser.create(config_loader=context.config_loader)
        overrides = parser.parse_overrides([*(f"{key}={value}" for key, value in self._params.items()), *arguments])
        values = {override.get_key_element(): _values(override) for override in overrides}
        empty = [override.input_line for override in overrides if not values[override.get_key_element()]]
        if empty:
            raise ConfigError(f"{' '.join(map(str, empty))}: it stands for no value at all, so there is nothing to run")
        run_sweep(context, config, self._launcher, product(*values.values()))


def _values(override: Override) -> list[str]:
    """An override for each of the values, ``seed=0`` and ``seed=1`` for ``seed=0,1``."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{override.input_line}: an interval has no end of values; write some: {key}=0.1,0.2")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]
