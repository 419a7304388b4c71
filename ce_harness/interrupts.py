"""Ctrl-C while something is brought to its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held_off() -> Iterator[None]:
    """Ignores Ctrl-C, SIGTERM and a closed terminal meanwhile: one was heard, and what it asks for is being done."""
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
