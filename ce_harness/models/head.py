"""The last layer of every network."""

from __future__ import annotations

import keras
from keras import layers


def head(num_classes: int, stddev: float | None) -> layers.Dense:
    """The classifier head, in float32 whatever the precision of the rest.

    Args:
        stddev: the kernel is drawn from N(0, stddev^2). A small one (0.01) starts from uniform predictions, a large
            one (4.0) from confidently wrong ones. None is Keras's default.
    """
    kernel = "glorot_uniform" if stddev is None else keras.initializers.RandomNormal(0.0, stddev)
    return layers.Dense(num_classes, kernel_initializer=kernel, dtype="float32", name="head")
