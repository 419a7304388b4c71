"""Images that are in two splits: a network may have learned them by heart."""

from __future__ import annotations

import logging

import numpy as np

from ce_harness.datasets.checks import Numbers
from ce_harness.datasets.dataset import Dataset, Split

logger = logging.getLogger(__name__)


def with_shared_images_told(dataset: Dataset) -> Dataset:
    """The same data set, after a warning if images of the training split are in another one, too."""
    for name in ("validation", "test"):
        count = count_shared(dataset.splits[name], dataset.train)
        if count:
            logger.warning(
                "%s: %d of %d images of the %s split are in the training split, too, pixel for pixel",
                dataset.name, count, len(dataset.splits[name]), name,
            )  # fmt: skip
    return dataset


def count_shared(one: Split, other: Split) -> int:
    """How many images of ``one`` are among those of ``other``.

    Most are told apart by their middle row, so that few are read whole.
    """
    middles = _middle_rows(other)
    known = set(middles)
    alike = [position for position, row in zip(one.index, _middle_rows(one), strict=True) if row in known]
    rows = {one.pixels[position, one.pixels.shape[1] // 2].tobytes() for position in alike}
    whole = {
        other.pixels[position].tobytes() for position, row in zip(other.index, middles, strict=True) if row in rows
    }
    return sum(one.pixels[position].tobytes() in whole for position in alike)


def _middle_rows(split: Split) -> list[bytes]:
    rows: Numbers = np.asarray(split.pixels)[split.index, split.pixels.shape[1] // 2]
    return [row.tobytes() for row in rows]
