"""Random search: a sweep over ``key=interval(low,high)``, or over a list of values, takes one value for each seed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np


def drawn(key: str, seed: int, low: float, high: float, log: bool = False) -> float:
    """The value of a key in the trial of a seed, to 4 digits: uniform between the bounds, or uniform in its logarithm.

    It depends on these arguments alone. So a search goes on where it was stopped, more seeds add trials to it, and all
    losses get the same trials.

    Raises:
        ValueError: the bounds are not in order, or not positive where the logarithm is asked for.
    """
    if not low < high or (log and low <= 0):
        raise ValueError(f"{key}: an interval goes from a smaller to a larger number, positive ones on a log scale")
    share = _generator(key, seed).random()
    value = math.exp(math.log(low) + share * math.log(high / low)) if log else low + share * (high - low)
    return float(f"{value:.4g}")


def drawn_from(key: str, seed: int, values: Sequence[str]) -> str:
    """One of the values of a key, all equally likely, in the trial of a seed."""
    return values[int(_generator(key, seed).integers(len(values)))]


def _generator(key: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(key.encode())])
