"""Labels and logits brought to one shape and dtype, or refused with both shapes named."""

from __future__ import annotations

import tensorflow as tf


def float_logits(logits) -> tf.Tensor:
    """Returns logits as a float32 or float64 tensor; float16 and bfloat16 become float32.

    Raises:
        TypeError: the logits are not floating point.
        ValueError: their rank is 0 or unknown.
    """
    logits = tf.convert_to_tensor(logits)
    if not logits.dtype.is_floating:
        raise TypeError(f"logits must be floating point, got {logits.dtype.name} of shape {logits.shape}")
    if not logits.shape.rank:
        raise ValueError(f"logits need a class axis of known rank, got shape {logits.shape}")
    return logits if logits.dtype == tf.float64 else tf.cast(logits, tf.float32)


def same_shape(labels, logits: tf.Tensor) -> tf.Tensor:
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
        return tf.identity(labels)


def one_hot(labels: tf.Tensor, logits: tf.Tensor, axis: int, ignore_class: int | None):
    """Returns class ids as one-hot labels.

    Args:
        labels: integer class ids, the shape of the logits without the class axis.
        logits: (..., K, ...), from `float_logits`.
        axis: the class axis of the logits.
        ignore_class: the class id that doesn't count, or None.

    Returns:
        The one-hot labels in the shape and dtype of the logits; which examples count (None: all do); and
        which class ids are in [0, K) or don't count.

    Raises:
        TypeError: the class ids are not integers.
        ValueError: the shapes don't fit.
    """
    without_axis = logits.shape.as_list()
    num_classes = without_axis.pop(axis)
    if not labels.shape.is_compatible_with(without_axis):
        raise ValueError(
            "labels must have the shape of the logits (one-hot, soft) or that shape without the class axis "
            f"(class ids): labels {labels.shape}, logits {logits.shape}, class axis {axis}"
        )
    if not labels.dtype.is_integer:
        raise TypeError(f"class ids must be integers: labels {labels.dtype.name} {labels.shape}, logits {logits.shape}")
    labels = tf.cast(labels, tf.int64)  # small types hold neither every K nor a negative ignore_class
    num_classes = num_classes or tf.shape(logits)[axis]
    known = (labels >= 0) & (labels < tf.cast(num_classes, tf.int64))
    counted = None
    if ignore_class is not None:
        counted = tf.not_equal(labels, ignore_class)
        known |= ~counted
    targets = tf.one_hot(labels, num_classes, axis=axis % logits.shape.rank, dtype=logits.dtype)
    return same_shape(targets, logits), counted, known
