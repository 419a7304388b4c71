"""The figures of a report, drawn side by side: they take most of its time, and none needs another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager

from matplotlib.figure import Figure

from ce_harness.report.output import style
from ce_harness.report.study import Evidence

Figures = Mapping[str, Callable[[Evidence], Figure]]

_held: list[tuple[Figures, Evidence]] = []  # of a process that draws: it is forked with them, and nothing is copied


def drawn(
    figures: Figures, evidence: Evidence, look: Callable[[], AbstractContextManager[None]] = style.paper
) -> dict[str, bytes]:
    """Each figure as PDF, PNG and SVG, by file name; drawn in the context of a look."""
    processes = min(len(figures), len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1
    files: dict[str, bytes] = {}
    with look():
        if processes < 2:
            _hold(figures, evidence)
            for name in figures:
                files |= _draw(name)
            return files
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, fork, _begin, (figures, evidence)) as pool:
            try:
                for written in pool.map(_draw, figures):
                    files |= written
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return files


def _begin(figures: Figures, evidence: Evidence) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the report itself says that it was interrupted
    _hold(figures, evidence)


def _hold(figures: Figures, evidence: Evidence) -> None:
    _held[:] = [(figures, evidence)]


def _draw(name: str) -> dict[str, bytes]:
    ((figures, evidence),) = _held
    return style.rendered(figures[name](evidence), name)
