"""Numerics at the rim: infinite logits, logits whose squares overflow, tens of thousands of classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ce_harness.losses import Focal, Squentropy, softmax_cross_entropy


def loss_and_gradient(loss, labels, logits):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(tf.constant(labels), logits)
    return value.numpy(), tape.gradient(value, logits).numpy()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_focal_where_the_true_class_has_no_probability(gamma, dtype):
    """Infinite loss, and the gradient of cross-entropy, p - y."""
    logits = np.array([[-np.inf, 0.0, np.log(3)]], dtype)
    loss, gradient = loss_and_gradient(Focal(gamma=gamma, dtype=dtype), np.array([[1, 0, 0]], dtype), logits)
    assert loss == np.inf
    np.testing.assert_allclose(gradient, [[-1, 0.25, 0.75]], rtol=1e-6)


def test_keras_clips_the_focal_loss_below_1e_7_and_ours_does_not():
    labels, logits = np.array([[1.0, 0.0]], np.float32), np.array([[-20.0, 0.0]], np.float32)
    keras_own = keras.losses.CategoricalFocalCrossentropy(alpha=1, from_logits=True)
    loss, gradient = loss_and_gradient(keras_own, labels, logits)
    assert loss == pytest.approx(-np.log(1e-7), rel=1e-5)
    np.testing.assert_array_equal(gradient, 0)
    loss, gradient = loss_and_gradient(Focal(), labels, logits)
    assert loss == pytest.approx(20)
    np.testing.assert_allclose(gradient, [[-1, 1]], rtol=1e-5)


def test_squentropy_where_the_true_logits_square_overflows():
    loss, gradient = loss_and_gradient(Squentropy(), np.eye(3, dtype=np.float32)[:1], np.float32([[3e38, 2.0, 0.0]]))
    assert loss == 2.0
    np.testing.assert_array_equal(gradient, [[0, 2, 0]])


@pytest.mark.parametrize("num_classes", [10, 50_000])
def test_gradient_of_smoothed_labels_of_many_classes(num_classes):
    """p - t to the last bits of p, though the 50,000 rounded targets add up to 42 eps more than one."""
    logits = np.zeros((1, num_classes), np.float32)
    logits[0, 1] = 200  # all probability
    _, gradient = loss_and_gradient(
        lambda ids, z: softmax_cross_entropy(ids, z, label_smoothing=0.1), np.array([1]), logits
    )
    is_true = np.arange(num_classes) == 1
    expected = 1.0 * is_true - (0.1 / num_classes + 0.9 * is_true)
    np.testing.assert_allclose(gradient, [expected], rtol=0, atol=2 * np.finfo(np.float32).eps)


def test_smoothed_soft_labels_have_the_gradient_of_their_sum():
    labels, logits = np.float32([[0.0, 2.0, 1.0]]), np.float32([[0.0, 1.0, 2.0]])
    _, gradient = loss_and_gradient(lambda y, z: softmax_cross_entropy(y, z, label_smoothing=0.3), labels, logits)
    targets = 0.7 * labels + 0.1
    p = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(gradient, targets.sum() * p - targets, rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_focal_second_derivative_where_the_network_is_sure(gamma, dtype):
    loss = Focal(gamma=gamma, dtype=dtype)
    for row in ([100.0, 0.0], [0.0, 100.0], [20.0, 0.0]):
        logits = tf.constant([row], dtype)
        with tf.GradientTape() as outer:
            outer.watch(logits)
            with tf.GradientTape() as inner:
                inner.watch(logits)
                value = loss(tf.constant([[1.0, 0.0]], dtype), logits)
            gradient = inner.gradient(value, logits)
        assert np.isfinite(outer.jacobian(gradient, logits)).all()


@pytest.mark.parametrize("loss", [softmax_cross_entropy, Focal(reduction="none")])
def test_forward_mode_where_another_class_is_excluded(loss):
    """A direction of zeros has the derivative 0, at a logit of -inf too."""
    logits = tf.constant([[-np.inf, 0.0, 0.0]])
    with tf.autodiff.ForwardAccumulator(logits, tf.zeros_like(logits)) as accumulator:
        losses = loss(tf.constant([[0.0, 1.0, 0.0]]), logits)
    np.testing.assert_array_equal(accumulator.jvp(losses), [0])


def test_a_gradient_below_half_an_ulp_of_one_is_lost_where_the_label_is():
    """p - y rounds to 0, as in TensorFlow and PyTorch; the other class keeps its own."""
    _, gradient = loss_and_gradient(softmax_cross_entropy, np.array([0]), np.array([[37.42994775023705, 0.0]]))
    np.testing.assert_allclose(gradient, [[0, 5.551115123125776e-17]], rtol=1e-12)
