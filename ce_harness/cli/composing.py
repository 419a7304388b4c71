"""Composing configs for a report: where the runs are kept, and what a command would train."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ce_harness import places
from ce_harness.errors import ConfigError

GROUPS = ("dataset", "model", "loss", "optimizer", "experiment")


class Configs:
    """The configs that come with ce_harness and those of the user's own.

    Args:
        own: the folder of the user's, as for ``--config-dir``; None without one.
    """

    def __init__(self, own: Path | None = None):
        self.own = own
        if own is not None and not own.is_dir():
            raise ConfigError(f"--config-dir {own}: there is no such folder")

    def compose(self, overrides: Sequence[str] = ()) -> DictConfig:
        """What a run command with these overrides would train.

        Raises:
            ConfigError: Hydra can't compose it.
        """
        path = [f"hydra.searchpath=[{_quoted('file://' + str(self.own.absolute()))}]"] if self.own else []
        GlobalHydra.instance().clear()
        try:
            with initialize_config_dir(str(places.conf()), version_base="1.3"):
                return compose("config", [*path, *overrides])
        except (HydraException, OmegaConfBaseException) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"the config of {' '.join(overrides) or 'a run'} can't be composed ({reason})") from error

    def has(self, group: str, option: str) -> bool:
        return option in self._options[group]

    def option(self, group: str, name: str) -> str:
        """The option that calls itself by this name: what follows ``dataset=`` on the command line."""
        options = self._options[group]
        return name if options.get(name) == name else next((o for o, n in options.items() if n == name), name)

    @cached_property
    def _options(self) -> Mapping[str, Mapping[str, str]]:
        """Of each group: option -> the name it gives itself. The user's own stand before ours, as for Hydra."""
        return {group: self._of_group(group) for group in GROUPS}

    def _of_group(self, group: str) -> dict[str, str]:
        folders = [folder / group for folder in (places.conf(), self.own) if folder is not None]
        names = {}
        for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
            content = OmegaConf.to_container(OmegaConf.load(path))
            name = content.get("name") if isinstance(content, dict) else None
            names[path.stem] = str(name or path.stem)
        return names


def flat(config: DictConfig, prefix: str = "") -> dict[str, str]:
    """Parameters as a tracked run has them: text, by their full key."""
    return _flat(OmegaConf.to_container(config, resolve=True), prefix)


def _flat(values: Any, prefix: str) -> dict[str, str]:
    flattened: dict[str, str] = {}
    for key, one in values.items():
        flattened |= _flat(one, f"{prefix}{key}.") if isinstance(one, dict) else {f"{prefix}{key}": str(one)}
    return flattened


def _quoted(text: str) -> str:
    """A text as a value in Hydra's grammar, where a backslash counts as one unless it stands before a quote."""
    before_quotes = re.sub(r"(\\*)'", lambda match: 2 * match[1] + "\\'", text)
    at_the_end = re.sub(r"(\\+)$", lambda match: 2 * match[1], before_quotes)
    return f"'{at_the_end}'"


def override(key: str, values: Sequence[object]) -> str:
    """``key=value``, or a sweep over several: in Hydra's grammar, whatever the values hold."""
    return f"{key}={','.join(map(_value, values))}"


def _value(value: object) -> str:
    text = {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))
    plain = text and text.isascii() and all(c.isalnum() or c in "_-./:+@" for c in text)
    return text if plain or text.startswith("[") else _quoted(text)
