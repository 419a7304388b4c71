"""Scoring a network: the same metrics for every loss, on validation each epoch and on the test set once."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from ce_harness import metrics, series
from ce_harness.datasets import Dataset

PREDICTION_BATCH = 1000
VALIDATION_METRICS = ("accuracy", "nll", "brier")


class Evaluator:
    """Scores ``network`` on the splits of ``dataset``.

    Probabilities are softmax(logits), also for losses that never train them as such: for these only the
    calibrated figures are comparable.

    Args:
        network: maps images to logits.
        loss: the loss as trained, on (one-hot labels, logits).
    """

    def __init__(self, network: keras.Model, loss: keras.Loss, dataset: Dataset):
        self._dataset = dataset
        self._loss = loss
        self._predict = tf.function(
            partial(network, training=False),
            input_signature=[tf.TensorSpec([None, *dataset.input_shape], tf.float32)],
        )

    def _logits(self, images: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), PREDICTION_BATCH)
        return np.concatenate([self._predict(images[i : i + PREDICTION_BATCH]).numpy() for i in starts])

    def validation(self) -> dict[str, float]:
        """``loss``, ``accuracy``, ``nll`` and ``brier`` of the validation split."""
        split = self._dataset.validation
        logits = self._logits(split.images)
        scores = metrics.score(split.labels, logits)
        loss = self._loss(tf.one_hot(split.labels, logits.shape[-1]), logits)
        return {"loss": float(loss), **{name: scores[name] for name in VALIDATION_METRICS}}

    def test(self) -> tuple[dict[str, float], pd.DataFrame]:
        """The ``test/*`` metrics, and the reliability diagrams before and after temperature scaling.

        The temperature is fitted on the validation split.
        """
        validation, test = self._dataset.validation, self._dataset.test
        temperature = metrics.fit_temperature(validation.labels, self._logits(validation.images))
        logits = self._logits(test.images)
        calibrated = metrics.score(test.labels, logits / temperature)
        scores = metrics.score(test.labels, logits)
        scores |= {f"{name}_calibrated": calibrated[name] for name in ("nll", "brier", "ece")}
        scores["temperature"] = temperature
        return (
            {f"test/{name}": value for name, value in scores.items()},
            series.reliability_frame(test.labels, logits, temperature),
        )
