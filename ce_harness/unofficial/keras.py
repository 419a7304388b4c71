"""Of Keras: what it notes on a tensor for its own losses. It has no public way to read it.

A mask says which steps count, and is left by layers such as `Embedding(mask_zero=True)`. Logits are left by Keras's
softmax and sigmoid activations, on the probabilities that they return.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def mask_of(tensor: Any) -> tf.Tensor | None:
    """The mask that Keras left on a tensor, True where a step counts; None without one."""
    return getattr(tensor, "_keras_mask", None)


def with_mask(losses: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The losses, marked so that Keras leaves the others out when it reduces them."""
    losses._keras_mask = mask
    return losses


def has_logits(tensor: Any) -> bool:
    """Whether Keras left the logits of an activation on its output."""
    return getattr(tensor, "_keras_logits", None) is not None
