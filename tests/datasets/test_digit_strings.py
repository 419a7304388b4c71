"""Strings of digits: what they show, what class that is, and that splits share no image."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ce_harness import datasets
from ce_harness.errors import ConfigError


def source_images(split):
    """The positions in scikit-learn's data of every digit shown, (N, m)."""
    position = {image.tobytes(): k for k, image in enumerate(load_digits().images.astype(np.uint8))}
    strings = split.pixels[split.index][..., 0]
    digits = strings.reshape(len(strings), 8, -1, 8).swapaxes(1, 2)
    return np.array([[position[image.tobytes()] for image in string] for string in digits])


def test_a_string_shows_the_number_that_its_class_names():
    dataset = datasets.digit_strings(length=3, count=2000)
    assert dataset.input_shape == (8, 24, 1)
    assert dataset.class_names[:2] == ("000", "001")
    assert dataset.num_classes == 1000
    for split in dataset.splits.values():
        shown = load_digits().target[source_images(split)] @ [100, 10, 1]
        np.testing.assert_array_equal(shown, split.labels)
    assert dataset.train.images.max() == 1


def test_no_two_splits_share_an_image_of_a_digit():
    used = [set(source_images(split).ravel()) for split in datasets.digit_strings().splits.values()]
    assert sum(map(len, used)) == len(set.union(*used))


@pytest.mark.parametrize(("num_classes", "last"), [(2, "50-99"), (5, "80-99"), (10, "90-99"), (100, "99")])
def test_fewer_classes_are_groups_of_numbers_on_the_same_pixels(num_classes, last):
    grouped = datasets.digit_strings(num_classes=num_classes, count=1000)
    numbers = datasets.digit_strings(count=1000)
    assert grouped.class_names[-1] == last
    np.testing.assert_array_equal(grouped.train.images, numbers.train.images)
    np.testing.assert_array_equal(grouped.train.labels, numbers.train.labels * num_classes // 100)
    assert set(grouped.class_counts["train"].values()) == {600 // num_classes}


def test_strings_follow_the_seed_of_the_split():
    digests = {datasets.digit_strings(split_seed=seed, count=500).digest for seed in (1, 1, 2)}
    assert len(digests) == 2


def test_refuses_a_number_of_classes_that_makes_unequal_groups():
    with pytest.raises(ConfigError, match=re.escape("num_classes=3: allowed is a divisor of the 100 numbers")):
        datasets.digit_strings(num_classes=3)
