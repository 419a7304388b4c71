"""Losses a comparison of two is asked about: focal loss and squentropy."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from ce_harness.losses.cross_entropy import softmax_cross_entropy
from ce_harness.losses.labels import float_logits, same_shape
from ce_harness.losses.logit_loss import LogitLoss


@keras.saving.register_keras_serializable(package="ce_harness")
class Focal(LogitLoss):
    """Focal loss ``sum_k y_k (1 - p_k)^gamma (-ln p_k)`` in nats, p = softmax(z).

    Lin et al. 2017 (arXiv 1708.02002), section 3.2, for K classes and without the class weight alpha.
    Equal to Keras's `CategoricalFocalCrossentropy(alpha=1, from_logits=True)` but for probabilities below 1e-7, which
    Keras clips: its loss stays at 16.1 there, and its gradient is 0. gamma 0 is cross-entropy.

    Args:
        gamma: how strongly well classified examples are discounted, 0 or more.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Call with labels (..., K), one-hot or soft, and logits (..., K).

    Raises:
        ValueError: a negative gamma; called, shapes that differ, or logits that `float_logits` refuses.
        TypeError: called, logits that are not floating point.
        tf.errors.InvalidArgumentError: called, shapes unknown when traced differ when the graph runs.
    """

    def __init__(
        self, gamma: float = 2.0, reduction: str | None = "sum_over_batch_size", name: str = "focal", dtype: Any = None
    ) -> None:
        super().__init__(-1, reduction, name, dtype)
        if not 0 <= gamma < math.inf:
            raise ValueError(f"gamma must be finite and 0 or more, got {gamma}")
        self.gamma = float(gamma)

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        logits = float_logits(y_pred)
        labels = same_shape(y_true, logits)
        log_p = tf.nn.log_softmax(logits)
        # Of the other classes nothing is needed, and where p is 0 they would have derivatives of 0 times infinity.
        log_p = tf.where(tf.equal(labels, 0), tf.zeros_like(log_p), log_p)
        # The floor keeps the derivative of x^gamma finite where p rounds to 1 and gamma < 1.
        # Below -1000 exp is 0, and its derivative times the loss's, which may be infinite, must be.
        rest = tf.maximum(-tf.math.expm1(tf.maximum(log_p, -1000.0)), logits.dtype.as_numpy_dtype(1e-30))
        return -tf.reduce_sum(labels * (rest**self.gamma * log_p), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="ce_harness")
class Squentropy(LogitLoss):
    """Cross-entropy plus the mean square of the other classes' logits.

    ``-ln softmax(z)_c + sum_{j != c} z_j^2 / (K - 1)`` for the true class c (Hui, Belkin & Wright 2023,
    arXiv 2302.03952). Labels y between 0 and 1 interpolate with ``(1 - y_j) z_j^2``.

    Args:
        reduction, name, dtype: as in `keras.losses.Loss`.

    Call with labels (..., K), one-hot or soft, and logits (..., K), K >= 2.

    Raises:
        ValueError: called, shapes that differ, or logits that `float_logits` refuses.
        TypeError: called, logits that are not floating point.
        tf.errors.InvalidArgumentError: called, shapes unknown when traced differ when the graph runs.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squentropy", dtype: Any = None
    ) -> None:
        super().__init__(-1, reduction, name, dtype)

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        logits = float_logits(y_pred)
        labels = same_shape(y_true, logits)
        others = tf.cast(tf.shape(logits)[-1] - 1, logits.dtype)
        # A class without weight has no square, so none that overflows.
        weighed = tf.where(tf.equal(labels, 1), tf.zeros_like(logits), logits)
        squares = tf.math.multiply_no_nan(tf.square(weighed), 1.0 - labels)
        return softmax_cross_entropy(labels, logits) + tf.reduce_sum(squares, axis=-1) / others
