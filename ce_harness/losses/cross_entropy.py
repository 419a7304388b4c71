"""Softmax cross-entropy from logits: the function, with its closed-form gradient, and the Keras loss."""

from __future__ import annotations

import keras
import tensorflow as tf

from ce_harness.losses.labels import float_logits, one_hot, same_shape


def softmax_cross_entropy(
    labels, logits, axis=-1, *, label_smoothing=0.0, class_weight=None, ignore_class=None
) -> tf.Tensor:
    """Cross-entropy of the softmax of the logits, in nats, one value per example.

    ``-sum_k w_k t_k ln softmax(z)_k`` with targets ``t = (1 - eps) y + eps / K`` (eps: label smoothing,
    Szegedy et al. 2016, arXiv 1512.00567, section 7) and class weights w. The logarithm is taken of the
    softmax's denominator only, never of a probability, so that no epsilon is needed (Goodfellow, Bengio &
    Courville, Deep Learning, section 6.2.2.3). The gradient on the logits is the closed form
    ``sum(w t) softmax(z) - w t``, correct also where labels or weights don't sum to one.

    Agrees with ``tf.nn.softmax_cross_entropy_with_logits``, its sparse sibling and PyTorch's
    ``cross_entropy(..., reduction="none")``. float16 and bfloat16 logits are computed, and the loss
    returned, in float32. A logit of -inf excludes its class: no probability, no gradient, and an infinite
    loss only if the label gives the class weight. +inf and NaN logits, and a row of -inf, give NaN; labels
    that are all 0 give loss and gradient 0 whatever the logits.

    Args:
        labels: integer class ids, the shape of the logits without the class axis; or one-hot or soft labels,
            the shape of the logits.
        logits: (..., K, ...) unnormalised log-probabilities, floating point.
        axis: the class axis.
        label_smoothing: eps in [0, 1], the share of the uniform distribution in the targets.
        class_weight: K weights; None weighs all classes 1.
        ignore_class: a class id whose examples get loss and gradient 0; needs integer class ids. A class id
            that is neither this nor in [0, K) gives NaN, on every device.

    Returns:
        The losses, the shape of the logits without the class axis.

    Raises:
        TypeError: logits that are not floating point, or class ids that are not integers.
        ValueError: shapes that don't fit (both are named, when traced), or an option out of its range.

    Example:

    >>> softmax_cross_entropy([0], [[2.0, 1.0, 0.1]]).numpy()
    array([0.41703], dtype=float32)
    """
    _check_smoothing(label_smoothing)
    logits = float_logits(logits)
    if not -logits.shape.rank <= axis < logits.shape.rank:
        raise ValueError(f"there is no class axis {axis} in logits of shape {logits.shape}")
    labels = tf.convert_to_tensor(labels)
    if labels.shape.rank != logits.shape.rank:
        targets, counted, known = one_hot(labels, logits, axis, ignore_class)
    elif ignore_class is None:
        targets, counted, known = same_shape(labels, logits), None, None
    else:
        raise ValueError(f"ignore_class needs integer class ids: labels {labels.shape}, logits {logits.shape}")
    if label_smoothing:
        num_classes = tf.cast(tf.shape(logits)[axis], logits.dtype)
        targets = (1.0 - label_smoothing) * targets + label_smoothing / num_classes
    if class_weight is not None:
        targets *= _along_axis(class_weight, logits, axis)
    losses = _cross_entropy(targets, logits, axis)
    if known is not None:
        # A factor, not a choice: the gradient of an unknown class id has to be NaN as well.
        losses *= tf.where(known, tf.ones_like(losses), float("nan"))
    return losses if counted is None else tf.where(counted, losses, tf.zeros_like(losses))


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor, axis: int) -> tf.Tensor:
    # xlogy and the no_nan operations give 0 where the targets are 0, whatever the logits: one that is -inf, or
    # shifted out of range, then costs nothing, and labels that are all 0 have no derivative of any order.
    @tf.custom_gradient
    def forward(targets, logits):
        shifted = logits - tf.reduce_max(logits, axis=axis, keepdims=True)
        mass = tf.reduce_sum(targets, axis=axis, keepdims=True)
        agreement = tf.reduce_sum(tf.math.multiply_no_nan(shifted, targets), axis=axis, keepdims=True)
        # In this order `exp` is the last to need `shifted`, and the division below the last to need `exp`: TensorFlow
        # then writes each result over its operand. For thousands of classes the memory is what takes the time.
        with tf.control_dependencies([agreement]):
            exp = tf.exp(shifted)
        partition = tf.reduce_sum(exp, axis=axis, keepdims=True)
        losses = tf.squeeze(tf.math.xlogy(mass, partition) - agreement, axis=axis)

        def gradient(upstream):
            upstream = tf.expand_dims(upstream, axis)
            surprisal = tf.math.log(partition) - shifted
            # One division per class rounds once where a product with 1 / partition rounds twice.
            with tf.control_dependencies([partition]):
                expected = tf.math.divide_no_nan(exp, tf.math.divide_no_nan(partition, mass))
            return upstream * surprisal, upstream * (expected - targets)

        return losses, gradient

    return forward(targets, logits)


def _check_smoothing(label_smoothing: float) -> None:
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing}")


def _along_axis(class_weight, logits: tf.Tensor, axis: int) -> tf.Tensor:
    weights = tf.convert_to_tensor(class_weight, dtype=logits.dtype)
    if weights.shape.rank != 1 or not weights.shape.is_compatible_with(logits.shape[axis : axis + 1 or None]):
        raise ValueError(
            f"class_weight needs one weight per class: class_weight {weights.shape}, logits {logits.shape}"
        )
    shape = [1] * logits.shape.rank
    shape[axis] = -1
    return tf.reshape(weights, shape)


@keras.saving.register_keras_serializable(package="ce_harness")
class SoftmaxCrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy of labels and logits, in nats; formula and limits are `softmax_cross_entropy`'s.

    Call with logits (..., K, ...) and labels that are class ids (with or without a class axis of length 1),
    one-hot or soft.

    Args:
        axis, label_smoothing, class_weight, ignore_class: as in `softmax_cross_entropy`.
        reduction, name, dtype: as in `keras.losses.Loss`. Every mean leaves out ignored and masked examples.
            ``"sum_over_batch_size"`` divides by the number of examples, whatever they weigh;
            ``"mean_with_sample_weight"`` divides by the sample weights and by the mean class weight of the
            labels, which for class ids is PyTorch's mean.

    Example:

    >>> model.compile("sgd", SoftmaxCrossEntropy(label_smoothing=0.1))
    """

    def __init__(
        self,
        axis=-1,
        label_smoothing=0.0,
        class_weight=None,
        ignore_class=None,
        reduction="sum_over_batch_size",
        name="softmax_cross_entropy",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        _check_smoothing(label_smoothing)
        self.axis = axis
        self.label_smoothing = label_smoothing
        self.class_weight = None if class_weight is None else [float(weight) for weight in class_weight]
        self.ignore_class = ignore_class

    def call(self, y_true, y_pred):
        labels = self._labels(y_true, y_pred)
        losses = softmax_cross_entropy(
            labels,
            y_pred,
            self.axis,
            label_smoothing=self.label_smoothing,
            class_weight=self.class_weight,
            ignore_class=self.ignore_class,
        )
        counted = None if self.ignore_class is None else tf.not_equal(labels, self.ignore_class)
        if self.class_weight is not None and self.reduction == "mean_with_sample_weight":
            losses /= self._mean_class_weight(labels, y_pred, counted)
        # Keras takes the mask of the losses into account when it reduces them.
        losses._keras_mask = counted
        return losses

    def _mean_class_weight(self, labels, y_pred, counted):
        """The weight of the labels' classes, averaged over the examples that count."""
        if labels.shape.rank != y_pred.shape.rank:
            labels = tf.one_hot(labels, tf.shape(y_pred)[self.axis], axis=self.axis % y_pred.shape.rank)
        labels = tf.cast(labels, y_pred.dtype)
        weights = tf.reduce_sum(labels * _along_axis(self.class_weight, y_pred, self.axis), axis=self.axis)
        counts = tf.ones_like(weights)
        for mask in (counted, getattr(y_pred, "_keras_mask", None)):
            counts = counts if mask is None else counts * tf.cast(mask, counts.dtype)
        return tf.reduce_sum(counts * weights) / tf.reduce_sum(counts)

    def _labels(self, y_true, y_pred):
        """Class ids as integers without a class axis, any other labels as they are."""
        rank = y_pred.shape.rank
        if y_true.shape.rank == rank and y_true.shape[self.axis] == 1 and y_pred.shape[self.axis] != 1:
            y_true = tf.squeeze(y_true, axis=self.axis)
        # Keras has turned the class ids into floats by now.
        return y_true if y_true.shape.rank == rank else tf.cast(y_true, tf.int64)

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "label_smoothing": self.label_smoothing,
            "class_weight": self.class_weight,
            "ignore_class": self.ignore_class,
            "dtype": self.dtype,
        }
