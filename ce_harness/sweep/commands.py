"""The words that make a sweep, or one of its cells, again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from hydra.types import HydraContext
from omegaconf import DictConfig

from ce_harness import places
from ce_harness.sweep.plan import Cell


@dataclass(frozen=True)
class Commands:
    """Commands for a terminal.

    Attributes:
        flags: say where configs of the user's own lie.
        settings: of Hydra, as given: the launcher and so on.
        overrides: of the sweep, as given.
    """

    flags: tuple[str, ...]
    settings: tuple[str, ...]
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, context: HydraContext, sweep_config: DictConfig) -> Commands:
        flags = [f"--config-name={name}" for name in [sweep_config.hydra.job.config_name] if name != "config"]
        for path in context.config_loader.get_search_path().get_path():
            folder = path.path.removeprefix("file://")
            if path.provider == "main" and folder != str(places.conf()):
                flags.append(f"--config-path={folder}")
            if path.provider == "command-line":
                flags.append(f"--config-dir={folder}")
        given = sweep_config.hydra.overrides
        return cls(
            tuple(flags),
            tuple(word for word in given.hydra if not word.startswith("hydra.mode=")),
            tuple(given.task),
        )

    @property
    def sweep(self) -> str:
        return _words(*self.flags, "-m", *self.settings, *self.overrides)

    def cell(self, cell: Cell) -> str:
        return _words(*self.flags, *cell.overrides)


def _words(*arguments: str) -> str:
    return f"{places.run_command()} {shlex.join(arguments)}"
