"""Labels and logits brought to one shape and dtype, or refused with both shapes named."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ce_harness.losses.from_softmax import refuse_activation


def float_logits(logits: Any, axis: int = -1) -> tf.Tensor:
    """Returns logits as a float32 or float64 tensor; float16 and bfloat16 become float32.

    Raises:
        TypeError: the logits are not floating point.
        ValueError: their rank is 0 or unknown, or there is no such class axis. It has one class. They come out of
            a softmax or sigmoid.
    """
    logits = tf.convert_to_tensor(logits)
    if not logits.dtype.is_floating:
        raise TypeError(f"logits must be floating point, got {logits.dtype.name} of shape {logits.shape}")
    if not logits.shape.rank:
        raise ValueError(f"logits need a class axis of known rank, got shape {logits.shape}")
    if not -logits.shape.rank <= axis < logits.shape.rank:
        raise ValueError(f"there is no class axis {axis} in logits of shape {logits.shape}")
    if logits.shape[axis] == 1:
        raise ValueError(
            f"logits {logits.shape} have one class, and a softmax over one class is always 1: give the network two "
            "outputs, or train its one output as a sigmoid, keras.losses.BinaryCrossentropy(from_logits=True)"
        )
    refuse_activation(logits)
    return logits if logits.dtype == tf.float64 else tf.cast(logits, tf.float32)


def same_shape(labels: Any, logits: tf.Tensor) -> tf.Tensor:
    """Returns one-hot or soft labels in the dtype of the logits, never broadcast.

    Args:
        labels: a weight per class, the shape of the logits.
        logits: (..., K), from `float_logits`.

    Raises:
        ValueError: the shapes differ (when traced, if they are known then).
        tf.errors.InvalidArgumentError: they turn out to differ when the graph runs.
    """
    labels = tf.convert_to_tensor(labels)
    if not labels.shape.is_compatible_with(logits.shape):
        raise ValueError(
            f"one-hot or soft labels must have the shape of the logits: labels {labels.shape}, logits {logits.shape}"
        )
    labels = tf.cast(labels, logits.dtype)
    if labels.shape.is_fully_defined() and logits.shape.is_fully_defined():
        return labels
    message = "one-hot or soft labels must have the shape of the logits"
    with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(labels), tf.shape(logits), message=message)]):
        # XLA drops assertions. It does refuse to choose between tensors of different shapes, whichever is chosen.
        return tf.raw_ops.Select(condition=True, x=labels, y=tf.stop_gradient(logits))


def ids_or_weights(labels: Any, logits: tf.Tensor, axis: int) -> tf.Tensor:
    """Returns class ids as int64 without a class axis, any other labels as they are.

    Args:
        labels: class ids, of any integer type or floats, as Keras makes them. Their shape is that of the logits
            without the class axis, or with one of length 1. Or a weight per class, the shape of the logits.
        logits: (..., K, ...), from `float_logits`.
        axis: the class axis of the logits.
    """
    labels = tf.convert_to_tensor(labels)
    rank = logits.shape.rank
    if labels.shape.rank == rank and labels.shape[axis] == 1:
        labels = tf.squeeze(labels, axis=axis)
    if labels.shape.rank == rank:
        return labels
    # Small types hold neither every K nor a negative ignore_class. What is not whole becomes an id that no class has.
    ids = tf.cast(labels, tf.int64)
    return ids if labels.dtype.is_integer else tf.where(tf.equal(tf.cast(ids, labels.dtype), labels), ids, tf.int64.min)


def dense_labels(labels: tf.Tensor, logits: tf.Tensor, axis: int, ignore_class: int | None = None) -> tf.Tensor:
    """Returns labels of any form as a weight per class, in the shape and dtype of the logits.

    Args:
        labels: from `ids_or_weights`.
        logits: (..., K, ...), from `float_logits`.
        axis: the class axis of the logits.
        ignore_class: the class id that doesn't count and may lie outside of [0, K), or None.

    Returns:
        One-hot labels for class ids: a class id that is unknown, neither in [0, K) nor ignored, weighs every
        class NaN. Any other labels as they are.

    Raises:
        ValueError: the shapes don't fit, or one-hot or soft labels with an ``ignore_class``.
        tf.errors.InvalidArgumentError: the shapes turn out not to fit when the graph runs.
    """
    if labels.shape.rank == logits.shape.rank:
        if ignore_class is not None:
            raise ValueError(f"ignore_class needs integer class ids: labels {labels.shape}, logits {logits.shape}")
        return same_shape(labels, logits)
    without_axis = logits.shape.as_list()
    num_classes = without_axis.pop(axis)
    if not labels.shape.is_compatible_with(without_axis):
        raise ValueError(
            "labels must have the shape of the logits (one-hot, soft) or that shape without the class axis "
            f"(class ids): labels {labels.shape}, logits {logits.shape}, class axis {axis}"
        )
    num_classes = num_classes or tf.shape(logits)[axis]
    known = (labels >= 0) & (labels < tf.cast(num_classes, tf.int64))
    if ignore_class is not None:
        known |= tf.equal(labels, ignore_class)
    one_hot = tf.one_hot(labels, num_classes, axis=axis % logits.shape.rank, dtype=logits.dtype)
    nan = tf.constant(float("nan"), logits.dtype)
    return same_shape(tf.where(tf.expand_dims(known, axis), one_hot, nan), logits)
