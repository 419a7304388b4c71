"""Loading TensorFlow and other large libraries: quickly, and without their greetings."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Read by TensorFlow when it is loaded, in this process and in those it starts.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Of glibc's malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX. Memory is from the heap, one for all threads,
# and stays in it. Blocks of 32 MB and more are returned (glibc takes no higher threshold): a step's tensors are
# smaller, a data set's arrays larger.
KEEP_WHAT_IS_FREED = ((-1, 2**31 - 1), (-3, 2**25), (-8, 1))


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
    """Imports TensorFlow, whose libraries write to file descriptor 2 while they load, before any log level holds.

    And has the C library keep what is freed. It would return a step's tensors to the kernel, which clears and maps
    every page of them again for the next step: an eighth of the core-seconds of a convnet.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc
        for option in KEEP_WHAT_IS_FREED:
            mallopt(*option)
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
