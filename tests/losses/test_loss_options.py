"""Every option of the cross-entropy, and every refusal."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ce_harness.losses import (
    Focal,
    LogitSquaredError,
    SoftmaxCrossEntropy,
    SoftmaxSquaredError,
    softmax_cross_entropy,
)
from tests.losses.configured import CLASSES

# Probabilities 1/2, 1/4, 1/4: surprisals of one and two bits.
LOGITS = np.log(np.array([[2.0, 1.0, 1.0]] * 4, np.float32))
IDS = np.array([0, 1, 0, 2])
BIT = np.log(2.0)


def test_integer_one_hot_and_soft_labels():
    np.testing.assert_allclose(softmax_cross_entropy(IDS, LOGITS), np.array([1, 2, 1, 2]) * BIT, rtol=1e-6)
    np.testing.assert_allclose(softmax_cross_entropy(np.eye(3)[IDS], LOGITS), np.array([1, 2, 1, 2]) * BIT, rtol=1e-6)
    np.testing.assert_allclose(softmax_cross_entropy([[0.5, 0.25, 0.25]], LOGITS[:1]), [1.5 * BIT], rtol=1e-6)
    assert float(SoftmaxCrossEntropy()(IDS[:, None], LOGITS)) == pytest.approx(1.5 * BIT)


def test_class_ids_of_any_integer_type():
    logits = np.zeros((2, 300), np.float32)
    for dtype in ("uint8", "int8", "int32", "uint16"):
        loss = softmax_cross_entropy(np.array([0, 7], dtype), logits, ignore_class=-1)
        np.testing.assert_allclose(loss, np.log(300), rtol=1e-6)


def test_label_smoothing():
    """Targets are .8 and .1, .1: .8 bits + .4 bits."""
    np.testing.assert_allclose(softmax_cross_entropy([0], LOGITS[:1], label_smoothing=0.3), [1.2 * BIT], rtol=1e-6)
    builtin = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.3)
    labels = np.eye(3, dtype=np.float32)[IDS]
    assert float(SoftmaxCrossEntropy(label_smoothing=0.3)(labels, LOGITS)) == pytest.approx(
        float(builtin(labels, LOGITS))
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_label_smoothing_counts_the_classes_of_the_class_axis(axis):
    """Three classes of two examples: each class gets a twelfth."""
    logits, labels = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]], np.float32), np.eye(3, 2, dtype=np.float32)
    targets = 0.75 * labels + 0.25 / 3
    expected = -np.sum(targets * (logits - np.log(np.exp(logits).sum(axis=0))), axis=0)
    if axis == 1:
        logits, labels = logits.T, labels.T
    np.testing.assert_allclose(softmax_cross_entropy(labels, logits, axis, label_smoothing=0.25), expected, rtol=1e-6)


def test_every_reduction_of_keras():
    weight = np.array([1.0, 2.0, 0.0, 1.0], np.float32)
    for reduction in ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None):
        ours = SoftmaxCrossEntropy(reduction=reduction)
        keras_own = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
        np.testing.assert_allclose(
            ours(IDS, LOGITS, weight), keras_own(IDS, LOGITS, weight), rtol=1e-6, err_msg=str(reduction)
        )


@pytest.mark.parametrize("labels", [IDS, IDS[:, None], np.eye(3)[IDS]])
@pytest.mark.parametrize("sample_weight", [np.array([1, 0, 3, 0.5]), np.array([[1], [0], [3], [0.5]]), None])
def test_weighted_mean_is_over_the_sample_weights_times_the_class_weights(labels, sample_weight):
    options = {"class_weight": [1.0, 3.0, 2.0], "label_smoothing": 0.3}
    losses = softmax_cross_entropy(IDS, LOGITS, **options).numpy()
    weights = np.array([1, 0, 3, 0.5]) if sample_weight is not None else np.ones(4)
    loss = SoftmaxCrossEntropy(**options, reduction="mean_with_sample_weight")(labels, LOGITS, sample_weight)
    assert float(loss) == pytest.approx(weights @ losses / (weights @ np.array([1, 3, 1, 2])))


def test_a_loss_of_16_bits_takes_class_weights():
    loss = SoftmaxCrossEntropy(class_weight=[1, 2, 4], reduction="mean_with_sample_weight", dtype="float16")
    assert float(loss(IDS, np.zeros((4, 3)))) == pytest.approx(np.log(3), rel=1e-3)


def test_class_weight_means_of_keras_and_of_pytorch():
    weight = [1.0, 3.0, 0.0]
    per_example = SoftmaxCrossEntropy(class_weight=weight, reduction="none")(IDS, LOGITS)
    np.testing.assert_allclose(per_example, np.array([1, 6, 1, 0]) * BIT, rtol=1e-6)
    assert float(SoftmaxCrossEntropy(class_weight=weight)(IDS, LOGITS)) == pytest.approx(8 / 4 * BIT)
    weighted = SoftmaxCrossEntropy(class_weight=weight, reduction="mean_with_sample_weight")
    assert float(weighted(IDS, LOGITS)) == pytest.approx(8 / 5 * BIT)
    assert float(weighted(np.eye(3)[IDS], LOGITS)) == pytest.approx(8 / 5 * BIT)


def test_ignored_examples_count_nowhere():
    ids = np.array([0, -1, 0, 2])
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = SoftmaxCrossEntropy(ignore_class=-1)(ids, logits)
    assert float(loss) == pytest.approx(4 / 3 * BIT)
    gradient = tape.gradient(loss, logits).numpy()
    assert not gradient[1].any()
    assert gradient[0].any()
    smoothed = softmax_cross_entropy(ids, LOGITS, label_smoothing=0.3, ignore_class=-1)
    np.testing.assert_array_equal(smoothed.numpy() == 0, ids == -1)
    keras_own = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    assert float(loss) == pytest.approx(float(keras_own(ids, LOGITS)))
    weighted = SoftmaxCrossEntropy(
        ignore_class=-1, label_smoothing=0.3, class_weight=[1, 3, 2], reduction="mean_with_sample_weight"
    )
    smoothed = [0.8 + 2 * 0.1 * (3 + 2), 2 * 2 * 0.8 + 0.1 + 2 * 0.1 * 3]
    assert float(weighted(ids, LOGITS)) == pytest.approx((2 * smoothed[0] + smoothed[1]) / (1 + 1 + 2) * BIT)


@pytest.mark.parametrize("ids", [[0, 3], [-1, 0]])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_unknown_class_id_is_nan_and_so_is_its_gradient(ids, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def loss_and_gradient(ids, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = softmax_cross_entropy(ids, logits)
        return loss, tape.gradient(loss, logits)

    loss, gradient = loss_and_gradient(tf.constant(ids), tf.constant(LOGITS[:2]))
    unknown = np.array(ids) != 0
    np.testing.assert_array_equal(np.isnan(loss), unknown)
    np.testing.assert_array_equal(np.isnan(gradient).all(axis=-1), unknown)


def test_a_class_id_that_is_not_whole_is_unknown():
    losses = SoftmaxCrossEntropy(reduction="none")(np.array([0.7, 1.0, 1.9, 0.0]), LOGITS)
    np.testing.assert_array_equal(np.isnan(losses), [True, False, True, False])


@pytest.mark.parametrize("axis", [1, -3])
def test_any_class_axis(axis):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    ids = rng.integers(0, 3, (2, 4, 5))
    expected = softmax_cross_entropy(ids, np.moveaxis(logits, 1, -1), class_weight=[1, 2, 3])
    np.testing.assert_allclose(softmax_cross_entropy(ids, logits, axis, class_weight=[1, 2, 3]), expected, rtol=1e-5)
    one_hot = np.moveaxis(np.eye(3)[ids], -1, 1)
    loss = SoftmaxCrossEntropy(axis=axis, class_weight=[1, 2, 3], reduction="none")
    np.testing.assert_allclose(loss(one_hot, logits), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
def test_a_keras_mask_leaves_its_steps_out(reduction, dtype):
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    embedding = keras.layers.Embedding(4, 3, mask_zero=True, dtype=dtype)
    logits = embedding(tokens)
    ids = np.array([[0, 1, -1], [2, 7, -1]])  # what is masked may be no class
    loss = SoftmaxCrossEntropy(reduction=reduction, class_weight=[1.0, 2.0, 4.0])(ids, logits)
    kept = softmax_cross_entropy([0, 1, 2], embedding.embeddings.numpy()[[1, 2, 3]], class_weight=[1, 2, 4])
    divisor = 3 if reduction == "sum_over_batch_size" else 1 + 2 + 4
    assert float(loss) == pytest.approx(float(tf.reduce_sum(kept)) / divisor, rel=1e-5 if dtype == "float32" else 1e-3)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
def test_a_batch_that_is_masked_as_a_whole_has_no_loss_and_no_gradient(reduction):
    embedding = keras.layers.Embedding(4, 3, mask_zero=True)
    with tf.GradientTape() as tape:
        logits = embedding(np.zeros((2, 3), int))
        loss = SoftmaxCrossEntropy(reduction=reduction, class_weight=[1.0, 2.0, 4.0])(np.zeros((2, 3)), logits)
    assert float(loss) == 0
    assert not tf.convert_to_tensor(tape.gradient(loss, embedding.embeddings)).numpy().any()


@pytest.mark.parametrize("loss", [loss() for loss in CLASSES], ids=lambda loss: loss.name)
@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (2, 4, 3)])
def test_shapes_that_do_not_fit_are_named_when_traced(loss, shape):
    traced = tf.function(loss).get_concrete_function
    with pytest.raises(ValueError, match=r"labels \(.*logits \(4, 3\)") as refusal:
        traced(tf.TensorSpec(shape, tf.float32), tf.TensorSpec((4, 3), tf.float32))
    assert str(shape) in str(refusal.value)


def test_class_ids_against_squared_error_are_refused():
    """Keras's own mean squared error broadcasts them."""
    with pytest.raises(ValueError, match=r"labels \(4, 1\), logits \(4, 3\)"):
        SoftmaxSquaredError()(IDS[:, None], LOGITS)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("shape", [(4, 1), (1, 3), (3, 4)])
def test_shapes_unknown_when_traced_never_broadcast(shape, jit_compile):
    """Compiled by XLA, which drops assertions, they are refused as well, in XLA's words."""

    @tf.function(input_signature=[tf.TensorSpec((None, None)), tf.TensorSpec((None, None))], jit_compile=jit_compile)
    def loss(labels, logits):
        return SoftmaxSquaredError()(labels, logits)

    assert float(loss(tf.eye(3), tf.zeros((3, 3)))) == pytest.approx(2 / 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
        loss(tf.zeros(shape), tf.zeros((4, 3)))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_class_weight_does_not_weigh_every_class(jit_compile):
    @tf.function(input_signature=[tf.TensorSpec(None, tf.int32), tf.TensorSpec((None, None))], jit_compile=jit_compile)
    def loss(ids, logits):
        return softmax_cross_entropy(tf.reshape(ids, [-1]), logits, class_weight=[5.0])

    with pytest.raises(tf.errors.InvalidArgumentError, match="1 values, but the requested shape has 3"):
        loss(IDS, LOGITS)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([0, 1, 2], LOGITS[:2]), {}, ValueError, r"labels \(3,\), logits \(2, 3\)"),
        ((IDS, LOGITS.astype(int)), {}, TypeError, r"logits must be floating point, got int64.*\(4, 3\)"),
        ((IDS, LOGITS), {"class_weight": [1, 2]}, ValueError, r"class_weight \(2,\), logits \(4, 3\)"),
        ((IDS, LOGITS), {"label_smoothing": 1.5}, ValueError, r"\[0, 1\], got 1.5"),
        ((IDS, LOGITS), {"class_weight": {0: 5, 1: 1, 2: 1}}, TypeError, "one weight per class in the order"),
        ((np.eye(3)[IDS], LOGITS), {"ignore_class": 1}, ValueError, "ignore_class needs integer class ids"),
    ],
)
def test_refusals(arguments, options, error, message):
    with pytest.raises(error, match=message):
        softmax_cross_entropy(*arguments, **options)


def test_a_mapping_of_class_weights_is_refused_when_built():
    """As a list, it would be its keys."""
    with pytest.raises(TypeError, match="one weight per class in the order of the classes, got {0: 5"):
        SoftmaxCrossEntropy(class_weight={0: 5.0, 1: 1.0})


@pytest.mark.parametrize(
    "build",
    [
        lambda: SoftmaxCrossEntropy(label_smoothing=-0.1),
        lambda: SoftmaxSquaredError(class_reduction="max"),
        lambda: LogitSquaredError(target_scale=0),
        lambda: LogitSquaredError(true_class_weight=-1),
        lambda: Focal(gamma=-1),
        lambda: Focal(gamma=np.inf),
        lambda: SoftmaxCrossEntropy(class_weight=[1, -1]),
        lambda: SoftmaxCrossEntropy(class_weight=[1, np.nan]),
        lambda: SoftmaxCrossEntropy(reduction="median"),
    ],
)
def test_an_option_out_of_range_is_refused_when_built(build):
    with pytest.raises(ValueError, match=r"-0.1|max|0|-1|inf|nan|median"):
        build()
