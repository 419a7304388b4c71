"""Scoring a network: the same metrics for every loss, on validation each epoch and on the test set once."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from ce_harness import metrics
from ce_harness.datasets import Split
from ce_harness.rundir import artifacts

PREDICTION_BATCH = 1000
VALIDATION_METRICS = ("accuracy", "nll", "brier")


class Evaluator:
    """Scores ``network`` on the validation and test splits.

    Probabilities are softmax(logits), also for losses that never train them as such: for these only the
    calibrated figures are comparable.

    Args:
        network: maps images to logits.
        loss: the loss as trained, on (one-hot labels, logits).
    """

    def __init__(self, network: keras.Model, loss: keras.Loss, validation: Split, test: Split):
        self._validation = validation
        self._test = test
        self._loss = loss
        self._predict = tf.function(
            partial(network, training=False),
            input_signature=[tf.TensorSpec([None, *test.images.shape[1:]], tf.float32)],
            autograph=False,  # as in training
        )

    def _logits(self, images: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), PREDICTION_BATCH)
        return np.concatenate([self._predict(images[i : i + PREDICTION_BATCH]).numpy() for i in starts])

    def validation(self) -> dict[str, float]:
        """``loss``, ``accuracy``, ``nll`` and ``brier`` of the validation split."""
        logits = self._logits(self._validation.images)
        scores = metrics.score(self._validation.labels, logits)
        loss = self._loss(tf.one_hot(self._validation.labels, logits.shape[-1]), logits)
        return {"loss": float(loss), **{name: scores[name] for name in VALIDATION_METRICS}}

    def test(self) -> tuple[dict[str, float], pd.DataFrame]:
        """The ``test/*`` metrics, and the reliability diagrams before and after temperature scaling.

        The temperature is fitted on the validation split.
        """
        temperature = metrics.fit_temperature(self._validation.labels, self._logits(self._validation.images))
        labels, logits = self._test.labels, self._logits(self._test.images)
        calibrated = metrics.score(labels, logits / temperature)
        scores = metrics.score(labels, logits)
        scores |= {f"{name}_calibrated": calibrated[name] for name in ("nll", "brier", "ece")}
        scores["temperature"] = temperature
        return (
            {f"test/{name}": value for name, value in scores.items()},
            artifacts.reliability_frame(labels, logits, temperature),
        )
