r"""How a table is written in LaTeX: no wider than the text of a paper, and no higher than its page.

A paper that takes in a table needs ``\usepackage{adjustbox,array,booktabs}``.
``adjustbox`` makes smaller what would be too large. Columns of long text wrap, and long tables become several.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from ce_harness.report.output.formats import right_aligned, shown
from ce_harness.report.study import Table

WIDEST_TEXT = 40  # characters of a line in a column of text
LINES_OF_A_PART = 45
LARGEST = r"max size={\linewidth}{.6\textheight}"  # leaves room for caption and notes


def latex(table: Table, name: str) -> str:
    """The table as one or more floats, special characters escaped; the first part is labelled ``tab:NAME``."""
    made = shown(table)
    parts = _parts(made.cells)
    floats = []
    for number, cells in enumerate(parts, 1):
        caption = _escaped(made.title) + (f" (part {number} of {len(parts)})" if len(parts) > 1 else "")
        label = f"\n\\label{{tab:{name}}}" if number == 1 else ""
        notes = [f"\\par\\smallskip {_escaped(note)}\n" for note in made.notes] if number == len(parts) else []
        floats.append(
            f"\\begin{{table}}\n\\centering\\footnotesize\n\\caption{{{caption}}}{label}\n"
            f"\\begin{{adjustbox}}{{{LARGEST}}}\n{_tabular(cells)}\\end{{adjustbox}}\n{''.join(notes)}\\end{{table}}\n"
        )
    return "".join(floats)


def _parts(cells: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows in parts that fit a page."""
    ends: list[int] = []
    lines = 0
    for i, row in enumerate(cells.to_numpy()):
        height = max((math.ceil(len(cell) / WIDEST_TEXT) for cell in row), default=1)
        if lines and lines + height > LINES_OF_A_PART:
            ends, lines = [*ends, i], 0
        lines += height
    bounds = [0, *ends, len(cells)]
    return [cells.iloc[start:end] for start, end in pairwise(bounds)]


def _tabular(cells: pd.DataFrame) -> str:
    columns = "".join(map(_column, cells.to_numpy().T, right_aligned(cells)))
    rows = "".join(_row(row) for row in cells.to_numpy())
    head = _row(list(cells.columns))
    return f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n"


def _column(cells: Sequence[str], is_number: bool) -> str:
    """``r`` for numbers, ``l`` for short text; long text wraps, a character being about half an em wide."""
    if is_number:
        return "r"
    if max(map(len, cells), default=0) <= WIDEST_TEXT:
        return "l"
    return rf">{{\raggedright\arraybackslash}}p{{{WIDEST_TEXT / 2:g}em}}"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(_cell, cells)) + " \\\\\n"


def _cell(text: str) -> str:
    r"""The text, in braces where ``\\`` of the line before would take its beginning as an option."""
    escaped = _escaped(text)
    return f"{{{escaped[0]}}}{escaped[1:]}" if escaped.startswith(("[", "*")) else escaped


_LATEX = {character: f"\\{character}" for character in "&%$#{}"} | {
    "_": r"\_\allowbreak{}",  # names are long words, where columns are narrow
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",  # LaTeX's own encoding of fonts has a dash there
    "<": "$<$",
    ">": "$>$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
}
_HASH = re.compile(r"([\da-f]{16})(?=[\da-f]{16})")


def _escaped(text: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in text)
    escaped = re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)
    return _HASH.sub(r"\1\\allowbreak{}", escaped)
