"""Refusals of data that would train silently wrong. Every message is one line: what, the value, the mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ce_harness.config.schema import KEYS_OF_BUILT_IN_PARTS
from ce_harness.errors import ConfigError, DataError

Numbers: TypeAlias = NDArray[Any]

_CHANNELS = (1, 3, 4)


def check_options(**options: object) -> None:
    """Checks options of a data set by the rules of the config, for those who call a loader themselves.

    Raises:
        ConfigError: names the option, the value and what is allowed.
    """
    for option, value in options.items():
        key = f"dataset.{option}"
        rule = KEYS_OF_BUILT_IN_PARTS[key]
        if not rule.accepts(value):
            raise ConfigError(rule.refusal(key, value))


def check_images(images: Numbers, source: str) -> Numbers:
    """Returns the images with a channel axis, (N, H, W, C).

    Args:
        images: numbers of shape (N, H, W) or (N, H, W, C).
        source: what to call them in messages.

    Raises:
        DataError: not numbers, wrong rank, channels first, empty, constant, or pixels that float32 can't hold.
    """
    if images.dtype.kind not in "buif":
        raise DataError(
            f"{source} has data type {images.dtype}; allowed: uint8, bool, floating point or integers; convert it"
        )
    if images.ndim not in (3, 4):
        raise DataError(
            f"{source} has shape {images.shape}; allowed: (N, height, width) or (N, height, width, "
            "channels); reshape it"
        )
    if images.size == 0:
        raise DataError(f"{source} is empty, its shape is {images.shape}; at least one image is needed")
    if images.ndim == 4 and _are_channels_first(*images.shape[1:]):
        raise DataError(
            f"{source} has shape {images.shape}, channels first; allowed: (N, height, width, channels); "
            "write it with .transpose(0, 2, 3, 1)"
        )
    _check_finite(images, source)
    if images.min() == images.max():
        raise DataError(
            f"every pixel of {source} is {images.flat[0]}: there is nothing to learn from; check how it was written"
        )
    return images if images.ndim == 4 else images[..., np.newaxis]


def _are_channels_first(first: int, second: int, third: int) -> bool:
    of_colours = first in _CHANNELS and min(second, third) > max(_CHANNELS)
    return of_colours or (first < second == third > max(_CHANNELS))  # few before a square: of a microscope, a satellite


def _check_finite(images: Numbers, source: str) -> None:
    if images.dtype.kind != "f":
        return
    # A float64 beyond the float32 range would become inf in the cast, so it counts as not finite.
    bad = ~(np.abs(images) <= np.finfo(np.float32).max)
    if bad.any():
        first = np.unravel_index(bad.argmax(), images.shape)
        place = tuple(int(i) for i in first)
        raise DataError(
            f"{source} has {int(bad.sum())} pixels that are NaN or infinite, the first at index {place}: "
            f"{images[first]}; remove or repair those images"
        )


def check_labels(labels: Numbers, source: str, *, num_images: int) -> Numbers:
    """Returns the labels as int64 of shape (N,).

    Args:
        labels: integers, each 0 or more, of shape (N,) or (N, 1); or one-hot rows of numbers, (N, K).
        source: what to call them in messages.
        num_images: how many there must be.

    Raises:
        DataError: not integers, wrong rank or length, or negative.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and labels.dtype.kind in "buif":
        labels = _from_one_hot(labels, source)
    if labels.dtype.kind not in "iu":
        raise DataError(
            f"{source} has data type {labels.dtype}; allowed: integer class ids from 0; convert it, "
            "for example with .astype('int64')"
        )
    if labels.ndim != 1:
        raise DataError(f"{source} has shape {labels.shape}; allowed: (N,), one class id per image, or one-hot rows")
    if len(labels) != num_images:
        raise DataError(f"{source} has {len(labels)} labels for {num_images} images; one per image is needed")
    class_ids = labels.astype(np.int64)
    if class_ids.min() < 0:
        first = int(np.argmax(class_ids < 0))
        raise DataError(f"{source} has the label {labels[first]} at index {first}; number the classes from 0")
    return class_ids


def _from_one_hot(labels: Numbers, source: str) -> Numbers:
    wrong = ((labels != 0) & (labels != 1)).any(axis=1) | (labels.sum(axis=1) != 1)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise DataError(
            f"{source} has shape {labels.shape}, but row {first} is not one-hot (a single 1 among zeros); an image has "
            "one class here; several at once, and soft labels, can't be trained on"
        )
    return labels.argmax(axis=1)


def numbered_classes(labels: Numbers, source: str) -> tuple[str, ...]:
    """Names the classes by their numbers, for data that come without names.

    Raises:
        DataError: numbers with gaps, where a mistaken label would pass for a class.
    """
    present = np.unique(labels)
    if present[-1] != len(present) - 1:
        raise DataError(
            f"the labels of {source} have gaps: {len(present)} different ones, the largest is {present[-1]}; "
            f"number the classes from 0 to {len(present) - 1}"
        )
    return tuple(map(str, present))


def check_classes(labels: Numbers, class_names: Sequence[str], source: str) -> None:
    """Checks that labels name known classes and that there are two at least.

    Raises:
        DataError: a label beyond the last class, or a single class.
    """
    if len(class_names) < 2:
        raise DataError(f"{source} has {len(class_names)} class; at least 2 are needed to tell apart")
    if labels.max() >= len(class_names):
        first = int(np.argmax(labels >= len(class_names)))
        raise DataError(
            f"{source} has the label {labels[first]} at index {first}; "
            f"allowed: 0 to {len(class_names) - 1} for its {len(class_names)} classes"
        )


def check_every_class_is_trained(labels: Numbers, class_names: Sequence[str], source: str) -> None:
    """Checks that each class has a training example.

    Raises:
        DataError: it names the classes without one.
    """
    missing = np.flatnonzero(np.bincount(labels, minlength=len(class_names)) == 0)
    if missing.size:
        named = ", ".join(f"{k} ({class_names[k]})" for k in missing[:5])
        more = f" and {missing.size - 5} more" if missing.size > 5 else ""
        raise DataError(
            f"{source} has no training example of class {named}{more}; add examples, number the classes "
            "from 0 without gaps, or take a larger dataset.limit"
        )
