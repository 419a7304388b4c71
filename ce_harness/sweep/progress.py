"""What a sweep shows while it runs: how many cells are done, running, failed and skipped, and the time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ce_harness.sweep.cell_files import CellFiles, End
from ce_harness.sweep.plan import Cell

SECONDS_BETWEEN_LOOKS = 0.5
NAMES_SHOWN = 4
ALL_SHOWN = 12  # cells of which each has a line; of more only every fifth part has one
LINES = 5


class Progress:
    """Follows the cells of a sweep by their files; a live line on a terminal, and lines that stay.

    Used as a context manager around launching.

    Args:
        files: of this sweep.
        total: how many cells are to run.
        skipped: how many were complete before.
        console: where to show it.
    """

    def __init__(self, files: CellFiles, total: int, skipped: int, console: Console):
        self._files = files
        self._total = total
        self._skipped = skipped
        self._console = console
        self._cells: Mapping[int, Cell] = {}
        self._ends: dict[int, End] = {}
        self._running: list[Cell] = []
        self._began = time.monotonic()
        self._looking = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._live = Live(console=console, get_renderable=self._line, auto_refresh=False, transient=True)

    def launched(self, cells: Mapping[int, Cell]) -> None:
        """These cells, by job number, are with the launcher now, and no others."""
        self._look()
        self._cells = cells

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()
        self._live.stop()

    def _follow(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            self._look()
            if self._live.is_started:
                self._live.refresh()

    def _look(self) -> None:
        with self._looking:
            # A question for each cell took a fifth of a core where there were 5,000.
            started, ended = self._files.all_started_and_ended()
            for number in sorted(ended.intersection(self._cells).difference(self._ends)):
                if end := self._files.ended(number):
                    self._ends[number] = end
                    self._show_end(self._cells[number], end)
            self._running = [self._cells[number] for number in sorted(started.intersection(self._cells) - ended)]

    def _show_end(self, cell: Cell, end: End) -> None:
        """Every failure, and every cell that completes, with its scores; of many cells the last of each fifth."""
        ended = len(self._ends)
        ends_a_fifth = ended * LINES // self._total > (ended - 1) * LINES // self._total
        if end.exit_code:
            told = f"FAILED  {end.message}"
        elif self._total <= ALL_SHOWN:
            told = end.message
        elif ends_a_fifth:
            told = "complete"
        else:
            return
        self._console.print(Text(f"[{ended}/{self._total}] {cell.label}  {told}"), soft_wrap=True)

    def _line(self) -> Text:
        failed = sum(end.exit_code != 0 for end in self._ends.values())
        parts = [
            f"{len(self._ends) - failed} done",
            f"{len(self._running)} running",
            f"{failed} failed",
            f"{self._skipped} skipped",
            f"of {self._total + self._skipped}",
            self._time_left(),
        ]
        names = [cell.label for cell in self._running[:NAMES_SHOWN]]
        return Text("  ".join([*parts, *names]), no_wrap=True, overflow="ellipsis")

    def _time_left(self) -> str:
        ended = len(self._ends)
        if not ended:
            return "time left -:--:--"
        seconds = round((time.monotonic() - self._began) / ended * (self._total - ended))
        return f"time left {seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
