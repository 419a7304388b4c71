"""Which pixel value is white. Pixels on another scale train badly without a word, so a doubtful range is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ce_harness.datasets.checks import Numbers
from ce_harness.errors import DataError

# Nothing that someone meant to be bytes stays this dark, and no scaled or standardized image gets this bright.
_DARKEST_BYTES = 16
_BRIGHTEST_FLOATS = 16.0
_DARKEST_FLOATS = 1 / 16
# The splits of one data set don't differ by this factor.
_ALIKE = 8
# What depths of 1 to 16 bits have for white.
_USUAL = (1, 255, 1023, 4095, 16383, 65535)


def white_of(sources: Sequence[tuple[Numbers, str]], white: float | None, *, standardize: bool) -> float:
    """The pixel value that becomes 1: the one given, or what data type and range say.

    bool counts as 0 and 1, uint8 as 0 to 255, floating point as scaled already. Standardized images may have any
    range, since standardizing takes the scale out. Whoever names 255 for uint8 is believed.

    Args:
        sources: images and what to call them, the training images first.
        white: the value given, or None.
        standardize: whether the images are standardized afterwards.

    Raises:
        DataError: the range says otherwise, or the sources are on different scales.
    """
    kinds = {_kind(images) for images, _ in sources}
    default = 255.0 if kinds == {"uint8"} else 1.0
    if white == default == 255:  # without a look at all of the pixels, which may be more than memory holds
        return white
    ranges = [(images.dtype, *_range(images), source) for images, source in sources]
    _check_alike(kinds, ranges)
    if not standardize:
        for (images, _), (_, low, high, source) in zip(sources, ranges, strict=True):
            if white is None:
                _check_range(images, low, high, source)
            else:
                _check_white(images, low, high, source, white)
    return default if white is None else white


def _check_alike(kinds: set[str], ranges: Sequence[tuple[Any, float, float, str]]) -> None:
    sizes = [max(abs(low), abs(high)) for _, low, high, _ in ranges]
    goes_below_0 = {low < -size / 16 for (_, low, _, _), size in zip(ranges, sizes, strict=True)}
    if len(kinds) > 1 or max(sizes) > _ALIKE * min(sizes) or len(goes_below_0) > 1:
        listed = ", ".join(f"{source}: {dtype} {_shown(low, high)}" for dtype, low, high, source in ranges)
        raise DataError(f"images on different scales ({listed}); save all of them with one data type and one range")


def _check_range(images: Numbers, low: float, high: float, source: str) -> None:
    kind, largest = _kind(images), max(abs(low), abs(high))
    if kind == "integer":
        doubt = "for which no value is known to be white"
    elif kind == "uint8" and largest <= _DARKEST_BYTES:
        doubt = "while uint8 goes to 255"
    elif kind == "floating point" and largest > _BRIGHTEST_FLOATS:
        doubt = "while floating-point pixels are taken as scaled already"
    elif kind == "floating point" and largest < _DARKEST_FLOATS:
        doubt = "as if they had been scaled twice"
    elif kind == "floating point" and largest > 2 and not np.mod(images, 1).any():
        doubt = "and whole numbers all, while floating-point pixels are taken as scaled already"
    else:
        return
    raise DataError(
        f"the pixels of {source} are {images.dtype} {_shown(low, high)}, {doubt}; name the value that is to become 1, "
        f"for example dataset.white={_usual(largest):g}, or set dataset.standardize=true"
    )


def _check_white(images: Numbers, low: float, high: float, source: str, white: float) -> None:
    largest = max(abs(low), abs(high))
    if not _DARKEST_FLOATS * white < largest <= _BRIGHTEST_FLOATS * white:
        raise DataError(
            f"dataset.white={white:g}: the pixels of {source} are {images.dtype} {_shown(low, high)}, which would "
            f"become {low / white:g} to {high / white:g}; name the value that is to become 1, for example "
            f"dataset.white={_usual(largest):g}"
        )


def _usual(largest: float) -> float:
    return next((white for white in _USUAL if white / 2 < largest <= white), largest)


def _kind(images: Numbers) -> str:
    if images.dtype == np.uint8:
        return "uint8"
    return {"f": "floating point", "b": "bool"}.get(images.dtype.kind, "integer")


def _range(images: Numbers) -> tuple[float, float]:
    return float(images.min()), float(images.max())


def _shown(low: float, high: float) -> str:
    return f"from {low:g} to {high:g}"
