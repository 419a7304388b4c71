"""What a sweep says when it is over: every failure, why, and the command that repeats just that run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ce_harness.errors import HarnessError
from ce_harness.sweep.cell_files import End
from ce_harness.sweep.commands import Commands
from ce_harness.sweep.plan import Cell


class SweepError(HarnessError):
    """Cells of a sweep failed; leaves with the exit code that all of them share, else with 1."""

    page = "docs/sweeps.md"

    def __init__(self, message: str, exit_codes: set[int]):
        super().__init__(message)
        self.exit_code = exit_codes.pop() if len(exit_codes) == 1 else 1


@dataclass(frozen=True)
class Failure:
    """A cell that did not complete.

    Attributes:
        log: what it printed, if anything.
    """

    cell: Cell
    end: End
    log: Path | None


def conclude(total: int, failures: Sequence[Failure], commands: Commands, console: Console) -> None:
    """Prints how the sweep went.

    Args:
        total: number of cells.
        commands: of this sweep.

    Raises:
        SweepError: if a cell failed.
    """
    complete = f"{total - len(failures)} of {total} cells complete"
    if not failures:
        console.print(Text(complete))
        return
    table = Table("", "cell", "exit", "reason", title=f"{len(failures)} failed", title_justify="left")
    for number, failure in enumerate(failures, 1):
        table.add_row(str(number), Text(failure.cell.label), str(failure.end.exit_code), Text(failure.end.message))
    console.print(table)
    console.print("Each again on its own:")
    for number, failure in enumerate(failures, 1):
        console.print(Text(f"{number:>3}  {commands.cell(failure.cell)}"), soft_wrap=True)  # unbroken, to be copied
        if failure.log:
            console.print(Text(f"     what it printed: {os.path.relpath(failure.log)}"), soft_wrap=True)
    raise SweepError(
        f"{complete}; the same command runs what is not complete", {failure.end.exit_code for failure in failures}
    )
