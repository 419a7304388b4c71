"""The sweeper of ``conf/hydra/sweeper/resumable.yaml``; Hydra looks for sweepers in the package hydra_plugins alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from ce_harness.errors import ConfigError
from ce_harness.sweep import run_sweep
from ce_harness.sweep.draws import drawn


class ResumableSweeper(Sweeper):
    """Every combination of the values, as with Hydra's basic sweeper, but it launches only what is not complete.

    A key that is given an interval, ``learning_rate=tag(log,interval(1e-5,1))``, gets one value in it for each seed.

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
        given = {override.get_key_element(): override for override in overrides}
        asked = {key: override.value() for key, override in given.items()}
        intervals = {key: one for key, one in asked.items() if isinstance(one, IntervalSweep)}
        values = {key: _values(override) for key, override in given.items() if key not in intervals}
        empty = [given[key].input_line for key, of_key in values.items() if not of_key]
        if empty:
            raise ConfigError(f"{' '.join(map(str, empty))}: it stands for no value at all, so there is nothing to run")
        cells = (with_draws(cell, intervals, config.seed) for cell in product(*values.values()))
        run_sweep(context, config, self._launcher, cells)


def with_draws(cell: Sequence[str], intervals: dict[str, IntervalSweep], seed: int) -> tuple[str, ...]:
    """The overrides of a cell with a value of each interval, drawn for its seed.

    Args:
        seed: that of a cell which names none.

    Raises:
        ConfigError: see ``drawn``.
    """
    seeds = [int(override.removeprefix("seed=")) for override in cell if override.startswith("seed=")]
    trial = seeds[-1] if seeds else seed
    try:
        draws = [
            f"{key}={drawn(key, trial, float(one.start or 0), float(one.end or 0), 'log' in one.tags):g}"
            for key, one in intervals.items()
        ]
    except ValueError as error:
        raise ConfigError(f"{error}; for example learning_rate=tag(log,interval(1e-5,1))") from None
    return (*cell, *draws)


def _values(override: Override) -> list[str]:
    """An override for each of the values, ``seed=0`` and ``seed=1`` for ``seed=0,1``."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]
