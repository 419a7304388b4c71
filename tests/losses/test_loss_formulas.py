"""The losses beside cross-entropy against numbers worked by hand, and all losses against closed forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ce_harness.losses import Focal, LogitSquaredError, SoftmaxCrossEntropy, SoftmaxSquaredError, Squentropy
from ce_harness.theory import logit_gradient
from tests.losses.configured import LOSSES


def value(loss, labels, logits):
    return float(loss(np.asarray(labels, np.float32), np.asarray(logits, np.float32)))


def test_squared_error_of_the_tutorials_two_networks():
    for p_true, summed, mean in (
        ((0.9, 0.9, 0.4), 0.253333, 0.126667),
        ((0.6, 0.7, 0.1), 0.706667, 0.353333),
    ):
        logits, labels = np.log([[p, 1 - p] for p in p_true]), [[1, 0]] * 3
        assert value(SoftmaxSquaredError(), labels, logits) == pytest.approx(summed, abs=1e-6)
        assert value(SoftmaxSquaredError(class_reduction="mean"), labels, logits) == pytest.approx(mean, abs=1e-6)


def test_losses_of_a_fresh_ten_class_model():
    labels, logits = np.eye(10)[:1], np.zeros((1, 10))
    assert value(SoftmaxCrossEntropy(), labels, logits) == pytest.approx(2.302585, abs=1e-6)
    assert value(SoftmaxSquaredError(), labels, logits) == pytest.approx(0.9)
    assert value(SoftmaxSquaredError(class_reduction="mean"), labels, logits) == pytest.approx(0.09)


def test_rescaled_square_loss_of_hui_and_belkin():
    labels, logits = [[0, 1, 0]], [[1.0, 2.0, -1.0]]
    assert value(LogitSquaredError(), labels, logits) == pytest.approx((1 + 1 + 1) / 3)
    loss = LogitSquaredError(true_class_weight=2, target_scale=5)
    assert value(loss, labels, logits) == pytest.approx((1 + 2 * 9 + 1) / 3)


def test_focal_loss():
    """p_true = 1/4: (3/4)^2 * ln 4."""
    logits = np.log([[1.0, 2.0, 1.0]])
    assert value(Focal(), [[1, 0, 0]], logits) == pytest.approx(9 / 16 * np.log(4))
    assert value(Focal(gamma=0), [[1, 0, 0]], logits) == pytest.approx(np.log(4))
    rng = np.random.default_rng(0)
    labels, logits = np.eye(5, dtype=np.float32)[rng.integers(0, 5, 16)], rng.normal(size=(16, 5))
    builtin = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=3.0, from_logits=True)
    assert value(Focal(gamma=3), labels, logits) == pytest.approx(value(builtin, labels, logits), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_gradient_is_finite_where_the_model_is_sure(gamma):
    logits = tf.constant([[1e4, 0.0], [0.0, 1e4]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = Focal(gamma=gamma)(tf.constant([[1.0, 0.0], [1.0, 0.0]]), logits)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[0, 0], [-0.5, 0.5]], atol=1e-6)


def test_focal_gradient_where_other_classes_have_no_probability():
    """Their logit is -inf, or so far below the largest that the difference is."""
    of_two = logit_gradient("focal", [0, 1], [0, 1])
    for row, expected in (([0.0, 1.0, -np.inf], [*of_two, 0]), ([0.0, 3e38, -3e38], [0, 0, 0])):
        logits = tf.constant([row])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = Focal()(tf.constant([[0.0, 1.0, 0.0]]), logits)
        np.testing.assert_allclose(tape.gradient(loss, logits), [expected], rtol=1e-6)


def test_squentropy():
    """ln 2 for p_true = 1/2, and the mean of the squares of two other logits."""
    logits = np.log([[2.0, 1.0, 1.0]]) + 3
    assert value(Squentropy(), [[1, 0, 0]], logits) == pytest.approx(np.log(2) + 9)
    # The true class's logit has no square, so none that overflows.
    assert value(Squentropy(), [[1, 0]], [[3e38, 0]]) == 0


@pytest.mark.parametrize("num_classes", [2, 10])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {}) for name in LOSSES),
        ("mse_logits", {"true_class_weight": 3.0, "target_scale": 7.0}),
        ("label_smoothing_ce", {"label_smoothing": 0.3}),
        ("focal", {"gamma": 0.5}),
    ],
)
def test_automatic_differentiation_meets_the_closed_form(name, options, num_classes):
    rng = np.random.default_rng(0)
    logits = tf.constant(3 * rng.normal(size=(32, num_classes)))
    labels = tf.one_hot(rng.integers(0, num_classes, 32), num_classes, dtype=tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = LOSSES[name](**options, reduction="sum", dtype="float64")(labels, logits)
    np.testing.assert_allclose(tape.gradient(loss, logits), logit_gradient(name, labels, logits, **options), atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_second_derivatives_equal_finite_differences(name):
    loss = LOSSES[name](dtype="float64")

    def gradient(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(np.eye(3)[[1]], logits)
        return tape.gradient(value, logits)

    point, step = tf.constant([[0.5, -1.0, 0.2]], tf.float64), 1e-5
    with tf.GradientTape() as tape:
        tape.watch(point)
        slope = gradient(point)
    numerical = [(gradient(point + step * e) - gradient(point - step * e))[0] / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(tape.jacobian(slope, point)[0, :, 0], np.transpose(numerical), atol=1e-9)
