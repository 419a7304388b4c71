"""Which class a network chooses: accuracy over all examples, per class, and class against class.

The functions take probabilities or logits: the largest of a row is the choice, the first of equals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ce_harness.metrics.checks import checked


def accuracy(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Share of examples whose most probable class is the label.

    Args:
        labels: class ids of shape (N,).
        probabilities: shape (N, K), or logits.

    Raises:
        ValueError: shapes that don't fit, no examples, values that are not finite, or labels that are no integers
            from 0 to K - 1. All functions here do so.
    """
    ids, values = checked(labels, probabilities, "probabilities")
    return float(np.mean(values.argmax(axis=1) == ids))


def error(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Share of examples classified wrongly: 1 - ``accuracy``."""
    ids, values = checked(labels, probabilities, "probabilities")
    return float(np.mean(values.argmax(axis=1) != ids))


def confusion_matrix(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.int64]:
    """Counts of examples, (K, K): rows are the labels, columns the classes chosen."""
    ids, values = checked(labels, probabilities, "probabilities")
    num_classes = values.shape[1]
    pairs = ids.astype(np.int64) * num_classes + values.argmax(axis=1)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def per_class_accuracy(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Share of each class's examples that are classified correctly, its recall, (K,); NaN without examples."""
    counts = confusion_matrix(labels, probabilities)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = np.diag(counts) / counts.sum(axis=1)
    return shares


def balanced_accuracy(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean of ``per_class_accuracy`` over the classes that have examples.

    A constant answer scores 1 / K, however unequal the classes (Brodersen et al. 2010, "The balanced accuracy and its
    posterior distribution").
    """
    return float(np.nanmean(per_class_accuracy(labels, probabilities)))
