"""Standard input and output that are closed, full or read by nobody end no command: what is written then is lost."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from typing import Any

from ce_harness.errors import DiskError

NOBODY_READS = 128 + signal.SIGPIPE  # what the shell calls a command whose reader, such as `head`, has ended


class _Enduring(io.FileIO):
    """A stream whose writes never fail. After the first that would have, all go nowhere.

    Attributes:
        trouble: why; None while all is well.
    """

    trouble: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.trouble = error
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return super().write(data)


def secure() -> None:
    """Has the standard streams of this process outlast whatever becomes of them.

    The number of a closed one would go to the next file that is opened: a database, into which some library then
    prints. Streams that somebody else has put in their place stay.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):  # None where it was closed when Python began
            setattr(sys, name, _enduring(number, stream or open(number, "w", closefd=False)))  # noqa: SIM115


def _enduring(number: int, stream: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Enduring(number, "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def exit_code_after(exit_code: int) -> int:
    """The exit code of a command that would leave with this one: another if what it printed did not arrive."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    trouble = raw.trouble if isinstance(raw, _Enduring) else None
    if trouble is None or exit_code:
        return exit_code
    if trouble.errno == errno.EPIPE:
        return NOBODY_READS
    print(f"error: standard output: can't be written ({trouble.strerror}); send it elsewhere", file=sys.stderr)
    return DiskError.exit_code
