"""What holds for every input of the cross-entropy."""

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ce_harness.losses import SoftmaxCrossEntropyLayer, softmax_cross_entropy

SHAPES = st.tuples(st.integers(1, 3), st.integers(2, 6))


def arrays(shape, largest):
    return hnp.arrays(np.float64, shape, elements=st.floats(-largest, largest, width=32))


@st.composite
def labelled_logits(draw, largest=50.0):
    """Soft labels that sum to 1, and logits."""
    shape = draw(SHAPES)
    weights = draw(hnp.arrays(np.float64, shape, elements=st.floats(0, 1, width=32))) + 1e-3
    return weights / weights.sum(axis=-1, keepdims=True), draw(arrays(shape, largest))


def gradient(labels, logits):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = softmax_cross_entropy(labels, logits)
    return tape.gradient(loss, logits).numpy()


@given(labelled_logits(), st.integers(-1000, 1000))
def test_shift_invariance(labelled, shift):
    labels, logits = labelled
    shifted = softmax_cross_entropy(labels, logits + shift)
    np.testing.assert_allclose(softmax_cross_entropy(labels, logits), shifted, atol=1e-11)


@given(labelled_logits(1e4))
def test_probabilities_sum_to_one_and_gradients_to_zero(labelled):
    labels, logits = labelled
    probabilities = SoftmaxCrossEntropyLayer(dtype="float64")(logits)
    np.testing.assert_allclose(tf.reduce_sum(probabilities, axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(gradient(labels, logits).sum(axis=-1), 0, atol=1e-14)


@given(labelled_logits())
def test_cross_entropy_is_at_least_the_entropy_of_the_labels(labelled):
    labels, logits = labelled
    entropy = -np.sum(labels * np.log(labels), axis=-1)
    assert (softmax_cross_entropy(labels, logits) >= entropy - 1e-12).numpy().all()
    np.testing.assert_allclose(softmax_cross_entropy(labels, np.log(labels)), entropy, atol=1e-12)


@given(labelled_logits(), st.randoms(use_true_random=False))
def test_permutation_equivariance(labelled, random):
    labels, logits = labelled
    order = list(range(labels.shape[-1]))
    random.shuffle(order)
    permuted = softmax_cross_entropy(labels[:, order], logits[:, order])
    np.testing.assert_allclose(permuted, softmax_cross_entropy(labels, logits), atol=1e-12)
    np.testing.assert_allclose(
        gradient(labels[:, order], logits[:, order]), gradient(labels, logits)[:, order], atol=1e-14
    )


@given(labelled_logits(5.0))
def test_gradient_equals_finite_differences(labelled):
    labels, logits = labelled
    step = 1e-5
    numerical = np.empty_like(logits)
    for k in range(logits.shape[-1]):
        ahead, behind = logits.copy(), logits.copy()
        ahead[:, k] += step
        behind[:, k] -= step
        rise = softmax_cross_entropy(labels, ahead) - softmax_cross_entropy(labels, behind)
        numerical[:, k] = rise / (2 * step)
    np.testing.assert_allclose(gradient(labels, logits), numerical, atol=1e-9)
