"""When the validation set is scored: at the end of each epoch and, if asked for, several times within it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras

STEPS_PER_EXECUTION = 50  # training steps per call into TensorFlow, at most


def rhythm(steps_per_epoch: int, evaluate_every: float | None) -> tuple[int, int | None]:
    """How many steps a call into TensorFlow makes, and how many lie between two evaluations.

    The network can be scored only between two calls, so the interval is rounded up to whole calls,
    by less than 1 in 50.

    Args:
        evaluate_every: a share of an epoch; None scores at the end of each epoch alone.
    """
    if evaluate_every is None:
        return min(STEPS_PER_EXECUTION, steps_per_epoch), None
    interval = max(1, round(evaluate_every * steps_per_epoch))
    calls = math.ceil(interval / STEPS_PER_EXECUTION)
    per_call = math.ceil(interval / calls)
    return per_call, calls * per_call


class Validation(keras.callbacks.Callback):
    """Scores the validation set; at the end of an epoch it adds ``val_*`` to the logs that later callbacks get.

    Args:
        score: () -> metrics of the validation set, ``loss`` among them.
        every: steps between evaluations within an epoch; None makes none there.

    Attributes:
        evaluations: of this epoch, its end included: each with its ``step``, counted from the start of the run.
    """

    def __init__(self, score: Callable[[], dict[str, float]], every: int | None = None):
        super().__init__()
        self._score = score
        self._every = every
        self._steps_before = 0
        self.evaluations: list[dict[str, float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.evaluations = []
        self._steps_before = epoch * self.params["steps"]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        step = batch + 1
        if self._every and step % self._every == 0 and step < self.params["steps"] and math.isfinite(logs["loss"]):
            self._evaluate(step)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        scores = self._evaluate(self.params["steps"])
        logs.update({f"val_{name}": value for name, value in scores.items()})

    def _evaluate(self, step: int) -> dict[str, float]:
        scores = self._score()
        self.evaluations.append(
            {"step": self._steps_before + step, **{f"val/{name}": value for name, value in scores.items()}}
        )
        return scores
