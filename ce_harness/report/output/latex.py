"""How a table is written in LaTeX: no wider than the text of a paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from ce_harness.report.output.formats import right_aligned, text
from ce_harness.report.study import Table

LEGIBLE = 7.5  # ems; text in a narrower column is a tower of single words
SHORTEST_HEAD = 3.0  # ems; the head of a column wraps no narrower
LINES_OF_A_PAGE = 45

# A space where no line ends, and a place in a word where one may.
NO_BREAK, BREAK = "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}"


def latex(table: Table, name: str) -> str:
    r"""The table in LaTeX; needs ``booktabs``, ``array`` and, for one longer than a page, ``longtable``.

    Special characters are escaped. A long table breaks over pages, any other is a float. In one that would be wider
    than the text of an ``article`` the heads of columns and long texts wrap; if need be, the interval of a number goes
    under it, and the type gets smaller.
    """
    shown = text(table).map(_with_breaks)
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


def _with_breaks(cell: str) -> str:
    """The cell, where ``± 0.1`` and ``[0.4, 0.6]`` stay in one line, and a hash need not."""
    cell = re.sub(r"(?<=\N{PLUS-MINUS SIGN}) ", NO_BREAK, cell)
    cell = re.sub(r"(\[[-+.\de]+,) (?=[-+.\de]+\])", rf"\1{NO_BREAK}", cell)
    return re.sub(r"([\da-f]{16})(?=[\da-f]{16})", rf"\1{BREAK}", cell)


@dataclass(frozen=True)
class _Type:
    """A size of type, with the widths of the page and of the gap between columns in ems of it.

    Those of an ``article`` in Computer Modern: 345 pt, and 12 or 4 pt, over the 8.5 or 7.97 pt of two digits.
    """

    command: str
    page: float
    gap: float


FOOTNOTES = _Type(r"\footnotesize", 40.6, 1.42)
SMALLEST = _Type(r"\scriptsize\setlength{\tabcolsep}{2pt}", 43.2, 0.51)


@dataclass(frozen=True)
class _Layout:
    """How a table is set in LaTeX: the lines of each column's head, column types, size of type, lines of its body."""

    heads: list[list[str]]
    columns: str
    size: str
    lines: int
    fits: bool


def _layout(shown: pd.DataFrame) -> _Layout:
    """The most legible that is no wider than a page; else the narrowest."""
    right = right_aligned(shown)
    heads = [[str(column)] for column in shown]
    widths = [max(_width(head), _widest(cells)) for (head,), (_, cells) in zip(heads, shown.items(), strict=True)]
    if sum(widths) + FOOTNOTES.gap * len(widths) <= FOOTNOTES.page:
        return _Layout(heads, "".join("r" if r else "l" for r in right), FOOTNOTES.command, len(shown), fits=True)
    for kind, numbers_wrap, narrowest in (
        (FOOTNOTES, False, LEGIBLE),
        (FOOTNOTES, True, LEGIBLE),
        (SMALLEST, False, LEGIBLE),
        (SMALLEST, True, LEGIBLE),
        (SMALLEST, True, 0.0),
    ):
        layout = _wrapped(shown, right, kind, numbers_wrap, narrowest)
        if layout.fits:
            break
    return layout


def _wrapped(shown: pd.DataFrame, right: Sequence[bool], kind: _Type, numbers_wrap: bool, narrowest: float) -> _Layout:
    """The layout in which heads and texts wrap, and numbers, too, if asked to.

    Args:
        right: per column, whether it holds numbers.
        narrowest: the least width of a column of text, unless all of it takes less.
    """
    heads, wanted, least, wraps = [], [], [], []
    for (column, cells), is_number in zip(shown.items(), right, strict=True):
        head, whole = str(column), _widest(cells)
        word = _widest(piece for cell in cells for piece in _pieces(cell))
        if is_number or whole <= narrowest:
            width = word if is_number and numbers_wrap else whole
            heads.append(_lines(head, max(width, SHORTEST_HEAD)))
            least.append(max(width, _widest(heads[-1])))
            wanted.append(least[-1])
            wraps.append(least[-1] < whole)
        else:
            heads.append([head])
            wanted.append(max(whole, _width(head)))
            least.append(min(max(word, _widest(_pieces(head)), narrowest), wanted[-1]))
            wraps.append(least[-1] < wanted[-1])
    widths = _between(least, wanted, kind.page - kind.gap * len(least))
    columns = ""
    for is_number, wrapping, width in zip(right, wraps, widths, strict=True):
        if wrapping:
            ragged = "left" if is_number else "right"
            columns += f">{{\\ragged{ragged}\\arraybackslash}}p{{{width / kind.page:.3f}\\linewidth}}"
        else:
            columns += "r" if is_number else "l"
    in_wrapping = [i for i, wrapping in enumerate(wraps) if wrapping]
    rows = shown.to_numpy()
    lines = [max((len(_lines(row[i], widths[i])) for i in in_wrapping), default=1) for row in rows]
    fits = sum(widths) + kind.gap * len(widths) <= kind.page + 1e-6
    return _Layout(heads, columns, kind.command, sum(lines), fits)


def _between(least: Sequence[float], wanted: Sequence[float], room: float) -> list[float]:
    """Widths that fill the room: each is its least and the same part of what it lacks."""
    lacking = sum(wanted) - sum(least)
    part = min(max((room - sum(least)) / lacking, 0), 1) if lacking else 0
    return [low + part * (high - low) for low, high in zip(least, wanted, strict=True)]


def _lines(words: str, width: float) -> list[str]:
    """The text in lines that are as wide as fits, but hold a piece at least."""
    lines = [""]
    for piece in _pieces(words):
        if lines[-1] and _width(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return lines


def _pieces(words: str) -> list[str]:
    """What no line breaks: LaTeX does at spaces and after hyphens, ``_escaped`` lets it after underscores."""
    return re.split(rf"(?<=[ _{BREAK}])|(?<=[a-z]{{2}}-)", words)


# Widths in ems, a digit being half of one; those of the letters are rounded up, and of all that is not here 0.78.
_EMS = {0.5: "0123456789aceogzvy/*", 0.56: "kxbdhnpqu", 0.4: "rst()", 0.34: f" {NO_BREAK}f", 0.28: "ijl.,:;!'|[]"}
_WIDTHS = {character: ems for ems, characters in _EMS.items() for character in characters} | {BREAK: 0.0}


def _width(words: str) -> float:
    return sum(_WIDTHS.get(character, 0.78) for character in words.rstrip(" "))


def _widest(several: Iterable[str]) -> float:
    return max(map(_width, several), default=0)


def _stacked(lines: Sequence[str]) -> str:
    """The head of a column, its lines one under the other."""
    if len(lines) == 1:
        return _escaped(lines[0])
    inner = r" \\ ".join(_escaped(line.rstrip()) for line in lines)
    return f"\\begin{{tabular}}[b]{{@{{}}c@{{}}}}{inner}\\end{{tabular}}"


_LATEX = {character: f"\\{character}" for character in "&%$#{}"} | {
    "_": r"\_\allowbreak{}",  # names are long words, where columns are narrow
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    NO_BREAK: "~",
    BREAK: r"\allowbreak{}",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
}


def _escaped(value: object) -> str:
    text = "".join(_LATEX.get(character, character) for character in str(value))
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", text)
