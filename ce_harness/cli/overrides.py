"""The ``key=value`` words of a command: read as Hydra reads them; what nobody can mean is refused, with the way out."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, Quote, QuotedString, RangeSweep
from hydra.errors import HydraException

from ce_harness.config import GROUPS
from ce_harness.config.schema import PARTS_BY_NAME
from ce_harness.errors import ConfigError
from ce_harness.places import run_command

MOST_RUNS = 100_000  # of one sweep


def parsed(argument: str) -> Override:
    """Hydra's reading of a word.

    Raises:
        ConfigError: Hydra can't read it. If quotes help, they are shown.
    """
    key, equals, value = argument.partition("=")
    if not equals or not key.lstrip("+~"):
        if argument.startswith("~"):
            _refuse_removal(argument)
        raise ConfigError(f"{argument}: not of the form key=value; `{run_command()} --cfg job` shows all keys")
    parser = OverridesParser.create()
    try:
        return parser.parse_override(argument)
    except HydraException as error:
        if value.startswith(("[", "{")):
            reason = str(error).strip().splitlines()[0]
            raise ConfigError(f"{argument}: not of the form key=value ({reason}); is a bracket missing?") from error
        if value.endswith(","):
            raise ConfigError(
                f"{argument}: leave the comma at its end out; if it is part of the value: {_quoted(key, value)}"
            ) from error
        home = os.path.expanduser(value)  # which the shell does not put there behind key=
        raise ConfigError(f"{argument}: its value needs quotes; type {_quoted(key, home)}") from error


def check(override: Override, sweeps: bool) -> None:
    """Refuses keys that are removed or added, and anything but one option of a group.

    Keys may be added to a part, whose class may take more than its YAML file names. A list of options,
    ``loss=[mse,focal]``, is refused, since Hydra would merge them into one that is neither.
    """
    argument, key, value = str(override.input_line), override.key_or_group, override.value()
    _, _, typed = argument.partition("=")
    if override.package is not None:
        raise ConfigError(f"{argument}: write a group without a package; for example {key}={typed}")
    if override.is_delete() and not key.startswith("hydra"):
        _refuse_removal(argument)
    if override.is_add() and key.partition(".")[0] not in ("hydra", *GROUPS, *PARTS_BY_NAME):
        raise ConfigError(
            f"{argument}: keys can't be added; write {argument.lstrip('+')} for a key that "
            f"`{run_command()} --cfg job` shows; options of your own go into a YAML file"
        )
    if key in (*GROUPS, "experiment") and isinstance(value, list):
        raise ConfigError(
            f"{argument}: allowed is one option of the group; to compare them: {run_command()} -m {key}={typed[1:-1]}"
        )
    if key in GROUPS and not isinstance(value, str | QuotedString) and not override.is_sweep_override():
        raise ConfigError(f"{argument}: allowed is an option of the group; `{run_command()} --help` lists them")
    if override.is_sweep_override() and not sweeps:
        as_text = f"; if it is one value: {_quoted(key, typed)}" if "," in typed and "(" not in typed else ""
        raise ConfigError(
            f"{key}: a run has one value of a key; to try them all: {run_command()} -m {argument}{as_text}"
        )


def check_together(overrides: Sequence[Override]) -> None:
    """Refuses a sweep that never ends."""
    runs = math.prod(_count(override) for override in overrides if override.is_sweep_override())
    if runs > MOST_RUNS:
        words = " ".join(str(override.input_line) for override in overrides if override.is_sweep_override())
        raise ConfigError(f"{words}: that is {runs:,.0f} runs; allowed are {MOST_RUNS:,} in one sweep")


def adding(argument: str) -> str:
    """The word as Hydra takes it where names are the user's own: a callback that is not there yet is added."""
    return f"++{argument}" if argument.partition("=")[0].partition(".")[0] in PARTS_BY_NAME else argument


def _count(override: Override) -> float:
    value: Any = override.value()
    if isinstance(value, RangeSweep):
        start, stop = (value.start or 0, value.stop) if value.stop is not None else (0, value.start or 0)
        return math.inf if value.step == 0 else abs((stop - start) / value.step)
    return len(value.list) if isinstance(value, ChoiceSweep) else 1


def _refuse_removal(argument: str) -> None:
    key = argument.lstrip("~").partition("=")[0]
    raise ConfigError(f"{argument}: keys can't be removed; set another value: {key}=VALUE")


def _quoted(key: str, value: str) -> str:
    """Two pairs of quotes: Hydra's around the value, and the shell's around the whole."""
    word = f"{key}={QuotedString(value, Quote.single).with_quotes()}"
    return shlex.quote(word) if set(word) & set('"$`\\!') else f'"{word}"'
