"""What all losses of logits share: how they are called."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ce_harness.losses.from_softmax import warn_of_probabilities
from ce_harness.losses.labels import float_logits


class LogitLoss(keras.losses.Loss):
    """A Keras loss of labels and logits, one value per example; subclasses say which in ``call``.

    Beyond what Keras's own losses do:

    - labels, logits and weights may be lists;
    - sample weights of shape (B,) weigh whole sequences (B, T): Keras's losses refuse them, or, where B equals T,
      weigh the steps by them;
    - every mean over weights counts a weight once for each example that it weighs;
    - sample weights with more axes than there are losses are refused: they would broadcast;
    - the first batch outside of a graph that looks like probabilities is warned of.

    Args:
        axis: the class axis of the logits.
        reduction, name, dtype: as in `keras.losses.Loss`.
    """

    def __init__(self, axis: int, reduction: str | None, name: str, dtype: Any) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.axis = axis
        self._values_were_seen = False

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tf.Tensor:
        logits = self._logits(y_pred)
        if tf.executing_eagerly() and not self._values_were_seen:
            self._values_were_seen = True
            warn_of_probabilities(logits.numpy(), self.axis)
        weight = None if sample_weight is None else self._weight_per_example(sample_weight, logits)
        # A tensor as it came: Keras leaves its mask on it.
        return super().__call__(
            y_true if tf.is_tensor(y_true) else tf.convert_to_tensor(y_true),
            y_pred if tf.is_tensor(y_pred) else logits,
            weight,
        )

    def _logits(self, y_pred: Any) -> tf.Tensor:
        return float_logits(keras.ops.convert_to_tensor(y_pred, self.dtype), self.axis)

    def _weight_per_example(self, sample_weight: Any, logits: tf.Tensor) -> tf.Tensor:
        weight = keras.ops.convert_to_tensor(sample_weight, self.dtype)
        rank = logits.shape.rank - 1
        if weight.shape.rank == rank + 1 and weight.shape[-1] == 1:  # Keras allows a last axis of length 1
            weight = tf.squeeze(weight, axis=-1)
        if weight.shape.rank > rank:  # they would broadcast the losses
            raise ValueError(f"sample weights {weight.shape} have more axes than the examples of logits {logits.shape}")
        while weight.shape.rank < rank:
            weight = tf.expand_dims(weight, axis=-1)
        axes = [axis for axis in range(rank + 1) if axis != self.axis % (rank + 1)]
        if any(weight.shape[i] == 1 != logits.shape[axis] for i, axis in enumerate(axes)):
            weight = tf.broadcast_to(weight, tf.gather(tf.shape(logits), axes))
        return weight

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}
