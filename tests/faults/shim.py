"""The library in ``shim.c``, built with gcc, and how it is told what is to go wrong."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
IN_MEMORY = "/dev/shm"  # where every fsync is counted as elsewhere, and waits for no disk


class Mode(IntEnum):
    """What happens at the n-th call."""

    COUNT = 1  # nothing
    KILL = 2
    FAIL_ONCE = 3
    FAIL_FROM = 4  # at the n-th and all that follow
    SHORTEN = 5  # half of it is written or read
    SHORTEN_AND_KILL = 6


class Kind(IntFlag):
    """Which calls are counted."""

    CHANGE = 1
    READ = 2


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the calls on the files in a folder.

    Attributes:
        at: the number of the call, from 1.
        error: of ``errno``, where a call fails.
        part_of_path: calls on other paths are not counted.
        log: a file that gets a line ``number, call, path`` for each counted call.
        trace: a file that gets each call with its data; `power_loss` reads it.
    """

    folder: Path
    mode: Mode = Mode.COUNT
    at: int = -1
    error: int = 0
    kind: Kind = Kind.CHANGE
    part_of_path: str = ""
    log: Path | None = None
    trace: Path | None = None

    def arm(self) -> None:
        """From now on, in this process."""
        _library().arm(
            os.fsencode(self.folder),
            self.part_of_path.encode(),
            int(self.mode),
            ctypes.c_long(self.at),
            self.error,
            int(self.kind),
            os.fsencode(self.log or ""),
            os.fsencode(self.trace or ""),
        )


def move_clock(ahead: float, further: float = 0, after: float = 0) -> None:
    """Moves this process's wall clock by ``ahead`` seconds, and by ``further`` more once ``after`` have passed."""
    _library().move_clock(ctypes.c_double(ahead), ctypes.c_double(further), ctypes.c_double(after))


def disarm() -> None:
    _library().disarm()


def begin_again_below_the_shim() -> None:
    """Starts this program once more with the library before all others, unless that is so."""
    if "LD_PRELOAD" not in os.environ:
        built = Path(tempfile.mkdtemp()) / "shim.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", built, SOURCE], check=True)
        folder = {"TMPDIR": IN_MEMORY} if os.access(IN_MEMORY, os.W_OK) else {}
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **folder, "LD_PRELOAD": str(built)})


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(os.environ["LD_PRELOAD"])
