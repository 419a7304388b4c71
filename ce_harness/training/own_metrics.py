"""Metrics of the user's own: Keras's or their classes, scored on the validation set each epoch and on the test set."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import keras
import numpy as np
from scipy.special import softmax

from ce_harness.errors import ConfigError
from ce_harness.printable import reason

# Of Keras's metrics, those that take class ids, and what is the same on one-hot labels.
TAKE_CLASS_IDS = {
    "Accuracy": "CategoricalAccuracy",
    "IoU": "OneHotIoU",
    "MeanIoU": "OneHotMeanIoU",
    "SparseCategoricalAccuracy": "CategoricalAccuracy",
    "SparseCategoricalCrossentropy": "CategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy": "TopKCategoricalAccuracy",
}


class OwnMetrics:
    """Scores of one-hot labels (N, K) and probabilities (N, K), softmax(logits), by the names that the user gives.

    Args:
        by_name: the metrics.
        num_classes: K.
        taken: names that a run has already.

    Raises:
        ConfigError: a name is taken, or a metric takes class ids, can't be computed, or gives no single number.
    """

    def __init__(self, by_name: Mapping[str, keras.Metric], num_classes: int, taken: Collection[str] = ()):
        self._by_name = dict(by_name)
        self._num_classes = num_classes
        for name, metric in self._by_name.items():
            if name in taken:
                raise ConfigError(f"metrics.{name}: every run has {name}; give yours another name")
            _refuse_class_ids(name, metric)
            self._try(name)

    def __call__(self, labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        """The value of each metric over all examples at once.

        Args:
            labels: class ids of shape (N,).
            logits: shape (N, K).
        """
        return {name: float(self._value(name, labels, logits)) for name in self._by_name}

    def nan(self) -> dict[str, float]:
        """What stands for the values where logits are not finite."""
        return dict.fromkeys(self._by_name, np.nan)

    def _value(self, name: str, labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
        metric = self._by_name[name]
        metric.reset_state()
        one_hot = np.eye(self._num_classes, dtype=np.float32)[labels]
        metric.update_state(one_hot, softmax(logits.astype(np.float64), axis=1).astype(np.float32))
        return np.asarray(metric.result())

    def _try(self, name: str) -> None:
        """Computes it once on made-up logits: a slip is told before training, not after the first epoch."""
        labels = np.arange(self._num_classes)
        try:
            value = self._value(name, labels, np.eye(self._num_classes))
        except Exception as error:  # whatever a metric of the user's own may raise
            raise ConfigError(
                f"metrics.{name}: it can't be computed from one-hot labels and probabilities of shape "
                f"{(self._num_classes, self._num_classes)} ({reason(error)}); mend its update_state"
            ) from error
        if value.shape != ():
            raise ConfigError(
                f"metrics.{name}: its result has the shape {value.shape}; it must be one number; of F1Score it is with "
                "average: macro"
            )


def _refuse_class_ids(name: str, metric: keras.Metric) -> None:
    kind = type(metric)
    if kind.__module__.startswith("keras.") and kind.__name__ in TAKE_CLASS_IDS:
        raise ConfigError(
            f"metrics.{name}: {kind.__name__} takes class ids, and labels are one-hot here; take keras.metrics."
            f"{TAKE_CLASS_IDS[kind.__name__]}"
        )
