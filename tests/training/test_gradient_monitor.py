"""The measured norms against a slow, independent reading of their definitions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ce_harness.losses import SoftmaxCrossEntropy, SoftmaxSquaredError
from ce_harness.metrics import P_TRUE_EDGES
from ce_harness.models import lenet5
from ce_harness.training.gradient_monitor import GradientMonitor
from ce_harness.training.parts import make_loss

BATCH, STEPS, CLASSES = 5, 3, 4


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(BATCH * STEPS - 2, 8, 8, 1)).astype(np.float32)  # the last batch is smaller
    one_hot = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, len(images))]
    return images, one_hot


def trained(data, loss, steps_per_execution):
    keras.utils.set_random_seed(0)
    model = GradientMonitor(lenet5((8, 8, 1), CLASSES, head_stddev=2.0), STEPS)
    model.compile(keras.optimizers.SGD(0.1), loss, steps_per_execution=steps_per_execution)
    model.fit(*data, batch_size=BATCH, shuffle=False, verbose=0)
    return model


def slow_reference(data, loss):
    """The same training in plain eager TensorFlow, one example's gradient at a time."""
    keras.utils.set_random_seed(0)
    network, optimizer = lenet5((8, 8, 1), CLASSES, head_stddev=2.0), keras.optimizers.SGD(0.1)
    rows, bins = [], np.zeros((len(P_TRUE_EDGES), 3))
    for i in range(STEPS):
        images, one_hot = (array[i * BATCH : (i + 1) * BATCH] for array in data)
        example_norms = []
        for image, label in zip(images, one_hot, strict=True):
            logits = tf.Variable(network(image[None]))
            with tf.GradientTape() as tape:
                value = loss(label[None], logits)
            gradient = tape.gradient(value, logits).numpy()[0]
            example_norms.append(float(np.linalg.norm(gradient)))
            p_true = float(tf.reduce_sum(tf.nn.softmax(logits) * label))
            in_bin = next(k for k, edge in enumerate(P_TRUE_EDGES) if p_true <= edge)
            bins[in_bin] += 1, example_norms[-1], -gradient[label.argmax()]
        with tf.GradientTape() as tape:
            value = loss(one_hot, network(images))
        gradients = tape.gradient(value, network.trainable_variables)
        norms = [float(np.linalg.norm(g)) for g in gradients]
        rows.append([float(value), float(np.linalg.norm(norms)), np.mean(example_norms), *norms])
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
    return np.array(rows), bins, network


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), SoftmaxSquaredError()])
@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_rows_and_bins_are_what_their_definitions_say(data, loss, steps_per_execution):
    model = trained(data, loss, steps_per_execution)
    rows, bins, network = slow_reference(data, loss)
    np.testing.assert_allclose(model.read_rows(), rows, rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(model.read_bins(), bins, rtol=2e-5, atol=1e-9)
    for ours, plain in zip(model.network.variables, network.variables, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-6)


def test_reading_the_bins_empties_them(data):
    model = trained(data, SoftmaxCrossEntropy(), 1)
    assert model.read_bins()[:, 0].sum() == len(data[0])
    assert model.read_bins().sum() == 0


@pytest.mark.parametrize(
    ("loss", "norm"),
    [("softmax_ce", 0.9486833), ("builtin_ce", 0.9486833), ("mse", 0.1897367), ("mse_mean", 0.01897367)],
)
def test_a_uniform_prediction_has_the_closed_forms_logit_gradient(composed, loss, norm):
    """Ten classes, a head of zeros: every prediction is uniform, the gradient is known exactly."""
    network = lenet5((8, 8, 1), 10)
    network.get_layer("head").kernel.assign(tf.zeros_like(network.get_layer("head").kernel))
    model = GradientMonitor(network, steps_per_epoch=1)
    model.compile(keras.optimizers.SGD(0.1), make_loss(composed(f"loss={loss}"), 10))
    images = np.ones((6, 8, 8, 1), np.float32)
    model.fit(images, np.eye(10, dtype=np.float32)[:6], verbose=0)
    assert model.read_rows()[0, model.columns.index("grad_norm/logits")] == pytest.approx(norm, rel=1e-6)
