"""Of joblib: it has no public way to say in which state its workers start."""

import os
import signal
from functools import cache
from typing import Any


@cache  # once in a process
def block_interrupts() -> None:
    """Has each new worker start with Ctrl-C blocked, which a process inherits.

    A terminal sends it to the workers, too. Python would show a traceback while it starts one and imports what its
    first cell is made of.
    """
    if os.name != "posix":
        return
    from joblib.externals.loky.backend import fork_exec

    start = fork_exec.fork_exec

    def start_blocked(*args: Any, **kwargs: Any) -> int:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            return start(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    fork_exec.fork_exec = start_blocked
