"""Loading TensorFlow and other large libraries: quickly, and without their greetings."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Read by TensorFlow when it is loaded, in this process and in those it starts.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def loading() -> Iterator[None]:
    """Spares what is imported within every search for garbage: meanwhile, and for the rest of the process.

    Modules stay, and these are hundreds of thousands of objects: looking through them again and again took 1.7 of the
    13 core-seconds of a report. A process that is forked later doesn't copy them for being looked at, either.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def import_tensorflow() -> None:
    """Imports TensorFlow, whose libraries write to file descriptor 2 while they load, before any log level holds."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with loading():
            importlib.import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
