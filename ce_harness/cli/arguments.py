"""The words behind ``python run.py``: what Hydra would take, but nobody can mean, is refused before it reads them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser  # Hydra offers no public way to ask which flags it knows

from ce_harness.config import GROUPS
from ce_harness.errors import ConfigError
from ce_harness.passwords import without_passwords
from ce_harness.places import run_command
from ce_harness.startup import make_importable


def prepared(arguments: Sequence[str]) -> list[str]:
    """The arguments for Hydra. Modules that lie beside a user's own YAML files can be imported from here on.

    Raises:
        ConfigError: names the argument.
    """
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        known, unknown = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise ConfigError(f"{error}; `{run_command()} --hydra-help` shows the flags") from error
    for argument in unknown:
        if argument.startswith("-"):
            raise ConfigError(f"{argument}: there is no such flag; `{run_command()} --hydra-help` shows the flags")
        raise ConfigError(f"{argument}: write flags such as -m before the first key=value")
    for argument in known.overrides:
        _check(argument)
    if known.config_dir:
        make_importable(Path(known.config_dir).absolute())
    return [_without_password(argument) for argument in arguments]


def _check(argument: str) -> None:
    """Refuses keys added or removed, which nobody reads or everybody misses, and anything but one option of a group.

    Of a list of options, ``loss=[mse,focal]``, Hydra would merge one that is neither.
    """
    key, _, value = argument.lstrip("+~").partition("=")
    if not key:
        raise ConfigError(f"{argument}: not of the form key=value; `{run_command()} --cfg job` shows all keys")
    if argument.startswith("~") and not key.startswith("hydra"):
        raise ConfigError(f"{argument}: keys can't be removed; set another value: {key}=VALUE")
    if argument.startswith("+") and not key.startswith("hydra"):
        raise ConfigError(
            f"{argument}: keys can't be added; write {argument.lstrip('+')} for a key that "
            f"`{run_command()} --cfg job` shows; options of your own go into a YAML file"
        )
    if key in (*GROUPS, "experiment") and value.startswith("["):
        raise ConfigError(
            f"{argument}: allowed is one option of the group; to compare them: {run_command()} -m {key}={value[1:-1]}"
        )
    if key in GROUPS and value == "null":
        raise ConfigError(f"{argument}: allowed is an option of the group; `{run_command()} --help` lists them")


def _without_password(argument: str) -> str:
    """A tracking URI with a password moves to a variable of the environment.

    ``--cfg`` shows the arguments, and the summary of a sweep and the store's notes on its runs hold them, for the user
    to repeat one: all then name the variable.
    """
    key, _, value = argument.partition("=")
    if key != "tracking_uri" or without_passwords(value) == value:
        return argument
    os.environ["MLFLOW_TRACKING_URI"] = value.strip("'\"")
    return "tracking_uri=${oc.env:MLFLOW_TRACKING_URI}"
