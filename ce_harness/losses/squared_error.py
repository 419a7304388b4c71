"""Squared error: of the softmax probabilities (the tutorial's and Keras's), and of the raw logits."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from ce_harness.losses.labels import float_logits, same_shape
from ce_harness.losses.logit_loss import LogitLoss


@keras.saving.register_keras_serializable(package="ce_harness")
class SoftmaxSquaredError(LogitLoss):
    """Squared error of softmax probabilities, ``reduce_k (softmax(z)_k - y_k)^2``.

    Args:
        class_reduction: ``"sum"`` over classes is the Brier score (Brier 1950) and the tutorial's MSE;
            ``"mean"`` over classes is Keras's `MeanSquaredError`, smaller by the factor K.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Call with labels (..., K), one-hot or soft, and logits (..., K).

    Raises:
        ValueError: an unknown ``class_reduction``; called, shapes that differ, or logits that `float_logits` refuses.
        TypeError: called, logits that are not floating point.
        tf.errors.InvalidArgumentError: called, shapes unknown when traced differ when the graph runs.
    """

    def __init__(
        self,
        class_reduction: str = "sum",
        reduction: str | None = "sum_over_batch_size",
        name: str = "softmax_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(-1, reduction, name, dtype)
        if class_reduction not in ("sum", "mean"):
            raise ValueError(f"class_reduction must be 'sum' or 'mean', got {class_reduction!r}")
        self.class_reduction = class_reduction

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        logits = float_logits(y_pred)
        squares = tf.math.squared_difference(tf.nn.softmax(logits), same_shape(y_true, logits))
        reduce = tf.reduce_sum if self.class_reduction == "sum" else tf.reduce_mean
        return reduce(squares, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_reduction": self.class_reduction}


@keras.saving.register_keras_serializable(package="ce_harness")
class LogitSquaredError(LogitLoss):
    """Rescaled square loss on raw logits, no softmax (Hui & Belkin 2021, arXiv 2006.07322).

    ``(k (z_c - M)^2 + sum_{j != c} z_j^2) / K`` for the true class c. Labels y between 0 and 1 interpolate:
    ``mean_j (1 + (k - 1) y_j) (z_j - M y_j)^2``.

    Args:
        true_class_weight: k, the weight of the true class; the paper takes 1 below 42 classes.
        target_scale: M, the logit the true class is pulled to; 1 below 42 classes.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Call with labels (..., K), one-hot or soft, and logits (..., K).

    Raises:
        ValueError: k or M is not positive; called, shapes that differ, or logits that `float_logits` refuses.
        TypeError: called, logits that are not floating point.
        tf.errors.InvalidArgumentError: called, shapes unknown when traced differ when the graph runs.
    """

    def __init__(
        self,
        true_class_weight: float = 1.0,
        target_scale: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "logit_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(-1, reduction, name, dtype)
        if not 0 < true_class_weight < math.inf or not 0 < target_scale < math.inf:
            raise ValueError(
                "true_class_weight and target_scale must be finite and positive, "
                f"got {true_class_weight} and {target_scale}"
            )
        self.true_class_weight = float(true_class_weight)
        self.target_scale = float(target_scale)

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        logits = float_logits(y_pred)
        labels = same_shape(y_true, logits)
        weights = 1.0 + (self.true_class_weight - 1.0) * labels
        squares = tf.math.squared_difference(logits, self.target_scale * labels)
        return tf.reduce_mean(weights * squares, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "true_class_weight": self.true_class_weight,
            "target_scale": self.target_scale,
        }
