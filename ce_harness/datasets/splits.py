"""Stratified splits that depend on ``split_seed`` alone: never on the model or the loss."""

from __future__ import annotations

import math

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import resample

from ce_harness.datasets.checks import Numbers
from ce_harness.errors import ConfigError, DataError


def hold_out(
    labels: Numbers, source: str, *, fraction: float, of: int, option: str, seed: int
) -> tuple[Numbers, Numbers]:
    """Splits examples in two, each with the class proportions of the whole.

    Args:
        labels: class ids of shape (N,).
        source: what to call the data in messages.
        fraction: how large the second part is, as a share of ``of``.
        of: the number of examples the fraction refers to.
        option: the option the fraction comes from, for messages.
        seed: seed of the split.

    Returns:
        The indices of the rest and of the part held out, each ascending.

    Raises:
        ConfigError: a fraction that leaves a part with fewer examples than classes.
        DataError: a class with too few examples to be in both parts.
    """
    # Rounded first, so that 0.07 of 100 is 7 and not the 8 that 7.000000000000001 would give.
    count = math.ceil(round(fraction * of, 6))
    counts = np.bincount(labels)
    num_classes = np.count_nonzero(counts)
    if not num_classes <= count <= len(labels) - num_classes:
        raise ConfigError(
            f"dataset.{option}={fraction} asks for {count} of {len(labels)} examples; both parts need at "
            f"least {num_classes}, one per class; take another fraction or more data"
        )
    if counts[counts > 0].min() < 2:
        raise DataError(
            f"{source} has a single example of class {int(np.argmax(counts == 1))} left for "
            f"dataset.{option}; it can't be in both parts; add examples of it or leave it out"
        )
    rest, held_out = train_test_split(np.arange(len(labels)), test_size=count, stratify=labels, random_state=seed)
    return np.sort(rest), np.sort(held_out)


def take(labels: Numbers, *, limit: int | None, seed: int) -> Numbers:
    """Indices, ascending, of at most ``limit`` examples in the class proportions of the whole.

    Args:
        labels: class ids of shape (N,).
        limit: how many to keep; None keeps all.
        seed: seed of the choice.
    """
    everything = np.arange(len(labels))
    if limit is None or limit >= len(labels):
        return everything
    return np.sort(resample(everything, n_samples=limit, replace=False, stratify=labels, random_state=seed))
