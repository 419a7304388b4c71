"""Scoring a network: the same metrics for every loss, on validation each epoch and on the test set once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy.special import softmax

from ce_harness import metrics
from ce_harness.classifier import assemble
from ce_harness.datasets import Dataset, Split
from ce_harness.training.logits import refuse_activation, refuse_bounded, refuse_probabilities
from ce_harness.training.own_metrics import OwnMetrics

PREDICTION_BATCH = 1000
FIRST_LOOK = 32  # images whose outputs are looked at before training
PREDICTION_VALUES = 16_000_000  # of images of more than 16,000 values fewer are predicted at a time: 64 MB
VALIDATION_METRICS = ("accuracy", "nll", "brier")
CALIBRATED_METRICS = ("nll", "brier", "ece", "ece_debiased", "ece_floor")
# Names under val/ or test/ that no metric of the user's may take.
OF_EVERY_RUN = {"loss", "epoch", "temperature", "majority_accuracy", *metrics.METRICS}
OF_EVERY_RUN |= {f"{name}_calibrated" for name in CALIBRATED_METRICS}


class TestResult(NamedTuple):
    """What is known of a trained network.

    Attributes:
        scores: the ``test/*`` metrics.
        tables: by name; ``reliability`` and ``confusion_matrix``.
        predictions: of every test example the ``labels``, the ``logits`` and its ``index`` in the source; beside them
            the ``class_names``.
    """

    scores: dict[str, float]
    tables: dict[str, pd.DataFrame]
    predictions: dict[str, np.ndarray]


class Evaluator:
    """Scores ``network`` on the validation and test splits.

    Probabilities are softmax(logits), also for losses that never train them as such: for these only the
    calibrated figures are comparable.

    Args:
        network: maps images to logits.
        loss: the loss as trained, but for class weights, on (one-hot labels, logits).
        dataset: its validation and test splits are kept.
        own_metrics: the user's, by name.

    Raises:
        ConfigError: a metric of the user's that can't be used.
    """

    def __init__(
        self,
        network: keras.Model,
        loss: keras.Loss,
        dataset: Dataset,
        own_metrics: Mapping[str, keras.Metric] = MappingProxyType({}),
    ):
        self._network = network
        self._validation = dataset.validation
        self._test = dataset.test
        self._class_names = dataset.class_names
        self._majority_class = np.bincount(dataset.train.labels, minlength=dataset.num_classes).argmax()
        self._loss = loss  # not traced: TensorFlow would rewrite its sums, and some losses would differ in a last bit
        self._own_metrics = OwnMetrics(own_metrics, dataset.num_classes, taken=OF_EVERY_RUN)
        self._predict = tf.function(
            partial(network, training=False),
            input_signature=[tf.TensorSpec([None, *dataset.input_shape], tf.float32)],
            autograph=False,  # as in training
        )

    def refuse_probabilities(self, model: str) -> None:
        """Refuses a network that returns probabilities.

        Args:
            model: how the config names it, ``model=lenet5``.
        """
        traced = self._predict.get_concrete_function()
        refuse_activation(model, traced.graph.outputs[0])
        images = next(self._validation.in_batches(FIRST_LOOK))
        output = self._predict(images).numpy()
        refuse_probabilities(model, output)
        refuse_bounded(model, output, self._predict(1000 * images).numpy())

    def _logits(self, split: Split) -> np.ndarray:
        values = math.prod(split.pixels.shape[1:])
        size = max(1, min(PREDICTION_BATCH, PREDICTION_VALUES // values))
        return np.concatenate([self._predict(images).numpy() for images in split.in_batches(size)])

    def validation(self) -> dict[str, float]:
        """``loss``, ``accuracy``, ``nll``, ``brier`` and the user's own of the validation split.

        All are NaN where logits are not finite.
        """
        labels, logits = self._validation.labels, self._logits(self._validation)
        loss = float(self._loss(tf.one_hot(labels, logits.shape[-1]), logits))
        if not np.isfinite(logits).all():
            loss = loss if not np.isfinite(loss) else np.nan
            return {"loss": loss, **dict.fromkeys(VALIDATION_METRICS, np.nan), **self._own_metrics.nan()}
        return {
            "loss": loss,
            **metrics.score(labels, logits, VALIDATION_METRICS),
            **self._own_metrics(labels, logits),
        }

    def test(self) -> TestResult:
        """Scores the network on the test split; the temperature is fitted on the validation split.

        ``test/majority_accuracy`` is the accuracy of always naming the class that is most frequent in the training
        split.
        """
        temperature = metrics.fit_temperature(self._validation.labels, self._logits(self._validation))
        labels, logits = self._test.labels, self._logits(self._test)
        calibrated = metrics.score(labels, logits / temperature)
        scores = metrics.score(labels, logits)
        scores |= {f"{name}_calibrated": calibrated[name] for name in CALIBRATED_METRICS}
        scores["temperature"] = temperature
        scores["majority_accuracy"] = float(np.mean(labels == self._majority_class))
        scores |= self._own_metrics(labels, logits)
        return TestResult(
            {f"test/{name}": value for name, value in scores.items()},
            {
                "reliability": reliability_table(labels, logits, temperature),
                "confusion_matrix": confusion_table(labels, logits, self._class_names),
            },
            {
                "labels": labels,
                "logits": logits,
                "index": self._test.index,
                "class_names": np.array(self._class_names),
            },
        )

    def classifier(self, temperature: float) -> tuple[keras.Model, np.ndarray]:
        """The network for use, from raw images to calibrated probabilities; and a raw image of the test split.

        Where no temperature is best, since one at the bound was fitted, the logits stay as they are.
        """
        scaling = self._test.scaling
        mean = 0.0 if scaling.mean is None else scaling.mean
        deviation = 1.0 if scaling.deviation is None else scaling.deviation
        model = assemble(
            self._network,
            self._test.pixels.shape[1:],
            class_names=self._class_names,
            temperature=1.0 if metrics.at_bound(temperature) else temperature,
            mean=scaling.white * mean,
            deviation=scaling.white * deviation,
        )
        return model, np.asarray(self._test.pixels[self._test.index[:1]])


def confusion_table(labels: np.ndarray, logits: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """One row per true class: its name, its test examples, its accuracy, and how many were given to each class."""
    counts = metrics.confusion_matrix(labels, logits)
    per_class = pd.DataFrame(
        {"class": class_names, "count": counts.sum(axis=1), "accuracy": metrics.per_class_accuracy(labels, logits)}
    )
    return pd.concat([per_class, pd.DataFrame(counts, columns=list(class_names))], axis="columns")


def reliability_table(labels: np.ndarray, logits: np.ndarray, temperature: float) -> pd.DataFrame:
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
