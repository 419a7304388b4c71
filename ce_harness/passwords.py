"""Passwords in URIs: never in a message, a log or a file of ours. Shown are scheme, host and path."""

import os
import re

_URI = re.compile(r"[A-Za-z][\w+.-]*://[^\s'\"`<>]*[^\s'\"`<>.,;:)]")  # without what ends a sentence or a clause
_HIDDEN = "***"
# What MLflow signs in with. No pattern can tell a password with a space in it from its surroundings: it is hidden since
# it is known from here. ``cli/arguments.py`` moves a URI that was typed to the first of these.
_OF_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def without_passwords(text: str) -> str:
    """The text with the user, the password and the query of every URI in it replaced by ``***``."""
    for name in _OF_MLFLOW:
        value = os.environ.get(name, "")
        text = text.replace(value, _shown(value) if "://" in value else _HIDDEN) if value else text
    return _URI.sub(lambda match: _shown(match[0]), text)


def without_user(uri: str) -> str:
    """The URI of the same place for whoever asks: scheme, host and path."""
    scheme, _, rest = uri.partition("://")
    _, _, place = _split(rest)
    return f"{scheme}://{place}"


def _shown(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    user, query, place = _split(rest)
    return f"{scheme}://{_HIDDEN + '@' if user else ''}{place}{query[:1] and query[0] + _HIDDEN}"


def _split(rest: str) -> tuple[str, str, str]:
    """User, query and place. The last @ ends the user: a password may hold any other character, / and ? among them."""
    user, _, place = ("", "", rest) if rest.startswith("/") else rest.rpartition("@")
    path = re.match(r"[^?#&]*", place)
    assert path is not None, "it may be empty"
    return user, place[path.end() :], path[0]
