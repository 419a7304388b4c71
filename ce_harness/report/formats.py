"""How a table is written for readers: numbers as text, Markdown, LaTeX."""

from __future__ import annotations

import math
import re

import pandas as pd

from ce_harness.report.statistics import Summary
from ce_harness.report.study import Table

NOTHING = "-"
# In characters of footnotesize: a page, the gap between columns, the narrowest column that wraps.
PAGE, GAP, SHORTEST = 82, 3, 12
LINES_OF_A_PAGE = 45


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
    return frame.map(lambda x: number(x, ".6g") if isinstance(x, float) else str(x))


def right_aligned(shown: pd.DataFrame) -> list[bool]:
    """Per column, whether it holds numbers, with a short word or unit at most."""
    return [shown[column].str.match(r"(?!.*[a-z]{5})[-+<> ]*\d|-$").all() for column in shown]


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, title above, notes below."""
    shown = text(table)

    def line(cells):
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    rule = "|" + "|".join("---:" if right else "---" for right in right_aligned(shown)) + "|"
    lines = [f"**{table.title}**", "", line(shown.columns), rule, *(line(row) for row in shown.to_numpy())]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)]) + "\n"


def latex(table: Table, name: str) -> str:
    r"""The table in LaTeX; needs ``booktabs`` and, for one longer than a page, ``longtable``.

    Special characters are escaped. A long table breaks over pages, any other is a float.
    """
    shown = text(table)
    body = shown.map(_escaped).set_axis([_escaped(column) for column in shown.columns], axis=1)
    long = len(body) > LINES_OF_A_PAGE
    made = body.style.hide(axis="index").to_latex(
        hrules=True,
        environment="longtable" if long else None,
        column_format=_columns(shown),
        caption=_escaped(table.title),
        label=f"tab:{name}",
    )
    notes = "".join(f"\\par\\smallskip {_escaped(note)}\n" for note in table.notes)
    small = "\\scriptsize\\setlength{\\tabcolsep}{2pt}" if _width(shown) > PAGE else "\\footnotesize"
    if long:
        return f"{{{small}\n{made}{notes}}}\n"
    return made.replace("\\begin{table}", f"\\begin{{table}}\n\\centering{small}").replace(
        "\\end{table}", f"{notes}\\end{{table}}"
    )


def _width(shown: pd.DataFrame) -> int:
    """Of the columns as ``_columns`` sets them, in characters."""
    right = right_aligned(shown)
    widths = [max(len(str(column)), shown[column].str.len().max()) for column in shown]
    return sum(w if r else min(w, SHORTEST) for r, w in zip(right, widths, strict=True)) + GAP * len(widths)


def _columns(shown: pd.DataFrame) -> str:
    """LaTeX's column types; where the table would be wider than a page, long text wraps."""
    right = right_aligned(shown)
    widths = [max(len(str(column)), shown[column].str.len().max()) for column in shown]
    wrapped = [not r and w > SHORTEST for r, w in zip(right, widths, strict=True)]
    long = sum(w for w, wraps in zip(widths, wrapped, strict=True) if wraps)
    room = PAGE - GAP * len(widths) - (sum(widths) - long)
    if room >= long:
        wrapped = [False] * len(widths)
    return "".join(
        f"p{{{max(room * w / long, SHORTEST) / PAGE:.2f}\\linewidth}}" if wraps else "r" if r else "l"
        for r, w, wraps in zip(right, widths, wrapped, strict=True)
    )


_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
}


def _escaped(value: object) -> str:
    text = "".join(_LATEX.get(character, character) for character in str(value))
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", text)
