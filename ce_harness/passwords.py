"""Passwords in URIs: never in a message, a log or a file of ours."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence


def without_passwords(text: str) -> str:
    """The text with ``user:password`` of every URI in it replaced by ``***``."""
    return re.sub(r"://[^\s/]\S*@", "://***@", text)


def moved_to_environment(arguments: Sequence[str]) -> list[str]:
    """The arguments, with a tracking URI that holds a password moved to the variable ``MLFLOW_TRACKING_URI``.

    Hydra writes a sweep's arguments to a file, and so do we, for the user to repeat one; a reference to the
    variable is what they then see.
    """
    kept = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key == "tracking_uri" and without_passwords(value) != value:
            os.environ["MLFLOW_TRACKING_URI"] = value.strip("'\"")
            argument = "tracking_uri=${oc.env:MLFLOW_TRACKING_URI}"
        kept.append(argument)
    return kept
