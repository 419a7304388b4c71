"""How a table is written: numbers as text, CSV, Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from ce_harness.report.study import Table
from ce_harness.report.verdicts.intervals import Summary

NOTHING = "-"


def with_interval(s: Summary, signed: bool = False) -> str:
    """``0.9712 ± 0.0045``: two significant digits of the half-width decide how many are shown."""
    sign = "+" if signed else ""
    if s.n == 0:
        return NOTHING
    if s.n == 1:
        return f"{s.mean:{sign}.4f} (n = 1)"
    if not math.isfinite(s.half_width):
        return f"{s.mean:{sign}g}"
    if s.half_width == 0:
        return f"{s.mean:{sign if s.mean else ''}g} (all equal)"
    decimals = max(1 - math.floor(math.log10(s.half_width)), 0)
    if decimals > 6:
        return f"{s.mean:{sign}.1e} ± {s.half_width:.1e}"
    return f"{s.mean:{sign}.{decimals}f} ± {s.half_width:.{decimals}f}"


def number(value: float, spec: str) -> str:
    """A formatted number, or a dash for NaN."""
    return NOTHING if math.isnan(value) else format(value, spec)


def text(table: Table) -> pd.DataFrame:
    """The table as a reader sees it: strings only; floats that nobody formatted get six digits."""
    frame = table.frame if table.shown is None else table.shown
    return frame.map(lambda x: number(x, ".6g") if isinstance(x, float) else str(x)).astype(
        str
    )  # columns of no rows, too


def right_aligned(shown: pd.DataFrame) -> list[bool]:
    """Per column, whether it holds numbers, with a short word or unit at most."""
    return [shown[column].str.match(r"(?!.*[a-z]{5})[-+<> ]*\d|-$").all() for column in shown]


def csv(table: Table) -> str:
    """The numbers, to as many significant digits as the table asks for."""
    precision = None if table.digits is None else f"%.{table.digits}g"
    return table.frame.to_csv(index=False, float_format=precision, lineterminator="\n")


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, title above, notes below."""
    shown = text(table)

    def line(entries: Iterable[object]) -> str:
        return "| " + " | ".join(str(entry).replace("|", "\\|") for entry in entries) + " |"

    rule = "|" + "|".join("---:" if right else "---" for right in right_aligned(shown)) + "|"
    lines = [f"**{table.title}**", "", line(shown.columns), rule, *(line(row) for row in shown.to_numpy())]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)]) + "\n"
