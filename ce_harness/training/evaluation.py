"""Scoring a network: the same metrics for every loss, on validation each epoch and on the test set once."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy.special import softmax

from ce_harness import metrics
from ce_harness.datasets import Dataset, Split

PREDICTION_BATCH = 1000
VALIDATION_METRICS = ("accuracy", "nll", "brier")


class Evaluator:
    """Scores ``network`` on the validation and test splits.

    Probabilities are softmax(logits), also for losses that never train them as such: for these only the
    calibrated figures are comparable.

    Args:
        network: maps images to logits.
        loss: the loss as trained, on (one-hot labels, logits).
        dataset: its validation and test splits are kept.
    """

    def __init__(self, network: keras.Model, loss: keras.Loss, dataset: Dataset):
        self._validation = dataset.validation
        self._test = dataset.test
        self._class_names = dataset.class_names
        self._majority_class = np.bincount(dataset.train.labels, minlength=dataset.num_classes).argmax()
        self._loss = loss
        self._predict = tf.function(
            partial(network, training=False),
            input_signature=[tf.TensorSpec([None, *dataset.input_shape], tf.float32)],
            autograph=False,  # as in training
        )

    def _logits(self, split: Split) -> np.ndarray:
        return np.concatenate([self._predict(images).numpy() for images in split.in_batches(PREDICTION_BATCH)])

    def validation(self) -> dict[str, float]:
        """``loss``, ``accuracy``, ``nll`` and ``brier`` of the validation split; NaN where logits are not finite."""
        labels, logits = self._validation.labels, self._logits(self._validation)
        loss = float(self._loss(tf.one_hot(labels, logits.shape[-1]), logits))
        if not np.isfinite(logits).all():
            loss = loss if not np.isfinite(loss) else np.nan
            return {"loss": loss, **dict.fromkeys(VALIDATION_METRICS, np.nan)}
        scores = metrics.score(labels, logits)
        return {"loss": loss, **{name: scores[name] for name in VALIDATION_METRICS}}

    def test(self) -> tuple[dict[str, float], dict[str, pd.DataFrame], dict[str, np.ndarray]]:
        """What is known of the trained network.

        The temperature is fitted on the validation split. ``test/majority_accuracy`` is the accuracy of always naming
        the class that is most frequent in the training split.

        Returns:
            The ``test/*`` metrics; tables by name, ``reliability`` and ``confusion_matrix``; and of every test example
            the ``labels``, the ``logits``, its ``index`` in the source, and the ``class_names``.
        """
        temperature = metrics.fit_temperature(self._validation.labels, self._logits(self._validation))
        labels, logits = self._test.labels, self._logits(self._test)
        calibrated = metrics.score(labels, logits / temperature)
        scores = metrics.score(labels, logits)
        scores |= {f"{name}_calibrated": calibrated[name] for name in ("nll", "brier", "ece")}
        scores["temperature"] = temperature
        scores["majority_accuracy"] = float(np.mean(labels == self._majority_class))
        return (
            {f"test/{name}": value for name, value in scores.items()},
            {"reliability": reliability_frame(labels, logits, temperature)},
            {
                "labels": labels,
                "logits": logits,
                "index": self._test.index,
                "class_names": np.array(self._class_names),
            },
        )


def reliability_frame(labels: np.ndarray, logits: np.ndarray, temperature: float) -> pd.DataFrame:
    """Reliability bins of softmax(logits) and of softmax(logits / temperature), one under the other.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).
    """
    frames = []
    for calibrated, scale in ((False, 1.0), (True, temperature)):
        table = metrics.reliability(labels, softmax(logits.astype(np.float64) / scale, axis=1))
        edges = metrics.confidence_edges(len(table.count))
        columns = {"calibrated": calibrated, "bin_low": edges[:-1], "bin_high": edges[1:], **asdict(table)}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames)
