"""From raw arrays to a Dataset: check, split, limit, scale. The same road for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ce_harness.datasets.augmentation import Augmentation
from ce_harness.datasets.checks import (
    Numbers,
    check_classes,
    check_every_class_is_trained,
    check_images,
    check_labels,
    check_options,
    numbered_classes,
)
from ce_harness.datasets.dataset import Dataset, Split, arrays_digest
from ce_harness.datasets.label_noise import with_label_noise
from ce_harness.datasets.pixel_range import white_of
from ce_harness.datasets.scaling import Scaling
from ce_harness.datasets.splits import hold_out, take
from ce_harness.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class RawImages:
    """Images and labels as a source gives them, not yet checked.

    Attributes:
        images: numbers of shape (N, H, W) or (N, H, W, C).
        labels: integers, (N,) or (N, 1), or one-hot rows, (N, K).
        source: what to call them in messages: a file, a folder.
        digest: SHA-256 of the images where it is known; they have then been checked before and are not read again.
    """

    images: Numbers
    labels: Numbers
    source: str
    digest: str | None = None

    def checked(self) -> RawImages:
        images = self.images if self.digest else check_images(self.images, f"the images of {self.source}")
        labels = check_labels(self.labels, f"the labels of {self.source}", num_images=len(images))
        return RawImages(images, labels, self.source, self.digest or arrays_digest({"images": images}))


@dataclass(frozen=True, eq=False)
class _Part:
    """Some of the examples of a source, by their positions in it."""

    raw: RawImages
    index: Numbers

    @property
    def labels(self) -> Numbers:
        return self.raw.labels[self.index]

    def __getitem__(self, positions: Numbers) -> _Part:
        return _Part(self.raw, self.index[positions])


def prepare(
    name: str,
    examples: RawImages,
    *,
    validation: RawImages | None = None,
    test: RawImages | None = None,
    class_names: Sequence[str] | None = None,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    split_seed: int = 0,
    label_noise: float = 0.0,
    limit: int | None = None,
    standardize: bool = False,
    augmentation: Mapping[str, object] | None = None,
    white: float | None = None,
) -> Dataset:
    """Makes a Dataset of raw images; every loader ends here and takes the options below.

    Args:
        name: short name of the data set.
        examples: what is split; all of it, or all but what the publishers have split off.
        validation: the publishers' own validation split, which stays that; None splits one off.
        test: their test set, likewise.
        class_names: the name of class ``k`` at position ``k``; None names the classes by their numbers.
        val_fraction: share of ``examples`` that becomes the validation split, where there is none.
        test_fraction: share of ``examples`` that becomes the test split, where there is none.
        split_seed: seed of the stratified splits and of the label noise, which depend on nothing else.
        label_noise: share of the training and of the validation labels that is replaced by another class; the test
            labels stay as they are.
        limit: keep at most this many examples of each split, for a quick look; None keeps all.
        standardize: bring each channel to mean 0 and standard deviation 1, as measured on the training split.
        augmentation: options of ``Augmentation``; None changes nothing.
        white: the pixel value that becomes 1; None is 255 for uint8 and 1 for others, if their range bears it out.

    Raises:
        ConfigError: an option outside what is allowed.
        DataError: data that can't be trained on.
    """
    check_options(
        split_seed=split_seed, label_noise=label_noise, limit=limit, standardize=standardize, white=white,
        val_fraction=val_fraction, test_fraction=test_fraction,
    )  # fmt: skip
    sources = [source.checked() for source in (examples, validation, test) if source is not None]
    if class_names is None:
        class_names = numbered_classes(sources[0].labels, examples.source)
    for source in sources:
        check_classes(source.labels, class_names, source.source)
        _check_same_shape(source, sources[0])
    white = white_of([(source.images, source.source) for source in sources], white, standardize=standardize)

    examples, *official = sources
    parts = _divided(
        _whole(examples),
        None if validation is None else _whole(official[0]),
        None if test is None else _whole(official[-1]),
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        seed=split_seed,
    )
    parts = [part[take(part.labels, limit=limit, seed=split_seed)] for part in parts]
    check_every_class_is_trained(parts[0].labels, class_names, examples.source)
    scaling = Scaling(white)
    if standardize:
        scaling = scaling.standardizing(parts[0].raw.images, parts[0].index, examples.source)

    def split(number: int, share: float) -> Split:
        part = parts[number]
        seed = (split_seed, number)
        labels = with_label_noise(part.labels, share=share, num_classes=len(class_names), seed=seed)
        return Split(part.raw.images, labels, part.index, scaling)

    return Dataset(
        name,
        split(0, label_noise),
        split(1, label_noise),
        split(2, 0.0),
        tuple(class_names),
        _source_digest(sources),
        _augmentation(augmentation),
    )


def _whole(raw: RawImages) -> _Part:
    return _Part(raw, np.arange(len(raw.labels)))


def _source_digest(sources: Sequence[RawImages]) -> str:
    return arrays_digest(
        {f"{source.digest} labels {position}": source.labels for position, source in enumerate(sources)}
    )


def _check_same_shape(one: RawImages, other: RawImages) -> None:
    if one.images.shape[1:] != other.images.shape[1:]:
        raise DataError(
            f"the images of {one.source} are {one.images.shape[1:]}, the others "
            f"{other.images.shape[1:]} (height, width, channels); they must be equal"
        )


def _divided(
    examples: _Part,
    validation: _Part | None,
    test: _Part | None,
    *,
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> list[_Part]:
    """Training, validation and test part; both fractions refer to all of ``examples``."""
    total = len(examples.index)

    def split_off(part: _Part, fraction: float, option: str) -> tuple[_Part, _Part]:
        rest, held_out = hold_out(
            part.labels, examples.raw.source, fraction=fraction, of=total, option=option, seed=seed
        )
        return part[rest], part[held_out]

    if test is None:
        examples, test = split_off(examples, test_fraction, "test_fraction")
    if validation is None:
        examples, validation = split_off(examples, val_fraction, "val_fraction")
    return [examples, validation, test]


def _augmentation(options: Mapping[str, object] | None) -> Augmentation | None:
    known = Augmentation.__dataclass_fields__
    for option in options or {}:
        if option not in known:
            raise ConfigError(f"dataset.augmentation has no option {option!r}; allowed: {', '.join(known)}")
    check_options(**{f"augmentation.{option}": value for option, value in (options or {}).items()})
    augmentation = Augmentation(**dict(options or {}))  # type: ignore[arg-type]  # checked above
    return None if augmentation == Augmentation() else augmentation
