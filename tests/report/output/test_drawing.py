"""Figures drawn side by side, and by the process itself where a fork of it may crash."""

import sys
import threading

import pytest
from matplotlib.figure import Figure

from ce_harness.report.output import drawing
from ce_harness.report.study import Evidence


def figure(evidence):
    made = Figure()
    made.subplots()
    return made


def test_a_process_with_threads_is_not_forked(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(drawing, "ProcessPoolExecutor", lambda *_: pytest.fail("forked"))
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        figures = dict.fromkeys(("one", "two"), figure)
        with drawing.being_drawn(figures, Evidence()) as pictures_when_done:
            pictures = pictures_when_done()
    finally:
        over.set()
        thread.join()
    assert {"one.png", "one.pdf", "one.svg", "two.png"} <= pictures.keys()
