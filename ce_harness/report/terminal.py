"""What a report prints: its tables, and where the rest lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ce_harness.report.study import Study, Table
from ce_harness.report.tables import text


def show(study: Study, made: Mapping[str, Table], output: Path) -> None:
    """Print every table of a report and the files that hold its figures."""
    console = Console(highlight=False)
    console.print(Text(study.question, style="bold"))
    for table in made.values():
        shown = text(table)
        drawn = RichTable(title=table.title, title_justify="left", show_edge=False)
        for i, column in enumerate(shown.columns):
            drawn.add_column(Text(str(column)), justify="left" if i == 0 else "right")
        for row in shown.to_numpy():
            drawn.add_row(*(Text(cell) for cell in row))
        console.print()
        console.print(drawn)
        for note in table.notes:
            console.print(Text(note, style="dim"))
    console.print()
    where = Path(os.path.relpath(output))
    for name in study.figures:
        console.print(Text(f"figure  {where / name}.pdf (.png, .svg)"), soft_wrap=True)
    console.print(Text(f"tables  {where}/*.md (.csv, .tex)"), soft_wrap=True)
