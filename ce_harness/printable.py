"""Names and errors come from configs, stores and other libraries, and may hold anything: here they become one line."""

from __future__ import annotations

import re

OF_TENSORFLOW = re.compile(r"\{\{function_node .*?\}\}|\[Op:\w+\]( name:)?")  # which node of which graph


def reason(error: BaseException) -> str:
    """What an error of another library says, in one line of at most 200 characters."""
    return " ".join(OF_TENSORFLOW.sub("", str(error)).split())[:200]


def printable(text: str) -> str:
    r"""The text with line feeds, escapes of a terminal and other characters without a glyph as ``\n`` or ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
