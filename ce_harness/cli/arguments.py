"""The words behind ``python run.py``: what Hydra would take, but nobody can mean, is refused before it reads them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from ce_harness.cli import overrides
from ce_harness.cli.own_folder import take_in
from ce_harness.config import GROUPS
from ce_harness.errors import ConfigError
from ce_harness.places import run_command
from ce_harness.unofficial import hydra

MODES = ("--run", "--multirun", "--cfg", "--info", "--shell-completion")  # Hydra does one thing a call


def prepared(arguments: Sequence[str]) -> list[str]:
    """The arguments for Hydra. Modules that lie beside a user's own YAML files can be imported from here on.

    Raises:
        ConfigError: names the argument.
    """
    for argument in arguments:
        if not argument.isprintable():
            raise ConfigError(f"{argument!a}: it holds a line feed or another character that can't be printed")
    parser = hydra.flags()
    parser.exit_on_error = False
    try:
        known, unknown = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise ConfigError(f"{error}; `{run_command()} --hydra-help` shows the flags") from error
    for argument in unknown:
        if argument.startswith("-"):
            raise ConfigError(f"{argument}: there is no such flag; `{run_command()} --hydra-help` shows the flags")
        raise ConfigError(f"{argument}: write flags such as -m before the first key=value")
    modes = [flag for flag in MODES if getattr(known, flag[2:].replace("-", "_"))]
    if len(modes) > 1:
        raise ConfigError(f"{' and '.join(modes)}: allowed is one of them at a time")
    if known.experimental_rerun:
        raise ConfigError("--experimental-rerun: it needs files that are not kept; the same command continues a run")
    if known.shell_completion and not known.overrides:
        raise ConfigError("--shell-completion: say what to do with it; for example --shell-completion install=bash")
    if known.package and not known.cfg:
        raise ConfigError(f"--package={known.package}: it says what --cfg shows; for example --cfg job -p {GROUPS[0]}")
    sweeps = known.multirun or any(argument.startswith("hydra.mode=") for argument in known.overrides)
    parsed = [overrides.parsed(argument) for argument in known.overrides]
    for override in parsed:
        overrides.check(override, sweeps)
    overrides.check_together(parsed)
    if known.config_dir:
        take_in(Path(known.config_dir))
    return [_without_password(overrides.adding(a) if a in known.overrides else a) for a in arguments]


def only_show(arguments: Sequence[str]) -> bool:
    """Whether they ask for a config to be shown, and for nothing else."""
    return hydra.flags().parse_known_args(list(arguments))[0].cfg is not None


def _without_password(argument: str) -> str:
    """A tracking URI with a password moves to a variable of the environment.

    ``--cfg`` shows the arguments, and the summary of a sweep and the store's notes on its runs hold them, for the user
    to repeat one: all then name the variable.
    """
    key, _, value = argument.partition("=")
    uri = value.strip("'\"")
    if key != "tracking_uri" or uri.startswith("sqlite:") or "://" not in uri or not set("@?#") & set(uri):
        return argument
    os.environ["MLFLOW_TRACKING_URI"] = uri
    return "tracking_uri=${oc.env:MLFLOW_TRACKING_URI}"
