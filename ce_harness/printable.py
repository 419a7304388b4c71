"""Names come from configs and stores, and may hold anything; what no line of text can show is written out."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""The text with line feeds, escapes of a terminal and other characters without a glyph as ``\n`` or ``\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
