"""What a report prints: the answer, and where the rest lies; one screen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ce_harness.printable import printable
from ce_harness.report.output.answer import Answer
from ce_harness.report.output.formats import right_aligned, shown
from ce_harness.report.output.labels import label
from ce_harness.report.output.wording import size
from ce_harness.report.study import Study, Table
from ce_harness.report.verdicts.outcomes import TIME_TO

if TYPE_CHECKING:
    from ce_harness.report.build import Report

LONGEST = 10  # lines of a table that leave room for the answer
NARROWEST = 15  # characters of a heading's line


def console(file: IO[str] | None = None) -> Console:
    """The terminal, or a file of text."""
    return Console(highlight=False, file=file)


def show(study: Study, report: Report, output: Path) -> None:
    """Print the answer in words, how well each loss trains as far as the answer speaks of it, and where all lies.

    For a study without claims, print its tables instead of an answer.
    """
    screen = console()
    screen.print(Text(printable(study.question), style="bold"))
    if report.answer:
        _show_answer(screen, report.answer)
        _show_measures(screen, study, report.tables)
    else:
        for name in study.tables:
            screen.print()
            show_table(screen, report.tables[name])
    where = output.relative_to(Path.cwd()) if output.is_relative_to(Path.cwd()) else output
    left_out = f"; {len(report.tables['excluded'].frame)} runs left out" if "excluded" in report.tables else ""
    screen.print(Text(f"page    {where}/index.html{left_out}"), soft_wrap=True)


def _show_answer(screen: Console, answer: Answer) -> None:
    """The claims under their verdicts, then the rest of the paragraph that sums up."""
    for heading, claims in answer.by_verdict.items():
        screen.print(Text(f"{heading}:", style="bold"))
        for one in claims:
            numbers = size(one.claim, one.row) if one.row["n"] else "no pairs"
            screen.print(Text(f"- {printable(one.claim.statement)}: {numbers}"))
    for heading, text in answer.reach:
        screen.print(Text.assemble((f"{heading}: " if heading else "", "bold"), printable(text)))


def _show_measures(screen: Console, study: Study, tables: Mapping[str, Table]) -> None:
    """What the claims say of trained networks, loss by loss; nothing where there are too many settings for a screen."""
    if "comparison" not in study.tables:
        return
    table = tables["comparison"]
    of_trained = [claim.metric for claim in study.claims if claim.metric.startswith(("test/", TIME_TO))]
    cells = shown(table).cells
    cells = cells[cells["metric"].isin(list(map(label, of_trained)))]
    if 0 < len(cells) <= LONGEST:
        show_table(screen, Table(table.title, table.frame, cells))


def show_table(screen: Console, table: Table) -> None:
    """Print a table, with its title and notes."""
    made = shown(table)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, right in zip(made.cells.columns, right_aligned(made.cells), strict=True):
        if right:  # the heading wraps, the numbers don't
            width = max([NARROWEST, *made.cells[column].str.len()])
            drawn.add_column(Text(textwrap.fill(column, width)), justify="right", no_wrap=True)
        else:
            drawn.add_column(Text(column))
    for row in made.cells.to_numpy():
        drawn.add_row(*(Text(entry) for entry in row))
    screen.print(Text(made.title, style="bold"))
    screen.print(drawn)
    for note in made.notes:
        screen.print(Text(note, style="dim"))
