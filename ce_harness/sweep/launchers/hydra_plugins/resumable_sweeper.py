"""The sweeper of ``conf/hydra/sweeper/resumable.yaml``; Hydra looks for sweepers in the package hydra_plugins alone."""

from __future__ import annotations

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from ce_harness.errors import ConfigError
from ce_harness.sweep import run_sweep


class ResumableSweeper(BasicSweeper):
    """Hydra's basic sweeper (every combination of the values), but it launches only what is not complete.

    Args:
        params: values to sweep over, ``{"seed": "0,1,2"}``; the command line goes before them.
    """

    def __init__(self, params: dict[str, str] | None = None):
        super().__init__(max_batch_size=None, params=params)

    def sweep(self, arguments: list[str]) -> None:
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        (combinations,) = self.split_arguments(overrides, max_batch_size=None)
        if not combinations:
            empty = [o.input_line for o in overrides if o.is_discrete_sweep() and not [*o.sweep_string_iterator()]]
            raise ConfigError(f"{' '.join(empty)}: it stands for no value at all, so there is nothing to run")
        run_sweep(self.hydra_context, self.config, self.launcher, combinations)
