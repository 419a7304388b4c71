"""Ctrl-C while something is brought to its end."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import NoReturn

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
A_DESTRUCTOR = 0.02  # seconds; one that takes longer is interrupted again, and the interrupt is sent again


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


@cache  # once in a process; a fork inherits it
def not_lost_in_destructors() -> None:
    """Lets Ctrl-C be heard also where Python prints whatever is raised, and goes on: in destructors and the like.

    It is sent once more as soon as the destructor has ended.
    """
    show = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not KeyboardInterrupt:
            show(unraisable)
            return
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by `heard_once`, whose exception is lost
            signal.signal(signal.SIGINT, heard_once)
        again = threading.Timer(A_DESTRUCTOR, _interrupt_main)
        again.daemon = True
        again.start()

    sys.unraisablehook = hook


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):  # also ends what main waits in
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:  # on Windows
        _thread.interrupt_main()


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
