"""Splits, limits, scaling and identity, on digits and on small arrays."""

import re
import subprocess
import sys

import numpy as np
import pytest

from ce_harness import datasets
from ce_harness.datasets.preparation import RawImages, prepare
from ce_harness.errors import ConfigError, DataError


def coloured(n=60, classes=3):
    """uint8 images of unequal channels, and labels 0, 1, 2, 0, 1, 2, ..."""
    images = np.random.default_rng(0).integers(0, 200, size=(n, 4, 5, 3), dtype=np.uint8)
    images[..., 1] += 50
    return RawImages(images, np.arange(n) % classes, "example")


def prepared(examples=None, **options):
    options = {"val_fraction": 0.2, "test_fraction": 0.2, "class_names": "abc"} | options
    return prepare("example", examples or coloured(), **options)


def test_digits_come_in_the_documented_shapes():
    digits = datasets.digits()
    assert [len(split) for split in digits.splits.values()] == [1077, 270, 450]
    assert digits.input_shape == (8, 8, 1)
    assert digits.num_classes == 10
    assert digits.train.images.dtype == np.float32
    assert digits.train.labels.dtype == np.int64
    assert (digits.train.images.min(), digits.train.images.max()) == (0.0, 1.0)


def test_the_splits_of_digits_share_no_example_and_miss_none():
    from sklearn.datasets import load_digits

    everything = sorted(image.tobytes() for image in (load_digits().images / 16).astype(np.float32))
    parts = datasets.digits().splits.values()
    assert sorted(image.tobytes() for split in parts for image in split.images) == everything


def test_the_splits_are_stratified():
    balanced = prepared().class_counts
    assert balanced == {
        "train": {"a": 12, "b": 12, "c": 12},
        "validation": {"a": 4, "b": 4, "c": 4},
        "test": {"a": 4, "b": 4, "c": 4},
    }


def test_the_digest_names_the_data_and_the_split():
    digest = datasets.digits().digest
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert datasets.digits().digest == digest
    assert datasets.digits(split_seed=1).digest != digest
    assert datasets.digits(limit=100).digest != digest
    assert datasets.digits(standardize=True).digest != digest


def test_another_process_gets_the_same_digest_without_tensorflow():
    program = (
        "import sys; from ce_harness import datasets; print(datasets.digits().digest, 'tensorflow' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.split() == [datasets.digits().digest, "False"]


def test_an_official_test_set_stays_the_test_set():
    official = coloured(9)
    dataset = prepared(test=official)
    np.testing.assert_array_equal(dataset.test.images, official.images / np.float32(255))
    np.testing.assert_array_equal(dataset.test.labels, official.labels)
    assert (len(dataset.train), len(dataset.validation)) == (48, 12)


def test_each_example_knows_its_place_in_the_source():
    raw, official = coloured(), coloured(9)
    dataset = prepared(raw, test=official, limit=7)
    for split, source in ((dataset.train, raw), (dataset.validation, raw), (dataset.test, official)):
        np.testing.assert_array_equal(split.images, source.images[split.index] / np.float32(255))
        np.testing.assert_array_equal(split.labels, source.labels[split.index])


def test_the_source_digest_is_that_of_the_data_before_anything_is_split_off():
    digest = datasets.digits().source_digest
    for options in ({"split_seed": 1}, {"limit": 100}, {"standardize": True}, {"val_fraction": 0.3}):
        assert datasets.digits(**options).source_digest == digest
    raw = coloured()
    other = raw.images.copy()
    other[0, 0, 0] += 1
    assert prepared().source_digest != prepared(RawImages(other, raw.labels, "example")).source_digest
    assert prepared().source_digest != prepared(test=coloured(9)).source_digest


def test_limit_keeps_the_class_proportions_of_each_split():
    dataset = prepared(limit=6)
    for counts in dataset.class_counts.values():
        assert counts == {"a": 2, "b": 2, "c": 2}


def test_limit_larger_than_a_split_keeps_all_of_it():
    counts = {name: len(split) for name, split in prepared(limit=13).splits.items()}
    assert counts == {"train": 13, "validation": 12, "test": 12}


def test_standardize_measures_the_training_split_only():
    dataset = prepared(standardize=True)
    np.testing.assert_allclose(dataset.train.images.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(dataset.train.images.std(axis=(0, 1, 2)), 1, atol=1e-6)
    raw = prepared()
    mean, deviation = raw.train.images.mean(axis=(0, 1, 2)), raw.train.images.std(axis=(0, 1, 2))
    np.testing.assert_allclose(dataset.test.images, (raw.test.images - mean) / deviation, atol=1e-5)


def test_floating_point_images_are_taken_as_they_are():
    raw = coloured()
    signed = raw.images / 128 - 0.5
    dataset = prepared(RawImages(signed, raw.labels, "example"))
    assert dataset.train.images.min() == np.float32(signed.min())
    assert dataset.train.images.dtype == np.float32


def test_augmentation_is_carried_along_and_none_when_it_does_nothing():
    assert prepared(augmentation={"horizontal_flip": True, "shift": 4}).augmentation.shift == 4
    assert prepared(augmentation={"horizontal_flip": False, "shift": 0}).augmentation is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_fraction": 0.0}, "dataset.val_fraction=0.0: allowed is a finite number above 0 and below 1"),
        ({"val_fraction": "half"}, "val_fraction=half"),
        ({"val_fraction": 0.01}, "val_fraction=0.01 asks for 1 of 48 examples; both parts need at least 3"),
        ({"test_fraction": 0.99}, "test_fraction=0.99 asks for 60 of 60 examples"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "val_fraction=0.5 asks for 30 of 30 examples"),
        ({"split_seed": -1}, "split_seed=-1: allowed is a whole number from 0"),
        ({"limit": 0}, "limit=0: allowed is a whole number of at least 1, or null"),
        ({"augmentation": {"mixup": True}}, "no option 'mixup'; allowed: horizontal_flip, shift"),
        ({"augmentation": {"shift": -1}}, "dataset.augmentation.shift=-1: allowed is a whole number of at least 0"),
        ({"augmentation": {"horizontal_flip": "yes"}}, "horizontal_flip=yes: allowed is true or false"),
        ({"label_noise": 1.0}, "dataset.label_noise=1.0: allowed is a finite number at least 0 and below 1"),
    ],
)
def test_refuses_options_that_make_no_sense(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as refusal:
        prepared(**options)
    assert "\n" not in str(refusal.value)


def test_a_validation_split_of_its_own_stays_that():
    own, official = coloured(12), coloured(9)
    dataset = prepared(validation=own, test=official)
    np.testing.assert_array_equal(dataset.validation.images, own.images / np.float32(255))
    assert [len(split) for split in dataset.splits.values()] == [60, 12, 9]
    assert [len(split) for split in prepared(validation=own).splits.values()] == [48, 12, 12]


def test_refuses_a_limit_that_leaves_a_class_untrained():
    with pytest.raises(DataError, match="no training example of class"):
        prepared(limit=2)


def test_refuses_a_test_set_of_another_image_size():
    small = RawImages(coloured(9).images[:, :2], coloured(9).labels, "its test set")
    with pytest.raises(DataError, match=re.escape("the images of its test set are (2, 5, 3)")):
        prepared(test=small)


def test_refuses_to_standardize_a_constant_channel():
    raw = coloured()
    raw.images[..., 2] = 7
    with pytest.raises(DataError, match=r"channel 2 of the training images of example is constant"):
        prepared(raw, standardize=True)
