"""How a table is written: numbers as text, CSV, Markdown. Names can't act in any of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from ce_harness.printable import printable
from ce_harness.report.csv_text import harmless
from ce_harness.report.study import Table
from ce_harness.report.verdicts.intervals import Summary

NOTHING = "-"


def with_interval(s: Summary, difference: bool = False) -> str:
    """``0.9712 ± 0.0045``, or ``+0.012 [+0.008, +0.019]`` of a difference, whose interval need not be symmetric.

    Two significant digits of the half-width decide how many are shown.
    """
    sign = "+" if difference else ""
    if s.n == 0:
        return NOTHING
    if s.n == 1:
        return f"{s.mean:{sign}.4f} (n = 1)"
    if not math.isfinite(s.half_width):
        return f"{s.mean:{sign}g}"
    if s.half_width <= 1e-12 * abs(s.mean):  # but for rounding
        return f"{s.mean:{sign if s.mean else ''}g} (all equal)"
    decimals = max(1 - math.floor(math.log10(s.half_width)), 0)
    spec = f"{sign}.1e" if decimals > 6 else f"{sign}.{decimals}f"
    if difference:
        return f"{s.mean:{spec}} [{s.low:{spec}}, {s.high:{spec}}]"
    return f"{s.mean:{spec}} ± {s.half_width:{spec}}"


def number(value: float, spec: str) -> str:
    """A formatted number, or a dash for NaN."""
    return NOTHING if math.isnan(value) else format(value, spec)


@dataclass(frozen=True)
class Shown:
    """A table as a reader sees it: printable text in every place.

    Attributes:
        cells: strings only; floats that nobody formatted have six digits.
    """

    title: str
    cells: pd.DataFrame
    notes: tuple[str, ...]


def shown(table: Table) -> Shown:
    """What every format is made from."""
    frame = table.frame if table.shown is None else table.shown
    cells = frame.map(lambda x: number(x, ".6g") if isinstance(x, float) else printable(str(x)))
    cells = cells.astype(str).rename(columns=lambda head: printable(str(head)))  # columns of no rows, too
    return Shown(printable(table.title), cells, tuple(map(printable, table.notes)))


def right_aligned(cells: pd.DataFrame) -> list[bool]:
    """Per column, whether it holds numbers, with a short word or unit at most."""
    return [cells.iloc[:, i].str.match(r"(?!.*[a-z]{5})[-+<> ]*\d|-$").all() for i in range(cells.shape[1])]


def csv(table: Table) -> str:
    """The numbers, to as many significant digits as the table asks for; no text in it is run as a formula."""
    precision = None if table.digits is None else f"%.{table.digits}g"
    return harmless(table.frame).to_csv(index=False, float_format=precision, lineterminator="\n")


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, title above, notes below; names in it are text, and neither HTML nor links."""
    made = shown(table)

    def line(entries: Iterable[str]) -> str:
        return "| " + " | ".join(map(plain, entries)) + " |"

    rule = "|" + "|".join("---:" if right else "---" for right in right_aligned(made.cells)) + "|"
    lines = [bold(made.title), "", line(made.cells), rule, *(line(row) for row in made.cells.to_numpy())]
    return "\n".join([*lines, *(f"\n{_paragraph(note)}" for note in made.notes)]) + "\n"


# What Markdown reads as more than itself: emphasis, code, HTML, tables, entities; links, and addresses that GitHub
# makes links of. An underscore between two letters or digits is none of these.
_ACTIVE = re.compile(r"[\\`*<|&~]|(?<![^\W_])_|_(?![^\W_])|(?<=\])[(\[:]|:(?=//)|(?<=[wW]{3})\.")
_BEGINS_A_BLOCK = re.compile(r"^\s*(?:(?=[#>+=-])|(\d+)(?=[.)]))")  # a heading, quotation or list


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _ACTIVE.sub(lambda match: f"\\{match[0]}", text)


def bold(text: str) -> str:
    """The same in bold; Markdown takes asterisks beside a space for text."""
    return f"**{plain(text).strip()}**"


def _paragraph(text: str) -> str:
    return _BEGINS_A_BLOCK.sub(lambda match: f"{match[1] or ''}\\", plain(text))
