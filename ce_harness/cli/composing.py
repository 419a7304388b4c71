"""Composing configs for a report: where the runs are kept, and what a command would train."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ce_harness import places
from ce_harness.config.error_messages import first_line, reading_yaml
from ce_harness.errors import ConfigError

GROUPS = ("dataset", "model", "loss", "optimizer", "experiment")


class Part(NamedTuple):
    """What the file of an option says: the part's name, and its class or function."""

    name: str
    target: str


class Configs:
    """The configs that come with ce_harness and those of the user's own.

    Args:
        own: the folder of the user's, as for ``--config-dir``; None without one.
    """

    def __init__(self, own: Path | None = None):
        self.own = own
        if own is not None and not own.is_dir():
            raise ConfigError(f"--config-dir {own}: there is no such folder")

    def command(self, program: str) -> str:
        """The words that start a program with these configs."""
        return f"{program} --config-dir {shlex.quote(str(self.own))}" if self.own else program

    def compose(self, overrides: Sequence[str] = ()) -> DictConfig:
        """What a run command with these overrides would train.

        Raises:
            ConfigError: Hydra can't compose it.
        """
        path = [f"hydra.searchpath=[{_quoted('file://' + str(self.own.absolute()))}]"] if self.own else []
        GlobalHydra.instance().clear()
        try:
            with reading_yaml(), initialize_config_dir(str(places.conf()), version_base="1.3"):
                return compose("config", [*path, *overrides])
        except (HydraException, OmegaConfBaseException) as error:
            reason = first_line(error)
            raise ConfigError(f"the config of {' '.join(overrides) or 'a run'} can't be composed ({reason})") from error

    def has(self, group: str, option: str) -> bool:
        return option in self._options[group]

    def option(self, group: str, name: str, target: str = "") -> str:
        """The option that calls itself by this name: what follows ``dataset=`` on the command line.

        Args:
            target: the ``_target_`` that tells the option where a name was given elsewhere, as ``dataset.name=pets``.
        """
        options = self._options[group]
        if name in options and options[name].name == name:
            return name
        of_name = (option for option, part in options.items() if part.name == name)
        of_target = (option for option, part in options.items() if target and part.target == target)
        return next(chain(of_name, of_target), name)

    @cached_property
    def _options(self) -> Mapping[str, Mapping[str, Part]]:
        """Of each group: option -> what it says of itself."""
        return {group: self._of_group(group) for group in GROUPS}

    def _of_group(self, group: str) -> dict[str, Part]:
        folders = [folder / group for folder in (places.conf(), self.own) if folder is not None]
        parts = {}
        for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
            with reading_yaml(str(path)):
                content = OmegaConf.to_container(OmegaConf.load(path))
            said = content if isinstance(content, dict) else {}
            parts[path.stem] = Part(str(said.get("name") or path.stem), str(said.get("_target_", "")))
        return parts


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


def override_by_mapping(key: str, content: Mapping[str, str]) -> str:
    """``key={inner: value, ...}``."""
    inner = (re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", name) + f": {_value(one)}" for name, one in content.items())
    return f"{key}={{{', '.join(inner)}}}"


def _value(value: object) -> str:
    text = {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))
    plain = text and text.isascii() and all(c.isalnum() or c in "_-./:+@" for c in text)
    return text if plain or text.startswith("[") else _quoted(text)
