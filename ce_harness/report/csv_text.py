"""Text in CSV files: a line of its own for nothing, and no formula for a spreadsheet to run.

An apostrophe before what begins like a formula makes it text again; see OWASP, "CSV injection".
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from ce_harness.printable import printable

BEGINNINGS = ("=", "+", "-", "@", "'")  # the last, so that reading can tell an apostrophe of ours from another


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text and heads of columns that are printable, and begin like no formula."""
    return _mapped(frame, _harmless).rename(columns=lambda head: _harmless(str(head)))


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """A harmless frame, as read from a file, without the apostrophes."""
    return _mapped(frame, _as_written).rename(columns=_as_written)


def _mapped(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    changed = {}
    for name, column in frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            changed[name] = column.cat.rename_categories(change)
        elif column.dtype == object:
            changed[name] = column.map(lambda cell: change(cell) if isinstance(cell, str) else cell)
    return frame.assign(**changed) if changed else frame


def _harmless(text: str) -> str:
    text = printable(text)
    return f"'{text}" if text.startswith(BEGINNINGS) and not _is_a_value(text) else text


def _as_written(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(BEGINNINGS) else text


def _is_a_value(text: str) -> bool:
    """Whether it is a number, or the dash of an empty place."""
    try:
        float(text)
    except ValueError:
        return text == "-"
    return True
