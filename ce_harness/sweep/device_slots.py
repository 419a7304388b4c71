"""Which GPU a cell on this machine takes: one of those with a free place, held by a lock while the cell runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import cycle
from pathlib import Path

from filelock import FileLock, Timeout

from ce_harness import devices

SECONDS_BETWEEN_TRIES = 0.1


def places(device: str | int, cells_per_device: int) -> int:
    """How many cells may be on the GPUs of this machine at a time; 0 if they run on the CPU.

    Raises:
        ConfigError: see `devices.allowed`.
    """
    return len(devices.allowed(device, devices.gpus())) * cells_per_device


@contextmanager
def held(device: str | int, cells_per_device: int, folder: Path) -> Iterator[None]:
    """Has this process use a GPU, alone or with as many cells as may share it; waits for a free place.

    The operating system frees the place of a process that is killed.

    Args:
        folder: of the sweep, where the locks lie.
    """
    here = devices.gpus()
    meant = devices.allowed(device, here)
    if not meant:
        with devices.using(None) if here else nullcontext():
            yield
        return
    locks = {
        (place, gpu): FileLock(folder / f"gpu-{gpu}-{place}.lock") for place in range(cells_per_device) for gpu in meant
    }
    for (_, gpu), lock in cycle(locks.items()):
        try:
            place = lock.acquire(timeout=0)
        except Timeout:
            time.sleep(SECONDS_BETWEEN_TRIES)
            continue
        with place, devices.using(gpu):
            yield
        return
