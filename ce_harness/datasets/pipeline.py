"""Batches of a training split as a ``tf.data.Dataset``: in memory, shuffled anew, statelessly, in every
epoch.

The one module of the package that imports TensorFlow.
"""

from __future__ import annotations

import math

import tensorflow as tf

from ce_harness.datasets.augmentation import Augmentation
from ce_harness.datasets.dataset import Split

# Two batches ahead hide the gather behind the training step; more, or a parallel map, gained nothing
# measurable.
_PREFETCHED_BATCHES = 2


def training_batches(
    split: Split,
    *,
    batch_size: int,
    num_classes: int,
    seed: int,
    epoch: tf.Variable | int,
    augmentation: Augmentation | None = None,
) -> tf.data.Dataset:
    """One epoch of shuffled batches each time it is iterated over.

    The order, and the augmentation, are functions of ``(seed, epoch)`` alone, so that training continued from
    epoch e sees what uninterrupted training would have seen. With a variable, a callback that sets it at the
    beginning of each epoch makes a plain ``fit(batches, initial_epoch=e)`` do so: the variable is read when
    the first batch of a pass is asked for.

    Args:
        split: the examples; copied into tensors once.
        batch_size: examples per batch; the last batch of an epoch holds what is left.
        num_classes: K, the length of the one-hot labels.
        seed: seed of the order and the augmentation.
        epoch: number of the epoch, as a scalar int64 variable or, for a single pass, an int.
        augmentation: random changes of the images; None for none.

    Returns:
        ``ceil(N / batch_size)`` batches, a known cardinality, of images float32 (B, H, W, C) and one-hot
        labels float32 (B, K).
    """
    # The functions below must not hold the split: its arrays are freed when the caller lets go of them.
    images, labels, count = tf.constant(split.images), tf.constant(split.labels), len(split)

    def epoch_of_indices(epoch_number: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.constant(seed, tf.int64), epoch_number])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=key, alg="philox")
        indices = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
        if augmentation is None:
            return indices
        flips, shifts = _draws(augmentation, count, key)
        return indices.map(lambda index: (index, tf.gather(flips, index), tf.gather(shifts, index)))

    def batch(index: tf.Tensor, flips: tf.Tensor | None = None, shifts: tf.Tensor | None = None):
        pixels = tf.gather(images, index)
        if augmentation is not None:
            pixels = _flipped_and_shifted(pixels, flips, shifts, augmentation.shift)
        return pixels, tf.one_hot(tf.gather(labels, index), num_classes)

    return (
        tf.data.Dataset.from_tensors(0)
        .map(lambda _: tf.convert_to_tensor(epoch, tf.int64))
        .flat_map(epoch_of_indices)
        .map(batch)
        .apply(tf.data.experimental.assert_cardinality(math.ceil(count / batch_size)))
        .prefetch(_PREFETCHED_BATCHES)
    )


def _draws(augmentation: Augmentation, count: int, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Every example's flip, bool (N,), and shift in pixels down and right, int32 (N, 2), for one epoch.

    Drawn for all examples in their stored order, so that an example's draw does not depend on its place in
    the shuffled epoch. The keys differ from the shuffle's, which would otherwise use the same random numbers.
    """
    flip_key, shift_key = tf.unstack(tf.random.split(key, 2, alg="philox"))
    flips = tf.random.stateless_uniform([count], flip_key, 0, 2, tf.int32, alg="philox") == 1
    if not augmentation.horizontal_flip:
        flips = tf.zeros_like(flips)
    reach = augmentation.shift
    return flips, tf.random.stateless_uniform([count, 2], shift_key, -reach, reach + 1, tf.int32, alg="philox")


def _flipped_and_shifted(images: tf.Tensor, flips: tf.Tensor, shifts: tf.Tensor, reach: int) -> tf.Tensor:
    """Mirrors the chosen images, then moves each by its shift; what comes in at the edges is 0."""
    height, width = images.shape[1:3]
    padded = tf.pad(images, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    rows = tf.range(height) + reach - shifts[:, :1]
    columns = tf.range(width) + reach - shifts[:, 1:]
    columns = tf.where(flips[:, tf.newaxis], width - 1 + 2 * reach - columns, columns)
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
