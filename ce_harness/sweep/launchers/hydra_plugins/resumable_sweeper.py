"""The sweeper of ``conf/hydra/sweeper/resumable.yaml``; Hydra looks for sweepers in the package hydra_plugins alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from ce_harness.errors import ConfigError
from ce_harness.sweep import run_sweep
from ce_harness.sweep.draws import drawn, drawn_from


class ResumableSweeper(Sweeper):
    """Every combination of the values, as with Hydra's basic sweeper, but it launches only what is not complete.

    A key that is given an interval, ``learning_rate=tag(log,interval(1e-5,1))``, gets one value in it for each seed.
    A key that is given a tagged list, ``optimizer.momentum=tag(draw,choice(0,0.5,0.9))``, gets one of the list.

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
        draws = {key: override for key, override in given.items() if is_drawn(override)}
        values = {key: _values(override) for key, override in given.items() if key not in draws}
        empty = [given[key].input_line for key, of_key in values.items() if not of_key]
        if empty:
            raise ConfigError(f"{' '.join(map(str, empty))}: it stands for no value at all, so there is nothing to run")
        cells = (with_draws(cell, draws, config.seed) for cell in product(*values.values()))
        run_sweep(context, config, self._launcher, cells)


def is_drawn(override: Override) -> bool:
    """Whether a key gets one value for each seed, of an interval or of a list."""
    values = override.value()
    return isinstance(values, IntervalSweep) or (isinstance(values, ChoiceSweep) and "draw" in values.tags)


def with_draws(cell: Sequence[str], draws: Mapping[str, Override], seed: int) -> tuple[str, ...]:
    """The overrides of a cell with the values that are drawn for its seed.

    Args:
        draws: the keys whose values are drawn.
        seed: that of a cell which names none.

    Raises:
        ConfigError: see ``drawn``.
    """
    seeds = [int(override.removeprefix("seed=")) for override in cell if override.startswith("seed=")]
    trial = seeds[-1] if seeds else seed
    try:
        drawn_values = [f"{key}={_drawn(key, trial, override)}" for key, override in draws.items()]
    except ValueError as error:
        raise ConfigError(f"{error}; for example learning_rate=tag(log,interval(1e-5,1))") from None
    return (*cell, *drawn_values)


def _drawn(key: str, seed: int, override: Override) -> str:
    values = override.value()
    if not isinstance(values, IntervalSweep):
        return drawn_from(key, seed, [*override.sweep_string_iterator()])
    return f"{drawn(key, seed, float(values.start or 0), float(values.end or 0), 'log' in values.tags):g}"


def _values(override: Override) -> list[str]:
    """An override for each of the values, ``seed=0`` and ``seed=1`` for ``seed=0,1``."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]
