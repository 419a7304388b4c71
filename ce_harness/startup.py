"""How a process begins: what libraries look for when they are imported, and loading the large ones quickly."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ce_harness.interrupts import held_back

# Hydra looks for sweepers and launchers in a package hydra_plugins on the path, and nowhere else.
PLUGINS = Path(__file__).parent / "sweep" / "launchers"

NEEDED = ("hydra", "joblib", "mlflow", "pandas")  # of the extra [harness]; the rest comes with them

# Each library reads its own when it is imported: no greetings, no telemetry, no link to a server's page printed for
# each run. MLflow itself tries nothing again: it would create a run twice where the answer to the first call was lost.
# The uploader does, after a look at what is there. A server that is away is noticed within seconds.
ALWAYS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
UNLESS_SET = {
    "KERAS_BACKEND": "tensorflow",  # whatever ~/.keras/keras.json says
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}

# Of glibc's malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX. Memory is from the heap, one for all threads,
# and stays in it. Blocks of 32 MB and more are returned (glibc takes no higher threshold): a step's tensors are
# smaller, a data set's arrays larger.
KEEP_WHAT_IS_FREED = ((-1, 2**31 - 1), (-3, 2**25), (-8, 1))


def prepare() -> None:
    """What a command does before all else, for this process and those it starts.

    Before Hydra, TensorFlow or MLflow is imported: afterwards they no longer look. A second call changes nothing.
    """
    os.environ.update(ALWAYS)
    for name, value in UNLESS_SET.items():
        os.environ.setdefault(name, value)
    make_importable(PLUGINS)


def lacking() -> str | None:
    """What to say where the extra [harness] is not installed; None where it is."""
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed; pip install 'ce_harness[harness]'"
    return None


def make_importable(folder: Path) -> None:
    """Lets Python import the modules in a folder, here and in the processes that are started from here."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    on_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(folder) not in on_path:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (*on_path, str(folder))))


@contextmanager
def loading() -> Iterator[None]:
    """For imports: they are kept, and Ctrl-C waits until they are done, which takes some seconds at most."""
    with held_back(), keeping():
        yield


@contextmanager
def keeping() -> Iterator[None]:
    """Spares what is made within every search for garbage: meanwhile, and for the rest of the process.

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
    every page of them again for the next step. That took an eighth of the core-seconds of a convnet.
    """
    prepare()
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
