"""Probabilities where logits belong: a softmax before a loss that applies softmax itself trains, and trains badly.

In a graph the operation that made a tensor is known, so where it comes from is certain. A tensor without a history is
judged by its values.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from ce_harness.unofficial.keras import has_logits

# Operations that change a tensor's form but not what its numbers are.
_FORM = frozenset(("Cast", "ExpandDims", "Identity", "Reshape", "Squeeze", "StopGradient", "Transpose"))
# A softmax times two, or plus an epsilon, is one still. (A sigmoid is not: tanh is one, too, and bounds logits.)
_BY_A_CONSTANT = frozenset(("AddV2", "ClipByValue", "Maximum", "Minimum", "Mul", "RealDiv"))
_ACTIVATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
# Rows of float16 probabilities sum to one within this.
_SUM_TOLERANCE = 2e-3

REMEDY = "leave that activation out of the network, since the loss applies softmax itself"


def activation_behind(tensor: Any) -> str | None:
    """Returns "softmax" or "sigmoid" if a tensor comes out of one, else None.

    Found are Keras's activations and layers, `keras.ops`, `tf.nn`, nested models and lambdas, when traced. Of eager
    tensors only Keras's activations are known, by the note that Keras leaves for its own losses.

    Args:
        tensor: a network's output, as traced by `tf.function` or eager.
    """
    if has_logits(tensor):
        return _ACTIVATIONS.get(tensor.op.type, "softmax") if tf.is_symbolic_tensor(tensor) else "softmax or sigmoid"
    known = _ACTIVATIONS
    while tf.is_symbolic_tensor(tensor):
        operation = tensor.op
        inputs = [one for one in operation.inputs if one.op.type != "Const"]
        if operation.type in _BY_A_CONSTANT and len(inputs) == 1:
            known = {"Softmax": "softmax"}
        elif operation.type not in _FORM:
            return known.get(operation.type)
        tensor = inputs[0]
    return None


def are_probabilities(values: Any, axis: int = -1) -> bool:
    """Whether every row lies between 0 and 1 and sums to 1, as probabilities do and logits hardly ever.

    Args:
        values: a network's outputs for a batch, (..., K, ...), K >= 2.
        axis: the class axis.
    """
    values = np.asarray(values, np.float64)
    return bool(
        values.size
        and values.shape[axis] > 1
        and values.min() >= 0
        and values.max() <= 1
        and np.allclose(values.sum(axis=axis), 1, rtol=0, atol=_SUM_TOLERANCE)
    )


def refuse_activation(logits: tf.Tensor) -> None:
    """Refuses what comes out of a softmax or sigmoid.

    Raises:
        ValueError: says which.
    """
    activation = activation_behind(logits)
    if activation is not None:
        raise ValueError(
            f"logits are expected, but these {tuple(logits.shape)} come out of a {activation}: {REMEDY}; or take a "
            "loss of probabilities, keras.losses.CategoricalCrossentropy()"
        )


def warn_of_probabilities(values: Any, axis: int) -> None:
    """Warns if what is taken for logits has the values of probabilities."""
    if are_probabilities(values, axis):
        warnings.warn(
            f"logits are expected, but these {np.shape(values)} lie between 0 and 1 and sum to 1, as probabilities "
            f"do; if they come out of a softmax, {REMEDY}",
            stacklevel=3,
        )
