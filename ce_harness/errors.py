"""The errors a user can mend, each with the exit code it leaves with.

A message is one line: what is wrong, the value, what is allowed, how to mend it. Nothing here imports a heavy
library, so that a refusal is quick.
"""

from ce_harness.passwords import without_passwords
from ce_harness.printable import printable

INTERRUPTED = 130


class HarnessError(Exception):
    """Base of every error that is reported as one line instead of a traceback.

    No password is in it, and nothing that a terminal acts upon, whatever a file or a key is called.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(without_passwords(super().__str__()))


class ConfigError(HarnessError):
    """The config or the command line is wrong."""

    exit_code = 2


class DataError(HarnessError):
    """The data are missing, damaged or unusable."""

    exit_code = 3


class DivergedError(HarnessError):
    """The loss, of a step or on the validation set, is no longer a finite number."""

    exit_code = 4


class TrackingError(HarnessError):
    """The MLflow store can't be reached or read."""

    exit_code = 5


class LockedError(HarnessError):
    """Another process is writing this run."""

    exit_code = 6


class DiskError(HarnessError):
    """A file can't be written, or is not what was written."""

    exit_code = 7


class TooFewRunsError(HarnessError):
    """A report has nothing, or too little, to say something about."""

    exit_code = 8
