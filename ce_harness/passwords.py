"""Passwords in URIs: never in a message, a log or a file of ours."""

import re

USER = r"://[^\s/]\S*@"


def without_passwords(text: str) -> str:
    """The text with ``user:password`` of every URI in it replaced by ``***``."""
    return re.sub(USER, "://***@", text)


def without_user(uri: str) -> str:
    """The URI of the same place for whoever asks."""
    return re.sub(USER, "://", uri).partition("?")[0]
