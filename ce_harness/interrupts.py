"""Ctrl-C while something is brought to its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held_off() -> Iterator[None]:
    """Ignores Ctrl-C, SIGTERM and a closed terminal meanwhile: one was heard, and what it asks for is being done."""
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Lets Ctrl-C, SIGTERM and a closed terminal wait meanwhile. What came is heard afterwards.

    A ``KeyboardInterrupt`` in the middle of an import can become another error, or be shown as a traceback.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return
    came: list[int] = []
    before = {number: handler for number in INTERRUPTS if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def unblock() -> None:
    """For a process that was started with Ctrl-C blocked: from now on it is heard, also what came before."""
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def heard_once(number: int, frame: FrameType | None) -> NoReturn:
    """A handler for a process that somebody ends if it does not end by itself: what comes after the first is ignored.

    Raises:
        KeyboardInterrupt: always.
    """
    ignore()
    raise KeyboardInterrupt


def ignore() -> None:
    """Ignores from now on whatever asks this process to end: it does."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
