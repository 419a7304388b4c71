"""Which pixel value is white. Pixels on another scale train badly without a word, so a doubtful range is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ce_harness.datasets.checks import Numbers
from ce_harness.errors import DataError

# Nothing that someone meant to be bytes stays this dark, and no scaled or standardized image gets this bright.
_DARKEST_BYTES = 16
_BRIGHTEST_FLOATS = 16.0
_DARKEST_FLOATS = 1 / 16


def white_of(sources: Sequence[tuple[Numbers, str]], white: float | None, *, standardize: bool) -> float:
    """The pixel value that becomes 1: the one given, or what data type and range say.

    bool counts as 0 and 1, uint8 as 0 to 255, floating point as scaled already. Standardized images may have any
    range, since standardizing takes the scale out.

    Args:
        sources: images and what to call them, the training images first.
        white: the value given, or None.
        standardize: whether the images are standardized afterwards.

    Raises:
        DataError: the range says otherwise, or the sources are on different scales.
    """
    kinds = {_kind(images) for images, _ in sources}
    if len(kinds) > 1:
        listed = ", ".join(f"{source}: {images.dtype} {_shown(*_range(images))}" for images, source in sources)
        raise DataError(f"images on different scales ({listed}); save all of them with one data type and one range")
    default = 255.0 if kinds == {"uint8"} else 1.0
    if white is not None or standardize:
        return default if white is None else white
    for images, source in sources:
        _check_range(images, source)
    return default


def _check_range(images: Numbers, source: str) -> None:
    kind, (low, high) = _kind(images), _range(images)
    largest = max(abs(low), abs(high))
    if kind == "integer":
        usual = next((white for white in (1, 255, 4095, 65535) if largest <= white), largest)
        doubt = "for which no value is known to be white"
    elif kind == "uint8" and largest <= _DARKEST_BYTES:
        usual, doubt = largest, "while uint8 goes to 255"
    elif kind == "floating point" and largest > _BRIGHTEST_FLOATS:
        usual, doubt = 255 if largest <= 255 else largest, "while floating-point pixels are taken as scaled already"
    elif kind == "floating point" and largest < _DARKEST_FLOATS:
        usual, doubt = largest, "as if they had been scaled twice"
    else:
        return
    raise DataError(
        f"the pixels of {source} are {images.dtype} {_shown(low, high)}, {doubt}; name the value that is to become 1, "
        f"for example dataset.white={usual:g}, or set dataset.standardize=true"
    )


def _kind(images: Numbers) -> str:
    if images.dtype == np.uint8:
        return "uint8"
    return {"f": "floating point", "b": "bool"}.get(images.dtype.kind, "integer")


def _range(images: Numbers) -> tuple[float, float]:
    return float(images.min()), float(images.max())


def _shown(low: float, high: float) -> str:
    return f"from {low:g} to {high:g}"
