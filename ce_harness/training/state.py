"""All that decides how training goes on, saved and restored: the weights are the least of it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ce_harness.rundir import checkpoint
from ce_harness.training.early_stopping import StopEarly


def weights_hash(network: keras.Model) -> str:
    """SHA-256 over every variable of the network, in order."""
    digest = hashlib.sha256()
    for variable in network.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


class TrainingState:
    """Weights, optimizer, dropout's generators, the best weights so far, and what the user's callbacks count.

    Of a callback's attributes those are kept that hold one number, word or None. Such are how long Keras's own have
    waited, what was best, and a counter of the user's.

    Args:
        folder: of the checkpoints.
        callbacks: the user's.
    """

    def __init__(
        self,
        folder: Path,
        network: keras.Model,
        optimizer: keras.Optimizer,
        stop_early: StopEarly,
        callbacks: Sequence[keras.callbacks.Callback],
    ):
        self._folder = folder
        # network.variables holds what .weights.h5 leaves out: the state of dropout's random generators.
        self._variables = [*network.variables, *optimizer.variables]
        self._stop_early = stop_early
        self._callbacks = callbacks
        self._restored: list[dict[str, Any]] = []

    def save(self, epoch: int, folder: Path | None = None) -> None:
        """Makes a checkpoint of the state after an epoch (1-based).

        Args:
            folder: another one than that of the checkpoints.
        """
        arrays = {f"variable{i}": variable.numpy() for i, variable in enumerate(self._variables)}
        arrays |= {f"best{i}": array for i, array in enumerate(self._stop_early.best_weights or ())}
        numbers = {"callbacks": [_numbers(callback) for callback in self._callbacks]}
        checkpoint.save(folder or self._folder, epoch, arrays, numbers)

    def restore(self, most_epochs: int) -> int:
        """Loads the newest whole checkpoint of at most so many epochs; returns how many epochs are done."""
        epochs_done, arrays, numbers = checkpoint.load(self._folder, most_epochs)
        if epochs_done:
            for i, variable in enumerate(self._variables):
                variable.assign(arrays[f"variable{i}"])
            best_weights = [arrays[name] for name in arrays if name.startswith("best")]
            self._stop_early.best_weights = best_weights or None
            self._restored = numbers["callbacks"]
        return epochs_done

    def restore_callbacks(self) -> None:
        """Gives the user's callbacks their numbers back: once training has begun, since many of them reset then."""
        for callback, numbers in zip(self._callbacks, self._restored, strict=False):
            vars(callback).update(numbers)


def _numbers(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """What a callback counts: not what it was made with, which Keras's own change when their first epoch ends."""
    options = inspect.signature(type(callback).__init__).parameters
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in vars(callback).items()}
    return {
        name: value
        for name, value in plain.items()
        if name not in options and (value is None or type(value) in (bool, int, float, str))
    }
