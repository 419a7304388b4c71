"""Softmax cross-entropy from logits: the function, with its closed-form gradient, and the Keras loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ce_harness.losses.labels import dense_labels, float_logits, ids_or_weights
from ce_harness.losses.logit_loss import LogitLoss
from ce_harness.unofficial.keras import mask_of, with_mask

# Up to these every whole number is one of the dtype.
_LARGEST_IDS = {"float16": 2048, "bfloat16": 256}


def softmax_cross_entropy(
    labels: Any,
    logits: Any,
    axis: int = -1,
    *,
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    ignore_class: int | None = None,
) -> tf.Tensor:
    """Cross-entropy of the softmax of the logits, in nats, one value per example.

    ``-sum_k w_k t_k ln softmax(z)_k`` with targets ``t = (1 - eps) y + eps / K`` (eps: label smoothing,
    Szegedy et al. 2016, arXiv 1512.00567, section 7) and class weights w. The logarithm is taken of the softmax's
    denominator, never of a probability. So it needs no epsilon (Goodfellow, Bengio & Courville, Deep Learning, section
    6.2.2.3). The gradient on the logits is the closed form ``sum(w t) softmax(z) - w t``. It is right also where labels
    or weights don't sum to one. A sum that is one but for rounding counts as one.

    Agrees with ``tf.nn.softmax_cross_entropy_with_logits``, its sparse sibling and PyTorch's
    ``cross_entropy(..., reduction="none")``. float16 and bfloat16 logits are computed, and the loss
    returned, in float32. A logit of -inf excludes its class: its probability is 0, and so is its gradient. If the
    targets weigh that class, as smoothed ones always do, the loss is infinite and the gradient that of the formula.
    +inf and NaN logits, and a row of -inf, give NaN. Targets that are all 0 give loss and gradient 0 whatever the
    logits.

    Args:
        labels: class ids, the shape of the logits without the class axis or with one of length 1. They may be
            floats, as Keras makes them. Or one-hot or soft labels, the shape of the logits.
        logits: (..., K, ...) unnormalised log-probabilities, floating point.
        axis: the class axis.
        label_smoothing: eps in [0, 1], the share of the uniform distribution in the targets.
        class_weight: K weights; None weighs all classes 1.
        ignore_class: a class id whose examples get loss and gradient 0; needs class ids. One that is neither this
            nor a whole number in [0, K) gives NaN, on every device.

    Returns:
        The losses, the shape of the logits without the class axis.

    Raises:
        TypeError: logits that are not floating point, or a mapping for class weights.
        ValueError: shapes that don't fit, where known when traced; both are named. An option out of its range.
            ``ignore_class`` with one-hot or soft labels. Logits without a class axis, with one class, of unknown
            rank, or out of a softmax or sigmoid.
        tf.errors.InvalidArgumentError: shapes unknown when traced turn out not to fit when the graph runs.

    Example:

    >>> softmax_cross_entropy([0], [[2.0, 1.0, 0.1]]).numpy()
    array([0.41703], dtype=float32)
    """
    _check_options(label_smoothing, class_weight)
    logits = float_logits(logits, axis)
    labels = ids_or_weights(labels, logits, axis)
    targets = dense_labels(labels, logits, axis, ignore_class)
    mass = None
    if label_smoothing:
        if class_weight is None:  # known without adding up K rounded terms
            mass = (1.0 - label_smoothing) * _mass(targets, axis) + label_smoothing
        num_classes = tf.cast(tf.shape(logits)[axis], logits.dtype)
        targets = (1.0 - label_smoothing) * targets + label_smoothing / num_classes
    if class_weight is not None:
        targets *= _along_axis(class_weight, logits, axis)
    losses = _cross_entropy(targets, logits, axis, mass)
    if ignore_class is None:
        return losses
    return tf.where(tf.equal(labels, ignore_class), tf.zeros_like(losses), losses)


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor, axis: int, mass: tf.Tensor | None) -> tf.Tensor:
    # The no_nan operations give 0 where the targets are 0, whatever the logits. One that is -inf, or shifted out of
    # range, then costs nothing. Targets that are all 0 have no derivative of any order.
    @tf.custom_gradient
    def forward(targets: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
        shifted = logits - tf.reduce_max(logits, axis=axis, keepdims=True)
        exp = tf.exp(shifted)
        partition = tf.reduce_sum(exp, axis=axis, keepdims=True)
        surprisal = tf.math.log(partition) - shifted
        losses = tf.reduce_sum(tf.math.multiply_no_nan(surprisal, targets), axis=axis)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            upstream = tf.expand_dims(upstream, axis)
            total = _mass(targets, axis) if mass is None else mass
            # One division per class rounds once where a product with 1 / partition rounds twice.
            expected = tf.math.divide_no_nan(exp, tf.math.divide_no_nan(partition, total))
            return upstream * surprisal, upstream * (expected - targets)

        return losses, gradient

    return forward(targets, logits)


def _mass(targets: tf.Tensor, axis: int) -> tf.Tensor:
    """The sum of the targets over the classes."""
    return _one_if_close(tf.reduce_sum(targets, axis=axis, keepdims=True))


@tf.custom_gradient
def _one_if_close(mass: tf.Tensor) -> Any:
    """One where a sum is one but for its rounding; the derivative is that of the sum everywhere.

    In float32, Dirichlet labels of up to 50,000 classes were seen to sum to one within 1.5 eps.
    """
    one = mass**0  # In a tf.vectorized_map, ones_like would lack the axis of the loop.
    # These two don't broadcast, unlike `abs`, `<` and `where`: for small batches that saves 2% of the whole loss.
    close = tf.raw_ops.ApproximateEqual(x=mass, y=one, tolerance=8 * np.finfo(mass.dtype.as_numpy_dtype).eps)
    return tf.raw_ops.Select(condition=close, x=one, y=mass), lambda upstream: upstream


def _check_options(label_smoothing: float, class_weight: Any) -> None:
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing}")
    if isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must list one weight per class in the order of the classes, got {class_weight}")
    if class_weight is not None and not tf.is_tensor(class_weight):
        weights = np.asarray(class_weight, np.float64)
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError(f"class_weight must be finite and 0 or more, got {class_weight}")


def _along_axis(class_weight: Any, logits: tf.Tensor, axis: int) -> tf.Tensor:
    weights = tf.convert_to_tensor(class_weight, dtype=logits.dtype)
    if weights.shape.rank != 1 or not weights.shape.is_compatible_with(logits.shape[axis : axis + 1 or None]):
        raise ValueError(
            f"class_weight needs one weight per class: class_weight {weights.shape}, logits {logits.shape}"
        )
    shape = [1] * logits.shape.rank
    shape[axis] = logits.shape[axis] or tf.shape(logits)[axis]  # not -1: a single weight would weigh every class
    return tf.reshape(weights, shape)


@keras.saving.register_keras_serializable(package="ce_harness")
class SoftmaxCrossEntropy(LogitLoss):
    """Softmax cross-entropy of labels and logits, in nats; formula and limits are `softmax_cross_entropy`'s.

    Call with labels and logits as that function takes them. `LogitLoss` says what holds for all losses here.

    Args:
        axis, label_smoothing, class_weight, ignore_class: as in `softmax_cross_entropy`.
        reduction, name: as in `keras.losses.Loss`. Every mean leaves out ignored and masked examples.
            ``"sum_over_batch_size"`` divides by the number of examples, whatever they weigh;
            ``"mean_with_sample_weight"`` divides by the sum of their weights, sample weight times the label's mean
            class weight: for class ids PyTorch's mean. An example without weight counts nowhere.
        dtype: as in `keras.losses.Loss`: labels and logits are rounded to it first, the losses last. More class ids
            than it holds exactly, 2048 in float16 and 256 in bfloat16, are refused.

    Raises:
        TypeError: a mapping for class weights.
        ValueError: an option out of its range.
        Called, it raises what `softmax_cross_entropy` does.

    Example:

    >>> model.compile("sgd", SoftmaxCrossEntropy(label_smoothing=0.1))
    """

    def __init__(
        self,
        axis: int = -1,
        label_smoothing: float = 0.0,
        class_weight: Sequence[float] | None = None,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "softmax_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(axis, reduction, name, dtype)
        _check_options(label_smoothing, class_weight)
        self.label_smoothing = label_smoothing
        self.class_weight = None if class_weight is None else [float(weight) for weight in class_weight]
        self.ignore_class = ignore_class

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tf.Tensor:
        logits = self._logits(y_pred)
        labels = ids_or_weights(y_true, logits, self.axis)
        if labels.shape.rank != logits.shape.rank:
            self._check_ids_are_exact(logits.shape[self.axis])
        mask = mask_of(y_pred)
        if mask is not None and labels.shape.rank != logits.shape.rank:
            labels = tf.where(mask, labels, 0)  # masked class ids are padding, perhaps no class at all
        weight = self._label_weight(labels, logits)
        if weight is not None and sample_weight is not None:
            weight *= tf.cast(self._weight_per_example(sample_weight, logits), weight.dtype)
        return super().__call__(labels, y_pred, sample_weight if weight is None else weight)

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        labels = ids_or_weights(y_true, y_pred, self.axis)
        losses = softmax_cross_entropy(
            labels,
            y_pred,
            self.axis,
            label_smoothing=self.label_smoothing,
            class_weight=self.class_weight,
            ignore_class=self.ignore_class,
        )
        weight = self._label_weight(labels, float_logits(y_pred, self.axis))
        if weight is not None:
            losses = tf.math.divide_no_nan(losses, weight)
        if self.ignore_class is not None:
            return with_mask(losses, tf.not_equal(labels, self.ignore_class))
        return losses

    def _check_ids_are_exact(self, num_classes: int | None) -> None:
        """Keras casts labels to the dtype of the loss."""
        largest = _LARGEST_IDS.get(self.dtype)
        if largest is not None and num_classes is not None and num_classes > largest:
            raise ValueError(
                f"{num_classes} class ids are not exact in {self.dtype}, which is so up to {largest}: take a loss of "
                "dtype='float32', or one-hot labels"
            )

    def _label_weight(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor | None:
        """The mean class weight of each label, where the reduction divides by it.

        Keras's weighted mean of the losses over these, each weighing as much as its label, is their sum over the sum
        of the labels' weights.
        """
        if self.class_weight is None or self.reduction != "mean_with_sample_weight":
            return None
        labels = dense_labels(labels, logits, self.axis, self.ignore_class)
        return tf.reduce_sum(labels * _along_axis(self.class_weight, logits, self.axis), axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "label_smoothing": self.label_smoothing,
            "class_weight": self.class_weight,
            "ignore_class": self.ignore_class,
        }
