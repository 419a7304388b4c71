"""What a report prints: its tables, and where the rest lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ce_harness.report.output.formats import right_aligned, text
from ce_harness.report.study import Study, Table

LONGEST = 40  # lines of a table that are worth printing


def show(study: Study, made: Mapping[str, Table], output: Path) -> None:
    """Print the tables (of a study of runs: the verdicts and, if short, its first table), then where all lies."""
    console = Console(highlight=False)
    console.print(Text(study.question, style="bold"))
    names = list(study.tables)
    if study.reads:
        verdicts = [name for name in made if name.startswith("verdicts") and "by_setting" not in name]
        names = verdicts + [name for name in names[:1] if len(text(made[name])) <= LONGEST]
    for table in (made[name] for name in names):
        shown = text(table)
        drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column, right in zip(shown.columns, right_aligned(shown), strict=True):
            drawn.add_column(Text(str(column)), justify="right" if right else "left")
        for row in shown.to_numpy():
            drawn.add_row(*(Text(entry) for entry in row))
        console.print()
        console.print(Text(table.title, style="bold"))
        console.print(drawn)
        for note in table.notes:
            console.print(Text(note, style="dim"))
    console.print()
    if "excluded" in made:
        console.print(f"{len(made['excluded'].frame)} runs left out or without a partner: see excluded.md")
    where = output.relative_to(Path.cwd()) if output.is_relative_to(Path.cwd()) else output
    for name in study.figures:
        console.print(Text(f"figure  {where / name}.pdf (.png, .svg)"), soft_wrap=True)
    console.print(Text(f"tables  {where}/*.md (.csv, .tex)"), soft_wrap=True)
    console.print(Text(f"page    {where}/index.html"), soft_wrap=True)
