"""Logits all the way: a network that returns probabilities, or a loss that wants them, trains badly without a word."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ce_harness.errors import ConfigError
from ce_harness.losses.from_softmax import activation_behind, are_probabilities


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
        ConfigError: every row lies in [0, 1] and sums to 1.
    """
    if are_probabilities(output):
        raise ConfigError(_returns(model, "softmax"))


def _returns(model: str, activation: str) -> str:
    return (
        f"{model}: its output comes out of a {activation}; a network must return logits, since the losses apply "
        "softmax themselves: leave the activation out"
    )


def refuse_loss_of_probabilities(loss: keras.Loss, name: str, num_classes: int) -> None:
    """Refuses a loss that does not pull the true class's logit up where that logit is negative.

    A loss of probabilities clips there: no gradient is left, and the network is not trained on what is wrong.

    Args:
        name: how the config names it, ``loss=CategoricalCrossentropy``.

    Raises:
        ConfigError: it wants probabilities, or class ids in place of one-hot labels, or can't be computed.
    """
    labels = np.arange(2)
    one_hot = np.eye(num_classes, dtype=np.float32)[labels]
    logits = tf.Variable(np.where(one_hot, [[-1.0], [-1.5]], [[0.5], [0.25]]).astype(np.float32))
    try:
        with tf.GradientTape() as tape:
            value = loss(one_hot, logits)
        gradient = tape.gradient(value, logits)
    except Exception as error:  # whatever a loss of the user's own may raise
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{name}: it can't be computed from one-hot labels and logits of shape {tuple(one_hot.shape)} ({reason}); "
            f"the labels are one-hot here{_instead(loss)}"
        ) from error
    of_true_class = None if gradient is None else tf.gather(gradient, labels, batch_dims=1).numpy()
    if of_true_class is None or not (of_true_class < 0).all():
        raise ConfigError(
            f"{name}: it does not raise the true class's logit where that is negative, as if it were given "
            f"probabilities; a loss gets logits here{_instead(loss)}"
        )


def _instead(loss: keras.Loss) -> str:
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        return "; take loss=builtin_ce, which is the same on one-hot labels"
    if loss.get_config().get("from_logits") is False:
        return "; add +loss.from_logits=true"
    return ", so that it has to apply softmax itself"
