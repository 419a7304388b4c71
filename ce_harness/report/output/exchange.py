"""Two folders change places in one step, which Python has no call for."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# Of Linux's fcntl.h and linux/fs.h, and of macOS's stdio.h.
AT_FDCWD, RENAME_EXCHANGE, RENAME_SWAP = -100, 2, 2


def exchange(one: Path, other: Path) -> bool:
    """Whether it was done: not every system and file system can.

    Raises:
        OSError: one of them is not there, or may not be moved.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "renameat2"):  # Linux
        failed = library.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    elif hasattr(library, "renamex_np"):  # macOS
        failed = library.renamex_np(os.fsencode(one), os.fsencode(other), RENAME_SWAP)
    else:
        return False
    return not failed
