"""How a table is written: numbers as text, CSV, Markdown, LaTeX."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ce_harness.report.statistics import Summary
from ce_harness.report.study import Table

NOTHING = "-"
FOOTNOTES, SMALLEST = r"\footnotesize", r"\scriptsize\setlength{\tabcolsep}{2pt}"
# In characters of each: the width of a page, and the gap between columns.
PAGE, GAP = 82, 3
SMALLEST_PAGE, SMALLEST_GAP = 93, 1
SHORTEST, SHORTEST_HEAD = 12, 6  # the narrowest column of text, and head, that wrap
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

    def line(cells):
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    rule = "|" + "|".join("---:" if right else "---" for right in right_aligned(shown)) + "|"
    lines = [f"**{table.title}**", "", line(shown.columns), rule, *(line(row) for row in shown.to_numpy())]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)]) + "\n"


def latex(table: Table, name: str) -> str:
    r"""The table in LaTeX; needs ``booktabs``, ``array`` and, for one longer than a page, ``longtable``.

    Special characters are escaped. A long table breaks over pages, any other is a float. In one that would be wider
    than a page the heads of columns and long text wrap; five columns of numbers with intervals stay wider.
    """
    shown = text(table)
    layout = _layout(shown)
    long = layout.lines > LINES_OF_A_PAGE
    body = shown.map(_escaped).set_axis([_stacked(lines) for lines in layout.heads], axis=1)
    made = body.style.hide(axis="index").to_latex(
        hrules=True,
        environment="longtable" if long else None,
        column_format=layout.columns,
        caption=_escaped(table.title),
        label=f"tab:{name}",
    )
    notes = "".join(f"\\par\\smallskip {_escaped(note)}\n" for note in table.notes)
    if long:
        return f"{{{layout.size}\n{made}{notes}}}\n"
    return made.replace("\\begin{table}", f"\\begin{{table}}\n\\centering{layout.size}").replace(
        "\\end{table}", f"{notes}\\end{{table}}"
    )


@dataclass(frozen=True)
class _Layout:
    """How a table is set in LaTeX: the lines of each column's head, column types, size of type, lines of its body."""

    heads: list[list[str]]
    columns: str
    size: str
    lines: int


def _layout(shown: pd.DataFrame) -> _Layout:
    right = right_aligned(shown)
    lengths = shown.map(len)
    cells = [int(lengths[column].max()) if len(shown) else 0 for column in shown]
    heads = [[str(column)] for column in shown]
    widths = [max(len(head), w) for (head,), w in zip(heads, cells, strict=True)]
    if sum(widths) + GAP * len(widths) <= PAGE:
        return _Layout(heads, "".join("r" if r else "l" for r in right), FOOTNOTES, len(shown))
    wrapped = [not r and w > SHORTEST for r, w in zip(right, widths, strict=True)]
    for i, width in enumerate(cells):
        if not wrapped[i]:
            heads[i] = textwrap.wrap(heads[i][0], max(width, SHORTEST_HEAD), break_long_words=False) or [""]
            widths[i] = max(width, *map(len, heads[i]))
    fixed = sum(w for w, wraps in zip(widths, wrapped, strict=True) if not wraps)
    size, page, gap = FOOTNOTES, PAGE, GAP
    if page - gap * len(widths) - fixed < SHORTEST * sum(wrapped):
        size, page, gap = SMALLEST, SMALLEST_PAGE, SMALLEST_GAP
    shares = _shared(page - gap * len(widths) - fixed, [w for w, wraps in zip(widths, wrapped, strict=True) if wraps])
    text_columns = (f">{{\\raggedright\\arraybackslash}}p{{{share / page:.3f}\\linewidth}}" for share in shares)
    types = ["r" if r else "l" for r in right]
    columns = "".join(next(text_columns) if wraps else kind for kind, wraps in zip(types, wrapped, strict=True))
    # A row without text that wraps is one line.
    lines = np.ceil(lengths.loc[:, wrapped] / np.array(shares)).max(axis=1).fillna(1).clip(lower=1).sum()
    return _Layout(heads, columns, size, int(lines))


def _shared(room: float, wanted: Sequence[int]) -> list[float]:
    """The room in proportion to what is wanted, but nobody gets less than ``SHORTEST``."""
    shares = [room * w / sum(wanted) for w in wanted]
    short = [i for i, share in enumerate(shares) if share < SHORTEST]
    if not short or len(short) == len(wanted):
        return [max(share, SHORTEST) for share in shares]
    others = iter(_shared(room - SHORTEST * len(short), [w for i, w in enumerate(wanted) if i not in short]))
    return [SHORTEST if i in short else next(others) for i in range(len(wanted))]


def _stacked(lines: Sequence[str]) -> str:
    """The head of a column, its lines one under the other."""
    if len(lines) == 1:
        return _escaped(lines[0])
    inner = r" \\ ".join(map(_escaped, lines))
    return f"\\begin{{tabular}}[b]{{@{{}}c@{{}}}}{inner}\\end{{tabular}}"


_LATEX = {character: f"\\{character}" for character in "&%$#{}"} | {
    "_": r"\_\allowbreak{}",  # names are long words, where columns are narrow
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
