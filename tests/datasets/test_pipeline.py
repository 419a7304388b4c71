"""Training batches: complete, ordered by (seed, epoch) alone, exact under Keras's fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ce_harness.datasets import Split, pipeline
from ce_harness.datasets.augmentation import Augmentation
from ce_harness.datasets.pipeline import TrainingBatches
from ce_harness.datasets.scaling import Scaling
from ce_harness.training.gradient_monitor import GradientMonitor

N, BATCH, K = 23, 4, 3


def numbered(n=N, shape=(2, 2, 1)):
    """Images filled with their own number, so that an order can be read off them."""
    images = np.broadcast_to(np.arange(n, dtype=np.float32).reshape(-1, 1, 1, 1), (n, *shape))
    return Split(images.copy(), np.arange(n) % K, np.arange(n))


def batches(seed=7):
    return TrainingBatches(numbered(), batch_size=BATCH, num_classes=K, seed=seed)


def epoch_of(batches, number):
    """The batches of one epoch."""
    return batches.from_epoch(number).take(batches.steps_per_epoch)


def order_of(dataset):
    return [int(image[0, 0, 0]) for images, _ in dataset for image in images.numpy()]


def test_an_epoch_holds_every_example_once_with_its_own_label():
    assert batches().steps_per_epoch == 6
    dataset = epoch_of(batches(), 0)
    sizes = []
    for images, one_hot in dataset:
        sizes.append(len(images))
        assert images.dtype == one_hot.dtype == tf.float32
        np.testing.assert_array_equal(one_hot.numpy().argmax(axis=1), images[:, 0, 0, 0].numpy() % K)
        np.testing.assert_array_equal(one_hot.numpy().sum(axis=1), 1)
    assert sizes == [4, 4, 4, 4, 4, 3]
    assert sorted(order_of(dataset)) == list(range(N))


def test_the_order_is_the_stateless_shuffle_of_seed_and_epoch():
    expected = tf.random.experimental.stateless_shuffle(tf.range(N), seed=[7, 3], alg="philox")
    assert order_of(epoch_of(batches(), 3)) == expected.numpy().tolist()
    assert order_of(epoch_of(batches(), 4)) != expected.numpy().tolist()
    assert order_of(epoch_of(batches(seed=8), 3)) != expected.numpy().tolist()


def test_the_order_does_not_follow_the_global_seed():
    tf.random.set_seed(1)
    first = order_of(epoch_of(batches(), 0))
    tf.random.set_seed(2)
    assert order_of(epoch_of(batches(), 0)) == first


class Recorder(GradientMonitor):
    """Writes down the first pixel of every example it is trained on."""

    def __init__(self, slots, steps_per_epoch):
        super().__init__(keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()]), steps_per_epoch)
        self.seen = tf.Variable(tf.fill([slots], -1.0), trainable=False)
        self.position = tf.Variable(0, trainable=False)

    def train_step(self, data):
        images, _ = data
        size = tf.shape(images)[0]
        at = self.position + tf.range(size)
        self.seen.scatter_nd_update(at[:, tf.newaxis], images[:, 0, 0, 0])
        self.position.assign_add(size)
        self._step.assign_add(1)


@pytest.mark.parametrize("steps_per_execution", [1, 4, 50])
def test_fit_sees_the_promised_order_whatever_epoch_it_starts_from(steps_per_execution):
    dataset = batches()

    def orders(initial_epoch, epochs):
        model = Recorder((epochs - initial_epoch) * N, dataset.steps_per_epoch)
        model.compile(steps_per_execution=steps_per_execution)
        model.fit(
            dataset.from_epoch(initial_epoch),
            initial_epoch=initial_epoch,
            epochs=epochs,
            steps_per_epoch=dataset.steps_per_epoch,
            shuffle=False,
            verbose=0,
        )
        return model.seen.numpy().astype(int).reshape(-1, N).tolist()

    uninterrupted = orders(0, 4)
    assert uninterrupted == [order_of(epoch_of(dataset, number)) for number in range(4)]
    assert orders(2, 4) == uninterrupted[2:]


def gradient_images(n=40, side=5):
    """Images without symmetry or zeros, all equal: row and column can be read off every pixel."""
    image = 1 + np.arange(side * side, dtype=np.float32).reshape(1, side, side, 1)
    return np.repeat(image, n, axis=0)


def augmented(images, epoch=0, **options):
    split = Split(images, np.zeros(len(images), np.int64), np.arange(len(images)))
    batches = TrainingBatches(split, **{"batch_size": 16, "num_classes": 2, "seed": 0} | options)
    return np.concatenate([batch.numpy() for batch, _ in epoch_of(batches, epoch)])


def test_flips_mirror_about_half_of_the_images():
    images = gradient_images(200)
    result = augmented(images, augmentation=Augmentation(horizontal_flip=True))
    kept = (result == images[:1]).all(axis=(1, 2, 3))
    mirrored = (result == images[:1, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ mirrored).all()
    assert 70 < mirrored.sum() < 130


def test_shifts_move_by_up_to_the_reach_and_bring_in_zeros():
    images = gradient_images(200)
    result = augmented(images, augmentation=Augmentation(shift=1))
    padded = np.pad(images[0], ((1, 1), (1, 1), (0, 0)))
    windows = [padded[y : y + 5, x : x + 5] for y in range(3) for x in range(3)]
    matches = np.array([[np.array_equal(image, window) for window in windows] for image in result])
    assert (matches.sum(axis=1) == 1).all()
    assert (matches.sum(axis=0) > 5).all()


def test_an_examples_augmentation_does_not_depend_on_its_place_in_the_epoch():
    images = gradient_images() + 100 * np.arange(40, dtype=np.float32).reshape(-1, 1, 1, 1)
    options = Augmentation(horizontal_flip=True, shift=2)

    def by_example(**arguments):
        result = augmented(images, augmentation=options, **arguments)
        return {int(image[2, 2, 0]) // 100: image for image in result}

    whole, small = by_example(batch_size=40), by_example(batch_size=3)
    assert len(whole) == 40
    assert all(np.array_equal(whole[k], small[k]) for k in whole)
    other = by_example(epoch=1)
    assert not all(np.array_equal(whole[k], other[k]) for k in whole)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("white", [16, 255])
def test_a_batch_holds_the_very_bits_that_scaling_with_numpy_gives(white, standardize):
    """All 256 values, in float32: a division that TensorFlow made a multiplication would show."""
    pixels = np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1)
    index = np.arange(256)
    scaling = Scaling(white)
    if standardize:
        scaling = scaling.standardizing(pixels, index, "x")
    split = Split(pixels, index % K, index, scaling)
    dataset = TrainingBatches(split, batch_size=256, num_classes=K, seed=0)
    images, _ = next(iter(dataset.from_epoch(0)))
    expected = pixels / np.float32(white)
    if standardize:
        expected = (expected - expected.mean(dtype=np.float64)).astype(np.float32)
        expected = (expected / (pixels / np.float32(white)).std(dtype=np.float64)).astype(np.float32)
    np.testing.assert_array_equal(np.sort(images.numpy(), axis=0), expected)
    np.testing.assert_array_equal(split.images, expected)


def test_pixels_mapped_from_a_file_or_too_many_to_copy_give_the_batches_of_a_few(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, size=(40, 3, 2, 1), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    index = np.random.default_rng(1).permutation(40)[:N]

    def batches_of(source):
        split = Split(source, index % K, index, Scaling(255.0))
        return list(epoch_of(TrainingBatches(split, batch_size=BATCH, num_classes=K, seed=7), 2))

    few = batches_of(pixels)
    monkeypatch.setattr(pipeline, "_MOST_COPIED", 0)
    for others in (batches_of(mapped), batches_of(pixels)):
        for (images, labels), (other_images, other_labels) in zip(few, others, strict=True):
            np.testing.assert_array_equal(images, other_images)
            np.testing.assert_array_equal(labels, other_labels)


@pytest.mark.parametrize("augmentation", [None, Augmentation(horizontal_flip=True, shift=1)])
def test_examples_on_a_device_give_the_batches_that_are_made_on_the_host(augmentation):
    """Only positions come from the host then; on a CPU the device is the host's own memory."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(40, 3, 2, 1), dtype=np.uint8)
    index = np.random.default_rng(1).permutation(40)[:N]
    scaling = Scaling(255.0).standardizing(pixels, index, "x")
    split = Split(pixels, index % K, index, scaling)
    options = {"batch_size": BATCH, "num_classes": K, "seed": 7, "augmentation": augmentation}
    on_host, on_device = (TrainingBatches(split, **options, device=device) for device in (None, "CPU:0"))
    kept = epoch_of(on_device, 2)
    numbers_per_example = sum(int(tf.size(part)) for element in kept for part in tf.nest.flatten(element)) / N
    assert numbers_per_example == (1 if augmentation is None else 4)  # position, flip, two shifts
    for made, element in zip(epoch_of(on_host, 2), kept, strict=True):
        for expected, tensor in zip(made, on_device.batch_of(element), strict=True):
            np.testing.assert_array_equal(expected, tensor)
