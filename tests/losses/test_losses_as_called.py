"""Labels, logits and weights in the forms that callers have them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ce_harness.losses import SoftmaxCrossEntropy, SoftmaxCrossEntropyLayer, softmax_cross_entropy
from tests.losses.configured import CLASSES

GENERATOR = np.random.default_rng(0)
SEQUENCES = GENERATOR.normal(size=(3, 3, 4)).astype(np.float32)  # as many sequences as steps, four classes
SEQUENCE_IDS = GENERATOR.integers(0, 4, (3, 3))


@pytest.mark.parametrize("loss", CLASSES)
def test_lists_are_arrays(loss):
    labels, logits = [[0, 1, 0], [1, 0, 0]], [[0.1, 0.8, -0.1], [2, 0, 1]]
    expected = loss()(np.array(labels, np.float32), np.array(logits, np.float32))
    assert loss()(labels, logits) == expected
    assert loss()(labels, logits, [1.0, 1.0]) == expected


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"])
@pytest.mark.parametrize("loss", CLASSES)
@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 3), ()])
def test_a_weight_per_sequence_weighs_all_of_its_steps(loss, shape, reduction):
    weight = np.broadcast_to(np.array([[1.0], [3.0], [0.0]]), (3, 3)) if shape else np.full((3, 3), 2.0)
    labels = np.eye(4, dtype=np.float32)[SEQUENCE_IDS]
    losses = loss(reduction="none")(labels, SEQUENCES).numpy()
    expected = {
        "sum_over_batch_size": np.mean(losses * weight),
        "sum": np.sum(losses * weight),
        "mean_with_sample_weight": np.average(losses, weights=weight),
        "none": losses * weight,
    }[reduction]
    given = weight[:, : shape[1]] if len(shape) == 2 else weight[:, 0].reshape(3) if shape else 2.0
    np.testing.assert_allclose(loss(reduction=reduction)(labels, SEQUENCES, given), expected, rtol=1e-6)


def test_a_weight_per_sequence_and_class_weights():
    weight, class_weight = np.array([1.0, 3.0, 0.0]), np.array([1.0, 2.0, 4.0, 8.0])
    loss = SoftmaxCrossEntropy(class_weight=class_weight, reduction="mean_with_sample_weight")
    losses = softmax_cross_entropy(SEQUENCE_IDS, SEQUENCES).numpy()
    expected = np.average(losses, weights=weight[:, None] * class_weight[SEQUENCE_IDS])
    assert float(loss(SEQUENCE_IDS, SEQUENCES, weight)) == pytest.approx(expected, rel=1e-6)


def test_the_function_is_a_keras_loss_and_takes_class_ids():
    """Keras hands a function floats."""
    values = []
    for labels in (np.array([0, 1, 2]), np.array([[0], [1], [2]]), np.eye(3, dtype=np.float32)):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, kernel_initializer="identity")])
        model.compile("sgd", softmax_cross_entropy)
        values.append(model.evaluate(2 * np.eye(3, dtype=np.float32), labels, verbose=0))
    assert values == pytest.approx([np.log(np.exp(2) + 2) - 2] * 3, rel=1e-6)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"class_weight": [1.0, 2.0, 3.0]}])
def test_the_layer_adds_the_loss_to_the_last_bit(options):
    ids, logits = GENERATOR.integers(0, 3, 64), tf.constant(GENERATOR.normal(size=(64, 3)) * 5, tf.float32)
    loss, layer = SoftmaxCrossEntropy(**options), SoftmaxCrossEntropyLayer(SoftmaxCrossEntropy(**options))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        by_loss = loss(ids, logits)
        layer(logits, ids)
        by_layer = layer.losses[0]
    assert by_loss == by_layer
    np.testing.assert_array_equal(tape.gradient(by_loss, logits), tape.gradient(by_layer, logits))


@pytest.mark.parametrize("loss", CLASSES)
def test_weights_that_would_broadcast_the_losses_are_refused(loss):
    with pytest.raises(ValueError, match=r"sample weights \(3, 4\) have more axes than the examples of logits"):
        loss()(np.eye(3, 4, dtype=np.float32), SEQUENCES[0], np.ones((3, 4)))


def test_class_weights_of_fit_weigh_every_form_of_label_alike():
    values = []
    for labels in (np.array([0, 1, 2]), np.array([[0], [1], [2]]), np.eye(3, dtype=np.float32)):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, kernel_initializer="identity")])
        model.compile(keras.optimizers.SGD(0.0), SoftmaxCrossEntropy())
        history = model.fit(2 * np.eye(3), labels, class_weight={0: 1.0, 1: 5.0, 2: 0.0}, verbose=0)
        values.append(history.history["loss"][0])
    assert values == pytest.approx([2 * (np.log(np.exp(2) + 2) - 2)] * 3, rel=1e-6)


@pytest.mark.parametrize(("dtype", "largest"), [("float16", 2048), ("bfloat16", 256)])
def test_class_ids_that_a_16_bit_loss_would_round_are_refused(dtype, largest):
    loss = SoftmaxCrossEntropy(dtype=dtype)
    logits = np.zeros((1, largest + 1), np.float32)
    with pytest.raises(ValueError, match=f"{largest + 1} class ids are not exact in {dtype}"):
        loss(np.array([largest]), logits)
    assert float(loss(np.array([largest - 1]), logits[:, 1:])) == pytest.approx(np.log(largest), rel=1e-2)
    assert float(loss(np.eye(1, largest + 1, dtype=np.float32), logits)) == pytest.approx(np.log(largest), rel=1e-2)


def test_a_batch_whose_examples_are_all_ignored_costs_nothing():
    logits = tf.constant(SEQUENCES[0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = SoftmaxCrossEntropy(ignore_class=-1)(np.array([-1, -1, -1]), logits)
    assert float(loss) == 0
    assert not tape.gradient(loss, logits).numpy().any()
