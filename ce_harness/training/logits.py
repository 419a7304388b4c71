"""Logits all the way: a network that returns probabilities, or a loss that wants them, trains badly without a word."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ce_harness.errors import ConfigError
from ce_harness.losses.from_softmax import activation_behind, are_probabilities
from ce_harness.printable import reason


def refuse_activation(model: str, output: tf.Tensor) -> None:
    """Refuses a network by where its output comes from.

    Args:
        model: how the config names it, ``model=lenet5``.
        output: as traced by `tf.function`.

    Raises:
        ConfigError: it comes out of a softmax or a sigmoid.
    """
    activation = activation_behind(output)
    if activation is not None:
        raise ConfigError(_returns(model, activation))


def refuse_probabilities(model: str, output: np.ndarray) -> None:
    """Refuses a network by the values (N, K) that it gives.

    Raises:
        ConfigError: every row lies in [0, 1] and sums to 1; or the rows differ, are 0 or more, and have equal sums.
    """
    if are_probabilities(output):
        raise ConfigError(_returns(model, "softmax"))
    total = float(output[0].sum())
    if total > 0 and np.ptp(output, axis=0).any() and are_probabilities(output / total):
        raise ConfigError(_returns(model, f"softmax times {total:.3g}"))


def refuse_bounded(model: str, output: np.ndarray, of_huge_images: np.ndarray) -> None:
    """Refuses a network whose outputs stay within [0, 1], as those of a hard sigmoid or a sparsemax do.

    Small logits may lie there, too; those of images a thousand times as bright don't.

    Args:
        output: for some images, (N, K).
        of_huge_images: for the same, a thousand times as bright.

    Raises:
        ConfigError: all outputs lie within [0, 1], and depend on the images.
    """
    both = np.stack([output, of_huge_images])
    if both.min() >= 0 and both.max() <= 1 and np.ptp(both, axis=(0, 1)).any():
        raise ConfigError(_returns(model, "hard sigmoid or the like"))


def _returns(model: str, activation: str) -> str:
    return (
        f"{model}: its output comes out of a {activation}; a network must return logits, since the losses apply "
        "softmax themselves: leave the activation out"
    )


def refuse_loss_of_probabilities(loss: keras.Loss, name: str, num_classes: int) -> None:
    """Refuses a loss that is not a mean over the batch, ignores the labels, or does not pull the true class's logit up.

    A loss of probabilities clips where a logit is negative: no gradient is left, and the network is not trained on
    what is wrong. Others divide by a sum of logits, which turns the gradient around where that is negative.

    Args:
        name: how the config names it, ``loss=CategoricalCrossentropy``.

    Raises:
        ConfigError: it wants probabilities, or class ids in place of one-hot labels, ignores them, mixes the examples
            of a batch, or can't be computed.
    """
    labels = np.arange(2)
    one_hot = np.eye(num_classes, dtype=np.float32)[labels]
    follows_labels = False
    for of_others in ([[0.5], [0.25]], [[-1.25], [-1.75]]):
        values = np.where(one_hot, [[-1.0], [-1.5]], of_others).astype(np.float32)
        try:
            value, gradient = _with_gradient(loss, one_hot, values)
            _, of_other_labels = _with_gradient(loss, np.roll(one_hot, 1, axis=-1), values)
            alone = [float(loss(one_hot[i : i + 1], values[i : i + 1])) for i in labels]
        except Exception as error:  # whatever a loss of the user's own may raise
            raise ConfigError(
                f"{name}: it can't be computed from one-hot labels and logits of shape {one_hot.shape} "
                f"({reason(error)}){_instead(loss) or '; mend its call'}"
            ) from error
        of_true_class = None if gradient is None else tf.gather(gradient, labels, batch_dims=1).numpy()
        if of_true_class is None or not (of_true_class < 0).all() or _is_of_probabilities(loss):
            raise ConfigError(
                f"{name}: it does not raise the true class's logit where that is negative, as if it were given "
                f"probabilities; a loss gets logits here{_instead(loss) or ', so that it has to apply softmax itself'}"
            )
        follows_labels |= not np.array_equal(gradient, of_other_labels)  # type: ignore[arg-type]  # no None is left
        if not np.isclose(value, np.mean(alone), rtol=1e-3, equal_nan=True):
            raise ConfigError(
                f"{name}: of two examples it is {float(value):g}, of each alone {alone[0]:g} and {alone[1]:g}; it must "
                "be the mean of the examples' own losses, which the gradient norms rely on"
            )
    if not follows_labels:
        raise ConfigError(
            f"{name}: with other labels its gradient is the same, so that nothing is learned from them; it must depend "
            "on y_true"
        )


def _with_gradient(loss: keras.Loss, one_hot: np.ndarray, values: np.ndarray) -> tuple[tf.Tensor, tf.Tensor | None]:
    logits = tf.Variable(values)
    with tf.GradientTape() as tape:
        value = loss(one_hot, logits)
    return value, tape.gradient(value, logits)


def _instead(loss: keras.Loss) -> str:
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        return "; take loss=builtin_ce, which is the same on one-hot labels"
    if _options(loss).get("from_logits") is False:
        return "; add +loss.from_logits=true"
    return ""


def _is_of_probabilities(loss: keras.Loss) -> bool:
    """Whether it is one of Keras's own that says so."""
    return type(loss).__module__.startswith("keras.") and _options(loss).get("from_logits") is False


def _options(loss: keras.Loss) -> dict[str, Any]:
    try:
        return dict(loss.get_config())
    except Exception:  # a loss of the user's own need not be one that Keras can write down
        return {}
