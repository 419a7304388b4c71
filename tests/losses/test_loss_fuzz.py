"""Random labels and logits: float32 losses and gradients against an independent calculation in float64.

More inputs: pytest tests/losses tests/metrics --hypothesis-profile long
"""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ce_harness.losses import Focal, LogitSquaredError, SoftmaxCrossEntropy, SoftmaxSquaredError, Squentropy
from ce_harness.theory import logit_gradient

EPS = np.finfo(np.float32).eps


def log_p(z):
    z = z.astype(np.longdouble)
    return z - z.max(axis=-1, keepdims=True) - np.log(np.exp(z - z.max(axis=-1, keepdims=True)).sum(-1, keepdims=True))


def cross_entropy(y, z):
    return -np.where(y > 0, y * log_p(z), 0).sum(axis=-1)


# Name in theory.py -> loss, its options there, and its value by the formula of its docstring.
LOSSES = {
    "softmax_ce": (SoftmaxCrossEntropy(), {}, cross_entropy),
    "label_smoothing_ce": (
        SoftmaxCrossEntropy(label_smoothing=0.2),
        {"label_smoothing": 0.2},
        lambda y, z: cross_entropy(0.8 * y + 0.2 / y.shape[-1], z),
    ),
    "mse": (SoftmaxSquaredError(), {}, lambda y, z: np.square(np.exp(log_p(z)) - y).sum(axis=-1)),
    "mse_mean": (
        SoftmaxSquaredError(class_reduction="mean"),
        {},
        lambda y, z: np.square(np.exp(log_p(z)) - y).mean(axis=-1),
    ),
    "mse_logits": (
        LogitSquaredError(true_class_weight=3.0, target_scale=7.0),
        {"true_class_weight": 3.0, "target_scale": 7.0},
        lambda y, z: np.mean((1 + 2 * y) * np.square(z.astype(np.longdouble) - 7 * y), axis=-1),
    ),
    "focal": (
        Focal(gamma=2.0),
        {"gamma": 2.0},
        lambda y, z: np.square(-np.expm1(-cross_entropy(y, z))) * cross_entropy(y, z),
    ),
    "squentropy": (
        Squentropy(),
        {},
        lambda y, z: (
            cross_entropy(y, z) + ((1 - y) * np.square(z.astype(np.longdouble))).sum(axis=-1) / (y.shape[-1] - 1)
        ),
    ),
}


@st.composite
def labelled_logits(draw):
    """One-hot labels and float32 logits of magnitudes from 1e-6 to 1e6, (N, K)."""
    examples, num_classes = draw(st.tuples(st.integers(1, 4), st.integers(2, 8)))
    scale = 10.0 ** draw(st.integers(-6, 6))
    unit = hnp.arrays(np.float32, (examples, num_classes), elements=st.floats(-1, 1, width=32))
    ids = draw(hnp.arrays(np.int64, examples, elements=st.integers(0, num_classes - 1)))
    return np.eye(num_classes, dtype=np.float32)[ids], draw(unit) * np.float32(scale)


@pytest.mark.parametrize("name", LOSSES)
@given(labelled=labelled_logits())
def test_float32_is_the_formula_in_float64_but_for_rounding(name, labelled):
    loss, options, formula = LOSSES[name]
    labels, logits = labelled
    z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(z)
        losses = loss.call(tf.constant(labels), z)
    gradient = tape.gradient(losses, z).numpy()
    size = 1 + np.abs(logits).max()  # of the terms whose rounding counts
    if name in ("mse_logits", "squentropy"):
        size *= size
    np.testing.assert_allclose(losses, formula(labels.astype(float), logits), rtol=32 * EPS, atol=32 * EPS * size)
    expected = logit_gradient(name, labels, logits, **options)
    np.testing.assert_allclose(gradient, expected, rtol=32 * EPS, atol=32 * EPS)
