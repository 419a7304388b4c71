"""Which epoch was best on the validation set, stopping when none gets better, and the weights of the best one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ce_harness.training.tracked_names import tracked_names

HIGHER_IS_BETTER = ("val/accuracy",)


def best(metrics: Sequence[Mapping[str, float]], metric: str) -> int:
    """Position of the best epoch among the metrics of epochs, the first of equals."""
    values = [of_epoch[metric] for of_epoch in metrics]
    return values.index(max(values) if metric in HIGHER_IS_BETTER else min(values))


def best_metrics(epochs: Sequence[Mapping[str, Any]], metric: str) -> dict[str, float]:
    """``best/epoch`` and the validation metrics of that epoch: ``best/val/loss`` and so on.

    Args:
        epochs: their records in the journal.
    """
    record = epochs[best([epoch["metrics"] for epoch in epochs], metric)]
    values = {f"best/{name}": value for name, value in record["metrics"].items() if name.startswith("val/")}
    return {"best/epoch": record["epoch"], **values}


class StopEarly(keras.callbacks.Callback):
    """Ends training when a validation metric has not improved for ``patience`` epochs, and can keep the best weights.

    Args:
        metric: ``val/loss``, ``val/accuracy``, ``val/nll`` or ``val/brier``.
        patience: epochs; None never stops.
        keep_best: whether to keep the weights of the best epoch.

    Attributes:
        metrics: of the epochs so far. Those before a restart are to be put there.
        best_weights: every variable of the network after the best epoch, in order; None unless they are kept.
    """

    def __init__(self, metric: str, patience: int | None, keep_best: bool):
        super().__init__()
        self._metric = metric
        self._patience = patience
        self._keep_best = keep_best
        self.metrics: list[Mapping[str, float]] = []
        self.best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.metrics.append(tracked_names(logs))
        epochs_since = epoch - best(self.metrics, self._metric)
        if self._keep_best and epochs_since == 0:
            self.best_weights = [variable.numpy() for variable in self.model.network.variables]
        if self._patience is not None and epochs_since >= self._patience:
            self.model.stop_training = True
