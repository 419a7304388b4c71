"""From raw arrays to a Dataset: check, split, limit, scale. The same road for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ce_harness.datasets.augmentation import Augmentation
from ce_harness.datasets.checks import (
    check_classes,
    check_every_class_is_trained,
    check_images,
    check_labels,
    numbered_classes,
)
from ce_harness.datasets.dataset import Dataset, Split, arrays_digest
from ce_harness.datasets.splits import hold_out, take
from ce_harness.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class RawImages:
    """Images and labels as a source gives them, not yet checked.

    Attributes:
        images: uint8 or floating point, (N, H, W) or (N, H, W, C).
        labels: integers, (N,).
        source: what to call them in messages: a file, a folder.
    """

    images: np.ndarray
    labels: np.ndarray
    source: str

    def checked(self) -> RawImages:
        images = check_images(self.images, f"the images of {self.source}")
        labels = check_labels(self.labels, f"the labels of {self.source}", num_images=len(images))
        return RawImages(images, labels, self.source)


@dataclass(frozen=True, eq=False)
class _Part:
    """Some of the examples of a source, by their positions in it."""

    raw: RawImages
    index: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        return self.raw.labels[self.index]

    def __getitem__(self, positions: np.ndarray) -> _Part:
        return _Part(self.raw, self.index[positions])


def prepare(
    name: str,
    examples: RawImages,
    official_test: RawImages | None,
    class_names: Sequence[str] | None,
    *,
    val_fraction: float,
    test_fraction: float | None = None,
    split_seed: int = 0,
    limit: int | None = None,
    standardize: bool = False,
    augmentation: Mapping[str, object] | None = None,
    white: float = 255.0,
) -> Dataset:
    """Makes a Dataset of raw images; every loader ends here and takes the options below.

    Args:
        name: short name of the data set.
        examples: what is split; all of it, or all but an official test set.
        official_test: the test set of the publishers, which stays the test set; None splits one off.
        class_names: the name of class ``k`` at position ``k``; None names the classes by their numbers.
        val_fraction: share of ``examples`` that becomes the validation split.
        test_fraction: share of ``examples`` that becomes the test split; None with an official test set.
        split_seed: seed of the stratified splits, which depend on nothing else.
        limit: keep at most this many examples of each split, for a quick look; None keeps all.
        standardize: bring each channel to mean 0 and standard deviation 1, as measured on the training split.
        augmentation: options of ``Augmentation``; None changes nothing.
        white: the pixel value that becomes 1, for uint8 images and for digits; floating-point images of a
            user's own are taken as they are.

    Raises:
        ConfigError: an option outside what is allowed.
        DataError: data that can't be trained on.
    """
    if isinstance(split_seed, bool) or not isinstance(split_seed, int) or not 0 <= split_seed < 2**32:
        raise ConfigError(f"dataset.split_seed is {split_seed!r}; allowed: a whole number from 0 to 2**32 - 1")
    if official_test is not None and test_fraction is not None:
        raise ConfigError(
            f"dataset.test_fraction is {test_fraction!r}, but {name} has a test set of its own; leave it out"
        )
    examples = examples.checked()
    if class_names is None:
        class_names = numbered_classes(examples.labels, examples.source)
    check_classes(examples.labels, class_names, examples.source)
    if official_test is not None:
        official_test = official_test.checked()
        check_classes(official_test.labels, class_names, official_test.source)
        _check_same_shape(official_test, examples)

    parts = _divided(examples, official_test, val_fraction, test_fraction, split_seed)
    parts = [part[take(part.labels, limit=limit, seed=split_seed)] for part in parts]
    check_every_class_is_trained(parts[0].labels, class_names, examples.source)

    splits = [Split(_scaled(part.raw.images[part.index], white), part.labels, part.index) for part in parts]
    if standardize:
        _standardize(splits, examples.source)
    return Dataset(
        name, *splits, tuple(class_names), _source_digest(examples, official_test), _augmentation(augmentation)
    )


def _source_digest(examples: RawImages, official_test: RawImages | None) -> str:
    sources = {"examples": examples, "official_test": official_test}
    return arrays_digest(
        {
            f"{name}/{kind}": array
            for name, raw in sources.items()
            if raw is not None
            for kind, array in (("images", raw.images), ("labels", raw.labels))
        }
    )


def _check_same_shape(test: RawImages, examples: RawImages) -> None:
    if test.images.shape[1:] != examples.images.shape[1:]:
        raise DataError(
            f"the images of {test.source} are {test.images.shape[1:]}, the others "
            f"{examples.images.shape[1:]} (height, width, channels); they must be equal"
        )


def _divided(
    examples: RawImages,
    official_test: RawImages | None,
    val_fraction: float,
    test_fraction: float | None,
    seed: int,
) -> list[_Part]:
    """Training, validation and test part; both fractions refer to all of ``examples``."""
    everything = _Part(examples, np.arange(len(examples.labels)))

    def split_off(part: _Part, fraction: float | None, option: str) -> tuple[_Part, _Part]:
        rest, held_out = hold_out(
            part.labels, examples.source, fraction=fraction, of=len(everything.index), option=option, seed=seed
        )
        return part[rest], part[held_out]

    if official_test is None:
        rest, test = split_off(everything, test_fraction, "test_fraction")
    else:
        rest, test = everything, _Part(official_test, np.arange(len(official_test.labels)))
    train, validation = split_off(rest, val_fraction, "val_fraction")
    return [train, validation, test]


def _scaled(images: np.ndarray, white: float) -> np.ndarray:
    if images.dtype == np.uint8:
        return np.divide(images, white, dtype=np.float32)
    return images.astype(np.float32)


def _standardize(splits: Sequence[Split], source: str) -> None:
    """Shifts and scales all splits, in place, by the mean and deviation of the first."""
    train = splits[0].images
    constant = train.min(axis=(0, 1, 2)) == train.max(axis=(0, 1, 2))
    if constant.any():
        channel = int(np.argmax(constant))
        raise DataError(
            f"channel {channel} of the training images of {source} is constant, so it has no standard "
            "deviation to divide by; set dataset.standardize=false or drop the channel"
        )
    mean = train.mean(axis=(0, 1, 2), dtype=np.float64)
    deviation = train.std(axis=(0, 1, 2), dtype=np.float64)
    for split in splits:
        np.subtract(split.images, mean, out=split.images, casting="same_kind")
        np.divide(split.images, deviation, out=split.images, casting="same_kind")


def _augmentation(options: Mapping[str, object] | None) -> Augmentation | None:
    known = Augmentation.__dataclass_fields__
    for option in options or {}:
        if option not in known:
            raise ConfigError(f"dataset.augmentation has no option {option!r}; allowed: {', '.join(known)}")
    augmentation = Augmentation(**options or {})
    return None if augmentation == Augmentation() else augmentation
