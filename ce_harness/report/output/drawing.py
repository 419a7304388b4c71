"""The figures of a report, drawn side by side and beside its tables: none needs another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager

from matplotlib.figure import Figure

from ce_harness.report.output import style
from ce_harness.report.study import Evidence

Figures = Mapping[str, Callable[[Evidence], Figure]]

_held: list[tuple[Figures, Evidence]] = []  # of a process that draws: it is forked with them, and nothing is copied


@contextmanager
def being_drawn(
    figures: Figures, evidence: Evidence, look: Callable[[], AbstractContextManager[None]] = style.paper
) -> Iterator[Callable[[], dict[str, bytes]]]:
    """Draws in other processes meanwhile, in the context of a look.

    A process with threads, as a notebook's or one that has trained, draws by itself and later. A fork of it may crash
    or hang.

    Yields:
        waits for the figures; returns each as PDF, PNG and SVG, by file name.
    """
    processes = min(len(figures), len(os.sched_getaffinity(0))) if _may_fork() else 1
    with look():
        if processes < 2:
            _hold(figures, evidence)
            yield lambda: _together(map(_draw, figures))
            return
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, fork, _begin, (figures, evidence)) as pool:
            try:
                written = pool.map(_draw, figures)
                yield lambda: _together(written)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _may_fork() -> bool:
    return sys.platform == "linux" and threading.active_count() == 1 and "tensorflow" not in sys.modules


def _together(written: Iterable[Mapping[str, bytes]]) -> dict[str, bytes]:
    return {name: content for files in written for name, content in files.items()}


def _begin(figures: Figures, evidence: Evidence) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the report itself says that it was interrupted
    _hold(figures, evidence)


def _hold(figures: Figures, evidence: Evidence) -> None:
    _held[:] = [(figures, evidence)]


def _draw(name: str) -> dict[str, bytes]:
    ((figures, evidence),) = _held
    return style.rendered(figures[name](evidence), name)
