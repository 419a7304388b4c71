"""Cells that differ in numbers alone, such as seeds and learning rates: the first is composed and checked in full."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from omegaconf import DictConfig, OmegaConf

from ce_harness.config.checks import accepted, check_together, checked, flat, rules_of
from ce_harness.config.identity import hash_of, identity
from ce_harness.rundir.directory import RunDirectory

COMPUTED_KEY = re.compile(r"[.:\[{]\$\{|\}[.\]]")  # as in ${dataset.${name}}


class Family:
    """Cells with the same options, words and switches, and with numbers for the same keys.

    The first is composed by Hydra, checked and hashed. In another, numbers are checked by the rules of their keys and
    put into plain data. What interpolations make of them, OmegaConf says. So its hash is the one it would have alone.

    Attributes:
        config: of the first cell, checked, as plain data.
        run: the directory of its run.
        threads_are_open: whether the cells leave the number of threads to the sweep.
    """

    def __init__(self, composed: DictConfig, cores: int, numbers: Iterable[str]):
        """
        Args:
            composed: the config of the first cell, unchecked; the numbers of other cells are set in it.
            cores: that a cell has.
            numbers: the keys in which the cells differ.

        Raises:
            ConfigError: the config is wrong.
        """
        settled = checked(composed, cores)
        self.config: dict[str, Any] = _plain(settled)
        self.run = RunDirectory.named_after(settled).path
        self.threads_are_open = composed["threads"] == "auto"
        self._composed = composed
        self._identity = identity(settled)
        self._values = flat(self.config)
        self._rules = rules_of(self._values)
        self._affected = _affected(flat(OmegaConf.to_container(composed)), numbers)

    def cell(self, numbers: Mapping[str, int | float]) -> tuple[dict[str, Any], Path] | None:
        """Config and directory of the cell with these numbers; None where they change more than numbers.

        Raises:
            ConfigError: a number is not allowed.
        """
        for key, number in numbers.items():
            OmegaConf.update(self._composed, key, number)
        config, named = self.config, self._identity
        for key in (*numbers, *self._affected):
            value = _plain(OmegaConf.select(self._composed, key))
            if key in self._rules:
                value = accepted(self._rules[key], key, value)
            before = self._values[key]
            if value == before and type(value) is type(before):
                continue
            if not is_number(value) or key.rpartition(".")[2].startswith("_"):
                return None
            config, named = _with(config, key, value), _with(named, key, value)
        check_together(config)
        code = self.run.name.rpartition("-")[2]
        return config, self.run.with_name(f"{hash_of(named)}-{code}")


def _affected(values: Mapping[str, Any], numbers: Iterable[str]) -> list[str]:
    """The keys whose interpolations may change with numbers: those that name one, or put a key together.

    To resolve one takes OmegaConf .4 ms, and the address of the store depends on no seed.

    Args:
        values: of the config, as `flat` returns it.
        numbers: the keys that are given numbers.
    """
    left = {key: str(one) for key, one in values.items() if not isinstance(one, dict) and "${" in str(one)}
    names = {name for key in numbers for name in key.split(".")}
    affected: list[str] = []
    while named := [k for k, text in left.items() if COMPUTED_KEY.search(text) or any(map(text.__contains__, names))]:
        affected += named
        names |= {name for key in named for name in key.split(".")}
        left = {key: text for key, text in left.items() if key not in named}
    return affected


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _with(tree: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """A tree in which a key has another value; the same tree where it lacks the key, as an identity may."""
    name, dot, rest = key.partition(".")
    if name not in tree:
        return tree
    return {**tree, name: _with(tree[name], rest, value) if dot else value}
