"""How much the examples of each class count in training: an option of the training, whatever the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ce_harness.errors import ConfigError


def class_weights(
    option: str | Mapping[str | int, float] | None, class_names: Sequence[str], labels: np.ndarray
) -> np.ndarray | None:
    """The weight of each class, float32 (K,); None if all count alike.

    Args:
        option: ``balanced``, or class name -> weight, where classes that are not named have the weight 1. ``balanced``
            is N / (K N_k): every class has the same weight in total, and the mean over the training examples is 1. The
            formula is scikit-learn's (King & Zeng 2001, "Logistic regression in rare events data").
        class_names: the name of class ``k`` at position ``k``.
        labels: class ids of the training examples.

    Raises:
        ConfigError: there is no class of a name, or no example of a class that is to be balanced.
    """
    if option is None:
        return None
    if isinstance(option, str):
        counts = np.bincount(labels, minlength=len(class_names))
        if not counts.all():
            missing = class_names[int(counts.argmin())]
            raise ConfigError(f"class_weight=balanced: the class {missing} has no training example; name the weights")
        return (len(labels) / (len(class_names) * counts)).astype(np.float32)
    given = {str(name): weight for name, weight in option.items()}
    for name in given:
        if name not in class_names:
            shown = ", ".join(class_names[:20]) + (" ..." if len(class_names) > 20 else "")
            raise ConfigError(f"class_weight.{name}: there is no such class; the classes are {shown}")
    return np.array([given.get(name, 1.0) for name in class_names], np.float32)
