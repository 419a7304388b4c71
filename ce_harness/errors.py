"""The errors a user can mend, each with the exit code it leaves with.

A message is one line: what is wrong, the value, what is allowed, how to mend it. Nothing here imports a heavy
library, so that a refusal is quick.
"""

import re
from collections.abc import Sequence

from ce_harness.passwords import without_passwords
from ce_harness.printable import printable

INTERRUPTED = 130

# The page about what a message begins with. Of other keys, such as `seed`, the message itself says what is allowed.
PAGES = {
    "docs/data.md": ("dataset",),
    "docs/devices.md": ("device", "deterministic"),
    "docs/keras.md": (
        *("class_weight", "jit_compile", "learning_rate_schedule", "metrics", "optimizer"),
        *("model.network", "model.weights", "model.weights_sha256"),
    ),
    "docs/extending.md": ("_target_", "callbacks", "loss", "model"),
    "docs/sweeps.md": ("hydra", "hydra/launcher", "mlflow_experiment", "skip_tracked", "tracking_uri"),
    "experiments/README.md": ("along", "claim", "reads", "study", "tuning_seeds"),
}


class HarnessError(Exception):
    """Base of every error that is reported as one line instead of a traceback.

    No password is in it, and nothing that a terminal acts upon, whatever a file or a key is called.

    Attributes:
        exit_code: that the command leaves with.
        page: what to read about errors of this kind; "" where the message says all there is.
    """

    exit_code = 1
    page = ""

    def __str__(self) -> str:
        return printable(without_passwords(super().__str__()))

    @property
    def line(self) -> str:
        """What a command prints: the message, and the page that explains more, where there is one."""
        page = next((page for page, words in PAGES.items() if _begins(str(self), words)), self.page)
        return f"error: {self}; details: {page}" if page else f"error: {self}"


def _begins(message: str, words: Sequence[str]) -> bool:
    return re.match(rf"[+~]*({'|'.join(map(re.escape, words))})[=.: ]", message) is not None


class ConfigError(HarnessError):
    """The config or the command line is wrong."""

    exit_code = 2


class DataError(HarnessError):
    """The data are missing, damaged or unusable."""

    exit_code = 3
    page = "docs/data.md"


class DivergedError(HarnessError):
    """The loss, of a step or on the validation set, is no longer a finite number."""

    exit_code = 4
    page = "docs/faq.md"


class TrackingError(HarnessError):
    """The MLflow store can't be reached or read."""

    exit_code = 5
    page = "docs/sweeps.md"


class LockedError(HarnessError):
    """Another process is writing this run."""

    exit_code = 6


class DiskError(HarnessError):
    """A file can't be written, or is not what was written."""

    exit_code = 7
    page = "docs/reliability.md"


class TooFewRunsError(HarnessError):
    """A report has nothing, or too little, to say something about."""

    exit_code = 8
    page = "experiments/README.md"
