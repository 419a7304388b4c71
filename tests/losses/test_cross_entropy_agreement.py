"""Softmax cross-entropy against PyTorch, TensorFlow and 50-digit arithmetic."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.speed.losses import exact, largest_error
from ce_harness.losses import SoftmaxCrossEntropy, SoftmaxCrossEntropyLayer, softmax_cross_entropy

DATA = Path(__file__).parents[1] / "data"
CASES = json.loads((DATA / "torch_cross_entropy.json").read_text())["cases"]


def loss_and_gradient(function, logits):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = function(logits)
    return loss.numpy(), tape.gradient(loss, logits).numpy()


@pytest.fixture(scope="module")
def torch_arrays():
    with np.load(DATA / "torch_cross_entropy.npz") as archive:
        return dict(archive)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_equals_pytorch_to_a_few_ulp_of_the_scale(case, torch_arrays):
    logits, labels, loss, grad = (torch_arrays[f"{case['case']}_{key}"] for key in ("logits", "labels", "loss", "grad"))
    options = {
        "label_smoothing": case["label_smoothing"],
        "class_weight": torch_arrays.get(f"{case['case']}_class_weight"),
    }
    keras_loss = SoftmaxCrossEntropy(**options, reduction="none", dtype=case["dtype"])
    layer = SoftmaxCrossEntropyLayer(keras_loss, dtype=case["dtype"])

    def through_layer(z):
        layer(z, labels)
        return layer.losses[0]

    for function in (
        lambda z: softmax_cross_entropy(labels, z, **options),
        lambda z: keras_loss(labels, z),
        through_layer,
    ):
        ours, ours_grad = loss_and_gradient(function, tf.constant(logits))
        assert ours.dtype == logits.dtype
        np.testing.assert_allclose(ours, loss, rtol=0, atol=4 * np.spacing(np.abs(logits).max()))
        np.testing.assert_allclose(ours_grad, grad, rtol=0, atol=4 * np.finfo(logits.dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_equals_tensorflow_dense_and_sparse(dtype, scale):
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.uniform(-scale, scale, (64, 10)), dtype)
    ids = rng.integers(0, 10, 64)
    one_hot = tf.one_hot(ids, 10, dtype=dtype)
    dense = loss_and_gradient(lambda z: tf.nn.softmax_cross_entropy_with_logits(one_hot, z), logits)
    sparse = loss_and_gradient(lambda z: tf.nn.sparse_softmax_cross_entropy_with_logits(ids, z), logits)
    for labels, (loss, grad) in ((one_hot, dense), (ids, sparse)):
        ours, ours_grad = loss_and_gradient(lambda z, labels=labels: softmax_cross_entropy(labels, z), logits)
        np.testing.assert_allclose(ours, loss, rtol=0, atol=2 * np.spacing(np.asarray(scale, dtype)))
        np.testing.assert_allclose(ours_grad, grad, rtol=0, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
@pytest.mark.parametrize(("num_classes", "examples"), [(2, 256), (10, 64), (1000, 4)])
@pytest.mark.parametrize("kind", ["one-hot", "soft"])
def test_errors_are_not_above_the_builtins(kind, num_classes, examples, scale, dtype):
    """The largest of several draws: in one of them either may be lucky."""
    functions = softmax_cross_entropy, tf.nn.softmax_cross_entropy_with_logits
    errors = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        logits = tf.cast(rng.uniform(-scale, scale, (examples, num_classes)), dtype)
        if kind == "one-hot":
            labels = tf.one_hot(rng.integers(0, num_classes, examples), num_classes, dtype=dtype)
        else:
            labels = tf.cast(rng.dirichlet(np.ones(num_classes), examples), dtype)
        right = exact(labels.numpy(), logits.numpy())
        found = [loss_and_gradient(lambda z, f=f, y=labels: f(y, z), logits) for f in functions]
        errors.append([[largest_error(*pair) for pair in zip(values, right, strict=True)] for values in found])
    ours, builtin = np.max(errors, axis=0)
    assert (ours <= builtin).all(), f"loss and gradient: {ours} > {builtin}"


def test_labels_that_do_not_sum_to_one_have_the_right_gradient():
    """TensorFlow's function assumes a sum of one and returns p - y here."""
    labels, logits = tf.constant([[0.0, 2.0, 1.0]]), tf.constant([[0.0, 0.0, 0.0]])
    loss, grad = loss_and_gradient(lambda z: softmax_cross_entropy(labels, z), logits)
    np.testing.assert_allclose(loss, 3 * np.log(3), rtol=1e-6)
    np.testing.assert_allclose(grad, [[1.0, -1.0, 0.0]], atol=1e-6)


def test_labels_that_sum_to_one_but_for_rounding_have_the_gradient_of_a_sum_of_one():
    """And the second derivative of a sum, whatever it is: that of p_i sum(y) - y_i by y_j."""
    labels = tf.constant([[0.7, 0.2, 0.1000002]])
    logits = tf.zeros((1, 3))
    assert tf.reduce_sum(labels) != 1
    with tf.GradientTape() as outer:
        outer.watch(labels)
        with tf.GradientTape() as inner:
            inner.watch(logits)
            loss = softmax_cross_entropy(labels, logits)
        gradient = inner.gradient(loss, logits)
    np.testing.assert_array_equal(gradient, tf.nn.softmax(logits) - labels)
    np.testing.assert_allclose(outer.jacobian(gradient, labels)[0, :, 0], 1 / 3 - np.eye(3), rtol=1e-6)


def test_labels_that_are_all_zero_cost_nothing_whatever_the_logits():
    for logits in ([[1.0, 2.0]], [[-np.inf, 0.0]], [[np.nan, 0.0]]):
        loss, grad = loss_and_gradient(lambda z: softmax_cross_entropy([[0.0, 0.0]], z), tf.constant(logits))
        assert (loss, grad.tolist()) == (0, [[0, 0]])


def test_gradient_on_the_labels_is_the_surprisal():
    labels, logits = tf.constant([[0.2, 0.8]]), tf.constant([[0.0, np.log(3.0)]], tf.float32)
    _, grad = loss_and_gradient(lambda y: softmax_cross_entropy(y, logits), labels)
    np.testing.assert_allclose(grad, [[np.log(4), np.log(4 / 3)]], rtol=1e-6)


def test_the_tutorials_numbers():
    layer = SoftmaxCrossEntropyLayer()
    np.testing.assert_allclose(
        layer(np.array([[2.0, 1.0, 0.1]], np.float32))[0],
        [0.65900114, 0.24243297, 0.09856589],
        rtol=1e-6,
    )
    loss = softmax_cross_entropy([0], np.log([[0.7, 0.2, 0.1]]))
    np.testing.assert_allclose(loss, [0.35667494393873245], rtol=1e-15)
    for p_true, nats in (((0.9, 0.9, 0.4), 0.375671), ((0.6, 0.7, 0.1), 1.056695)):
        logits = np.log([[p, 1 - p] for p in p_true])
        assert float(SoftmaxCrossEntropy()(np.zeros(3), logits)) == pytest.approx(nats, abs=5e-7)


def test_no_finite_logits_give_nan():
    largest = np.finfo(np.float32).max
    logits = tf.constant([[largest, -largest, 0.0], [-largest, -largest, -largest], [1e30, 1e-30, -1e30]])
    for ids in ([0, 0, 0], [1, 1, 1], [2, 2, 2]):
        loss, grad = loss_and_gradient(lambda z, ids=ids: softmax_cross_entropy(ids, z), logits)
        assert not np.isnan(loss).any()
        assert np.isfinite(grad).all()


def test_infinite_and_nan_logits():
    inf, nan = np.inf, np.nan
    logits = tf.constant([[0.0, 0.0, -inf]])
    loss, grad = loss_and_gradient(lambda z: softmax_cross_entropy([0], z), logits)
    np.testing.assert_allclose(loss, [np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(grad, [[-0.5, 0.5, 0.0]])
    assert softmax_cross_entropy([2], logits).numpy() == [inf]
    for row in ([inf, 0.0, 0.0], [nan, 0.0, 0.0], [-inf, -inf, -inf]):
        assert np.isnan(softmax_cross_entropy([1], [row]).numpy()).all()
