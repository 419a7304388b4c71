"""What a report prints: its tables, and where the rest lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ce_harness.report.output.formats import right_aligned, shown
from ce_harness.report.printable import printable
from ce_harness.report.study import Study, Table

LONGEST = 40  # lines of a table that are worth printing


def console(file: IO[str] | None = None) -> Console:
    """The terminal, or a file of text."""
    return Console(highlight=False, file=file)


def show(study: Study, made: Mapping[str, Table], output: Path) -> None:
    """Print the tables (of a study of runs: the verdicts and, if short, its first table), then where all lies."""
    screen = console()
    screen.print(Text(printable(study.question), style="bold"))
    names = list(study.tables)
    if study.reads:
        verdicts = [name for name in made if name.startswith("verdicts") and "by_setting" not in name]
        names = verdicts + [name for name in names[:1] if len(shown(made[name]).cells) <= LONGEST]
    for name in names:
        screen.print()
        show_table(screen, made[name])
    screen.print()
    if "excluded" in made:
        screen.print(f"{len(made['excluded'].frame)} runs left out or without a partner: see excluded.md")
    where = output.relative_to(Path.cwd()) if output.is_relative_to(Path.cwd()) else output
    for name in study.figures:
        screen.print(Text(f"figure  {where / name}.pdf (.png, .svg)"), soft_wrap=True)
    screen.print(Text(f"tables  {where}/*.md (.csv, .tex)"), soft_wrap=True)
    screen.print(Text(f"page    {where}/index.html"), soft_wrap=True)


def show_table(screen: Console, table: Table) -> None:
    """Print a table, with its title and notes."""
    made = shown(table)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column, right in zip(made.cells.columns, right_aligned(made.cells), strict=True):
        drawn.add_column(Text(column), justify="right" if right else "left")
    for row in made.cells.to_numpy():
        drawn.add_row(*(Text(entry) for entry in row))
    screen.print(Text(made.title, style="bold"))
    screen.print(drawn)
    for note in made.notes:
        screen.print(Text(note, style="dim"))
