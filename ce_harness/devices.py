"""The GPUs of this machine, and the one that a run takes: told by CUDA_VISIBLE_DEVICES before TensorFlow looks.

Written for GPUs and tested with a made-up ``nvidia-smi``; not yet run on one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from ce_harness.errors import ConfigError

SHARE_FOR_DATA = 1 / 8  # of a GPU's memory: several cells may share it, and the rest is for their steps
VISIBLE = "CUDA_VISIBLE_DEVICES"
NONE = "-1"  # as the value of that variable


def gpus() -> list[str]:
    """The GPUs that this process may use: those that CUDA_VISIBLE_DEVICES names, else all that NVIDIA's driver has."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", NONE)]
    return _asked("index")


def has_room_for_data(size: int) -> bool:
    """Whether so many bytes of training data may stay on the GPU that this process uses; never without a GPU."""
    here = gpus()
    mebibytes = _asked("memory.total", f"--id={here[0]}") if here else []
    return bool(mebibytes) and mebibytes[0].isdigit() and size <= SHARE_FOR_DATA * int(mebibytes[0]) * 2**20


def _asked(field: str, *options: str) -> list[str]:
    """What NVIDIA's driver says of each GPU; nothing where there is none."""
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits", *options]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return told.stdout.split() if told.returncode == 0 else []


def allowed(device: str | int, here: list[str]) -> list[str]:
    """Those of the GPUs here that a config's ``device`` means; none stands for the CPU.

    Raises:
        ConfigError: a GPU is asked for that isn't here.
    """
    if device == "cpu":
        return []
    if device in ("auto", "gpu"):
        if device == "gpu" and not here:
            raise ConfigError("device=gpu: there is no GPU here that may be used; set device=auto or device=cpu")
        return here
    if str(device) not in here:
        raise ConfigError(
            f"device={device}: the GPUs here are {', '.join(here) or 'none'}; set one of them, auto or cpu"
        )
    return [str(device)]


@contextmanager
def using(gpu: str | None) -> Iterator[None]:
    """Shows this GPU alone, or none, to the processes that are forked within."""
    before = os.environ.get(VISIBLE)
    _show(gpu)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


def choose(device: str | int) -> None:
    """Has this process use the first GPU that ``device`` means; where there is no GPU at all, there is nothing to do.

    Raises:
        ConfigError: see `allowed`.
    """
    here = gpus()
    meant = allowed(device, here)
    if here:
        _show(meant[0] if meant else None)


def _show(gpu: str | None) -> None:
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # else the first cell on a GPU would take all of its memory
    os.environ[VISIBLE] = NONE if gpu is None else gpu
