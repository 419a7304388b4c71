"""Batches of a training split as a ``tf.data.Dataset``: shuffled anew, statelessly, in every epoch.

The one module of the package that imports TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ce_harness.datasets.augmentation import Augmentation
from ce_harness.datasets.checks import Numbers
from ce_harness.datasets.dataset import Split

# Two batches ahead hide the gather behind the training step; more, or a parallel map, gained nothing
# measurable.
_PREFETCHED_BATCHES = 2

# Of pixels held in memory, how many bytes are copied into a tensor. More stay where they are, since twice the data
# would be too much. Steps on so many are long enough to hide that Python gathers their batches.
_MOST_COPIED = 2**28

# With the prefetch fixed there is nothing to tune. The tuner's thread would hold up whoever lets go of an iterator
# until its next look, seconds later.
_OPTIONS = tf.data.Options()
_OPTIONS.autotune.enabled = False
# Nor is there anything to rewrite, for which TensorFlow would copy the data set once: .3 s for 54,000 images of 28x28.
_OPTIONS.experimental_optimization.apply_default_optimizations = False

# No control flow here depends on a tensor; AutoGraph would translate the source all the same, for .1 s.
_AS_WRITTEN = tf.autograph.experimental.do_not_convert


class TrainingBatches:
    """The shuffled batches of a training split, epoch after epoch.

    They are made on the host, ahead of the step. Or the examples are on a device. Then only positions come from the
    host, and `batch_of` makes the batches of them there, to the same bits.

    The order, and the augmentation, are functions of ``(seed, epoch)`` alone, so that training continued from
    epoch e sees what uninterrupted training would have seen.

    Args:
        split: the examples. Up to 256 MB of pixels in memory are copied into a tensor once. More, and pixels that are
            mapped from a file, are read batch by batch.
        batch_size: examples per batch; the last batch of an epoch holds what is left.
        num_classes: K, the length of the one-hot labels.
        seed: seed of the order and the augmentation.
        augmentation: random changes of the images; None for none.
        device: where the examples are kept, ``GPU:0``; None keeps them on the host.

    Attributes:
        steps_per_epoch: ``ceil(N / batch_size)``.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        num_classes: int,
        seed: int,
        augmentation: Augmentation | None = None,
        device: str | None = None,
    ):
        self._is_on_device = device is not None
        with tf.device(device or "CPU:0"):
            self._pixels = _pixels_of(split, copied=self._is_on_device or _is_small(split.pixels))
            self._labels = tf.constant(split.labels)
        self._scaling = split.scaling
        self._count = len(split)
        self._batch_size = batch_size
        self._num_classes = num_classes
        self._seed = seed
        self._augmentation = augmentation
        self.steps_per_epoch = math.ceil(len(split) / batch_size)

    def from_epoch(self, first: int) -> tf.data.Dataset:
        """What `batch_of` takes, batch after batch without end, beginning with those of epoch ``first`` (0-based).

        One iterator serves a whole training run: making one takes as long as dozens of steps on small data.
        """
        batches = tf.data.Dataset.counter(first).flat_map(self._indices)
        if not self._is_on_device:
            batches = batches.map(self._batch)
        return batches.prefetch(_PREFETCHED_BATCHES).with_options(_OPTIONS)

    def batch_of(self, element: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """A batch, of what `from_epoch` gives: images float32 (B, H, W, C) and one-hot labels float32 (B, K)."""
        return self._batch(*tf.nest.flatten(element)) if self._is_on_device else element

    @_AS_WRITTEN
    def _indices(self, epoch: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.constant(self._seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(self._count), seed=key, alg="philox")
        indices = tf.data.Dataset.from_tensor_slices(order).batch(self._batch_size)
        if self._augmentation is None:
            return indices
        flips, shifts = _draws(self._augmentation, self._count, key)
        return indices.map(lambda index: (index, tf.gather(flips, index), tf.gather(shifts, index)))

    @_AS_WRITTEN
    def _batch(
        self, index: tf.Tensor, flips: tf.Tensor | None = None, shifts: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images = self._scaled(self._pixels(index))
        if self._augmentation is not None:
            images = _flipped_and_shifted(images, flips, shifts, self._augmentation.shift)
        return images, tf.one_hot(tf.gather(self._labels, index), self._num_classes)

    def _scaled(self, pixels: tf.Tensor) -> tf.Tensor:
        """What ``Scaling`` does, to the same bits: it subtracts and divides in float64, and rounds after each."""
        images = tf.cast(pixels, tf.float32)
        if self._scaling.white != 1:
            images /= self._scaling.white
        if self._scaling.mean is not None:
            images = tf.cast(tf.cast(images, tf.float64) - self._scaling.mean, tf.float32)
            images = tf.cast(tf.cast(images, tf.float64) / self._scaling.deviation, tf.float32)
        return images


def _is_small(pixels: Numbers) -> bool:
    return not isinstance(pixels, np.memmap) and pixels.nbytes <= _MOST_COPIED


def _pixels_of(split: Split, copied: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    """What gathers the stored pixels of a batch, given positions in the split."""
    if copied:
        pixels = tf.constant(split.pixels[split.index])
        return lambda positions: tf.gather(pixels, positions)
    shape, dtype = split.pixels.shape[1:], tf.as_dtype(split.pixels.dtype)

    def gathered(positions: tf.Tensor) -> tf.Tensor:
        batch = tf.numpy_function(lambda at: split.pixels[split.index[at]], [positions], dtype, stateful=False)
        return tf.ensure_shape(batch, [None, *shape])

    return gathered


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
