"""Strings of scikit-learn's digits: the same pixels with as many classes as one likes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from ce_harness.datasets.checks import Numbers, check_options
from ce_harness.datasets.dataset import Dataset
from ce_harness.datasets.preparation import RawImages, prepare
from ce_harness.datasets.splits import hold_out
from ce_harness.errors import ConfigError


def digit_strings(
    *,
    length: int = 2,
    num_classes: int | None = None,
    count: int = 10_000,
    val_fraction: float = 0.15,
    test_fraction: float = 0.25,
    split_seed: int = 0,
    **options: Any,
) -> Dataset:
    """Numbers of ``length`` handwritten digits side by side, 8 x 8 ``length`` pixels.

    The 1,797 digits are split first, stratified, so that no splits share an image; the strings of each split are then
    made of its own. All numbers are equally frequent, give or take one. Without grouping a class is a number; with
    ``num_classes`` = K, class k holds the numbers from k 10^length / K on, in their order.

    Args:
        length: digits in a string, m.
        num_classes: K, a divisor of 10^m; None is 10^m itself.
        count: strings in all splits together.
        val_fraction: share of the digits, and of the strings, for the validation split.
        test_fraction: share for the test split.
        split_seed: seed of the split and of which images make a string.
        **options: see ``preparation.prepare``.

    Raises:
        ConfigError: an option outside what is allowed.
    """
    check_options(length=length, num_classes=num_classes, count=count, split_seed=split_seed)
    check_options(val_fraction=val_fraction, test_fraction=test_fraction)
    numbers = 10**length
    num_classes = num_classes or numbers
    if numbers % num_classes:
        raise ConfigError(
            f"dataset.num_classes={num_classes}: allowed is a divisor of the {numbers} numbers of {length} digits; for "
            "example dataset.num_classes=10"
        )
    digits = load_digits()
    rest, test = hold_out(
        digits.target, "digits", fraction=test_fraction, of=len(digits.target), option="test_fraction", seed=split_seed
    )
    train, validation = hold_out(
        digits.target[rest], "digits", fraction=val_fraction, of=len(digits.target), option="val_fraction",
        seed=split_seed,
    )  # fmt: skip
    sizes = [round(count * (1 - val_fraction - test_fraction)), round(count * val_fraction)]
    sizes.append(count - sum(sizes))
    names = ("digit_strings", "the validation set of digit_strings", "the test set of digit_strings")
    splits = []
    for number, (pool, size) in enumerate(zip((rest[train], rest[validation], test), sizes, strict=True)):
        generator = np.random.default_rng((split_seed, number))
        images, values = _strings(digits.images[pool].astype(np.uint8), digits.target[pool], length, size, generator)
        splits.append(RawImages(images, values * num_classes // numbers, names[number]))
    return prepare(
        "digit_strings",
        splits[0],
        validation=splits[1],
        test=splits[2],
        class_names=_class_names(length, num_classes),
        split_seed=split_seed,
        white=16,
        **options,
    )


def _strings(
    images: Numbers, labels: Numbers, length: int, count: int, generator: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """``count`` strings, uint8 (count, 8, 8 length), and the numbers they show, int64 (count,)."""
    values = np.arange(count) % 10**length
    columns = []
    for place in reversed(range(length)):
        digits = values // 10**place % 10
        chosen = np.empty(count, np.int64)
        for digit in range(10):
            wanted = digits == digit
            chosen[wanted] = generator.choice(np.flatnonzero(labels == digit), size=int(wanted.sum()))
        columns.append(images[chosen])
    return np.concatenate(columns, axis=2), values


def _class_names(length: int, num_classes: int) -> list[str]:
    per_class = 10**length // num_classes
    firsts = range(0, 10**length, per_class)
    if per_class == 1:
        return [f"{first:0{length}}" for first in firsts]
    return [f"{first:0{length}}-{first + per_class - 1:0{length}}" for first in firsts]
