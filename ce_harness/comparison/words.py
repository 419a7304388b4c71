"""From the arguments of ``compare`` to the words of a run command."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from ce_harness.config.targets import BUILT_IN
from ce_harness.errors import ConfigError

# Text that the command takes without quotes.
PLAIN = re.compile(r"(?!(?:null|true|false|nan|inf)$)[a-z_/][\w./:@%+-]*", re.IGNORECASE)


def word(value: object) -> str:
    """A Python value as the command line takes it: ``None`` is ``null``, text is quoted where it must be.

    Raises:
        ConfigError: an object that no text stands for.
    """
    if value is None or isinstance(value, bool | np.bool_):
        return "null" if value is None else json.dumps(bool(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{word(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(word, value)) + "]"
    if not isinstance(value, str | Path | Real):
        raise ConfigError(
            f"{value!r}: allowed are text, numbers, lists and mappings; name a class and its arguments, for example "
            "{'_target_': 'keras.metrics.F1Score', 'average': 'macro'}"
        )
    text = str(value)
    if isinstance(value, Real) or PLAIN.fullmatch(text):
        return text
    return "'" + re.sub(r"(\\+)(?='|$)", r"\1\1", text).replace("'", r"\'") + "'"


def word_for(key: str, value: object) -> str:
    """``key=value``.

    Raises:
        ConfigError: an object that no text stands for.
    """
    try:
        return f"{key}={word(value)}"
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error


def values_tried(tunes: Mapping[str, Sequence[object] | Mapping[str, Sequence[object]]], loss: str) -> tuple[str, ...]:
    """The words that sweep over the values to try with a loss; none for keys that only others have.

    Raises:
        ConfigError: a single value where a list is meant.
    """
    for key, values in tunes.items():
        for given in values.values() if isinstance(values, Mapping) else (values,):
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise ConfigError(f"tunes: {key}={given!r}: allowed is a list of values to try")
    own = {key: values.get(loss, ()) if isinstance(values, Mapping) else values for key, values in tunes.items()}
    return tuple(f"{key}={','.join(map(word, values))}" for key, values in own.items() if values)


def seed_numbers(seeds: int | Iterable[int]) -> list[int]:
    """0, 1, ... for a number of seeds; the seeds themselves for a list.

    Raises:
        ConfigError: fewer than two, or one that is there twice.
    """
    numbers = list(range(seeds)) if isinstance(seeds, int) else [int(seed) for seed in seeds]
    if len(set(numbers)) < max(2, len(numbers)):
        raise ConfigError(f"seeds={seeds}: allowed is a number, at least 2, or a list of different seeds")
    return numbers


class Options:
    """Options of a group: the names of those that exist, and a YAML file for each part of the user's own.

    Attributes:
        folder: where the files are written; the command gets it as ``--config-dir``.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def name(self, group: str, part: object) -> str:
        """What the command calls a part.

        Args:
            group: ``loss``, ``model``, ``dataset`` or ``optimizer``.
            part: the name of an option; a class or function, or where one is, ``"my_loss.Tempered"``; a mapping of its
                ``_target_`` and arguments. It may hold a ``name`` for tables.

        Raises:
            ConfigError: a part that another process can't import.
        """
        if isinstance(part, str) and "." not in part:
            return part
        option: dict[str, object] = dict(part) if isinstance(part, Mapping) else {"_target_": part}
        given = option.get("_target_")
        target = given if isinstance(given, str) else _where(group, given)
        name = str(option.get("name", target.rpartition(".")[2]))
        file = self.folder / group / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(OmegaConf.create({**option, "name": name, "_target_": target}), file)
        return name


def _where(group: str, part: Any) -> str:
    if not (inspect.isclass(part) or inspect.isroutine(part)):
        place = _place(group, type(part))
        made_by = f" {{'_target_': '{place}', ...}}" if place.startswith(BUILT_IN[group]) else ""
        raise ConfigError(
            f"{group}={part!r}: allowed is the name of an option, a class or function, or a mapping of a _target_ and "
            f"arguments{made_by}"
        )
    name = str(part.__qualname__)
    if part.__module__ == "__main__" or "<" in name:
        raise ConfigError(
            f"{group}={name}: runs train in processes of their own, which can't import what a notebook or script "
            f"defines; write it into a file beside it, my_{group}.py, and import it from there"
        )
    return _place(group, part)


def _place(group: str, part: Any) -> str:
    """Where a class or function is imported from; Keras's are defined in modules that are not for users."""
    name = part.__qualname__
    for module in BUILT_IN[group]:
        if getattr(sys.modules.get(module), name, None) is part:
            return f"{module}.{name}"
    return f"{part.__module__}.{name}"
