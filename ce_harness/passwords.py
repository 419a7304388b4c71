"""Passwords in URIs: never in a message, a log or a file of ours."""

import re


def without_passwords(text: str) -> str:
    """The text with ``user:password`` of every URI in it replaced by ``***``."""
    return re.sub(r"://[^\s/]\S*@", "://***@", text)
