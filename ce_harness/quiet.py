"""Loading TensorFlow without its greetings."""

from __future__ import annotations

import importlib
import os
import sys

# Read by TensorFlow when it is loaded, in this process and in those it starts.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def import_tensorflow() -> None:
    """Imports TensorFlow, whose libraries write to file descriptor 2 while they load, before any log level holds."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
