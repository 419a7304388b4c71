"""What to tell a user whose config or command line Hydra won't take: one line instead of Hydra's many."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from ce_harness.errors import ConfigError, HarnessError


def refuse_added_keys(arguments: Sequence[str]) -> None:
    """Refuses ``+key=value``: no key outside conf/ means anything, so an added one is a slip.

    Raises:
        ConfigError: names the argument.
    """
    for argument in arguments:
        if argument.startswith("+") and not argument.lstrip("+").startswith("hydra"):
            raise ConfigError(
                f"{argument}: keys can't be added; write {argument.lstrip('+')} for a key that "
                "`python run.py --cfg job` shows; options of your own go into a YAML file"
            )


def explain(error: BaseException) -> HarnessError | None:
    """The error as one line with an exit code; None for one that is nobody's known mistake."""
    if isinstance(error, HarnessError):
        return error
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        allowed = ", ".join(sorted(error.options))
        return ConfigError(
            f"{group}={name}: there is no such option{_nearest(name, error.options)}; allowed: {allowed}"
        )
    if isinstance(error, OverrideParseException):
        return ConfigError(f"{error.override}: not of the form key=value ({_first_line(error)})")
    if isinstance(error, ConfigCompositionException | HydraException | OmegaConfBaseException):
        return ConfigError(_mistake(error))
    return None


def _mistake(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ConfigKeyError | ConfigAttributeError):
        siblings = [] if cause.parent_node is None else [str(key) for key in cause.parent_node]
        near = _nearest(str(cause.key), siblings)
        return f"{cause.full_key}: there is no such key{near}; `python run.py --cfg job` shows all keys"
    value = re.search(r"Value '(.*)' of type '.*' could not be converted to (\w+)", str(cause))
    if value:
        words = {"Integer": "a whole number", "Float": "a number", "String": "a text"}
        return f"{cause.full_key}={value[1]}: allowed is {words.get(value[2], value[2])}"
    group = re.search(r"Could not override '(.*?)'", str(error))
    if group and "No match in the defaults list" in str(error):
        return f"{group[1]}: there is no such group; `python run.py --help` lists the groups"
    return _first_line(error) + (f" ({_first_line(cause)})" if cause is not error else "")


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _nearest(word: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {match[0]}?)" if match else ""
