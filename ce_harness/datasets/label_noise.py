"""Labels made wrong on purpose."""

from __future__ import annotations

import numpy as np

from ce_harness.datasets.checks import Numbers


def with_label_noise(labels: Numbers, *, share: float, num_classes: int, seed: tuple[int, ...]) -> Numbers:
    """Labels of which a share is replaced by another class, each of the others being as likely.

    This is symmetric noise in the sense of Ghosh et al. 2017 (arXiv 1712.09482), with the number of wrong labels
    fixed: ``share * N``, rounded.

    Args:
        labels: class ids of shape (N,).
        share: 0 to below 1.
        num_classes: K.
        seed: of which labels, and of what replaces them.

    Returns:
        int64 of shape (N,); the labels given stay as they are.
    """
    generator = np.random.default_rng(seed)
    wrong = generator.choice(len(labels), size=round(share * len(labels)), replace=False)
    noisy = labels.copy()
    noisy[wrong] = (labels[wrong] + generator.integers(1, num_classes, size=len(wrong))) % num_classes
    return noisy
