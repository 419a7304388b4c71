"""Labels and what a network says of them, brought to arrays or refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Rows of float16 or bfloat16 probabilities of thousands of classes sum to one within this.
_SUM_TOLERANCE = 0.02


def checked_labels(labels: ArrayLike, num_classes: int) -> NDArray[np.integer]:
    """Returns class ids of shape (N,).

    Raises:
        ValueError: another shape, no examples, labels that are not integers, or outside 0 to K - 1.
    """
    ids = np.asarray(labels)
    if ids.ndim != 1 or not len(ids):
        raise ValueError(f"labels must be class ids of shape (N,), N > 0, got shape {ids.shape}")
    if ids.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers from 0 to {num_classes - 1}, got {ids.dtype}")
    if ids.min() < 0 or ids.max() >= num_classes:
        raise ValueError(f"labels must be integers from 0 to {num_classes - 1}, got {ids.min()} to {ids.max()}")
    return ids


def checked(labels: ArrayLike, values: ArrayLike, what: str) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    """Returns class ids (N,) and values (N, K) in float64.

    Args:
        labels: class ids.
        values: logits or probabilities.
        what: what the values are, for messages.

    Raises:
        ValueError: shapes that don't fit, values that are no real numbers or not finite, or what `checked_labels`
            refuses.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "fiu" and given.dtype.name != "bfloat16":
        raise ValueError(f"{what} must be real numbers, got {given.dtype}")
    if given.ndim != 2 or not given.shape[1]:
        raise ValueError(f"{what} must have the shape (N, K), got {given.shape} for labels {np.shape(labels)}")
    ids = checked_labels(labels, given.shape[1])
    if len(ids) != len(given):
        raise ValueError(f"labels and {what} must be of equally many examples, got {ids.shape} and {given.shape}")
    numbers = given.astype(np.float64)
    if not np.isfinite(numbers).all():
        rows = np.flatnonzero(~np.isfinite(numbers).all(axis=1))
        raise ValueError(f"{what} must be finite; {len(rows)} of {len(ids)} examples have others, first {rows[0]}")
    return ids, numbers


def checked_probabilities(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    """Returns class ids (N,) and probabilities (N, K) in float64.

    Raises:
        ValueError: values outside 0 to 1, rows that do not sum to 1, or what `checked` refuses.
    """
    ids, values = checked(labels, probabilities, "probabilities")
    if values.min() < 0 or values.max() > 1 + _SUM_TOLERANCE:
        raise ValueError(f"probabilities must lie between 0 and 1, got {values.min():g} to {values.max():g}")
    sums = values.sum(axis=1)
    if not np.allclose(sums, 1, rtol=0, atol=_SUM_TOLERANCE):
        raise ValueError(f"probabilities must sum to 1 over the classes, got sums of {sums.min():g} to {sums.max():g}")
    return ids, values
