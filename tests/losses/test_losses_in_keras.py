"""The losses where Keras losses are used: fit, graphs, XLA, mixed precision, saving."""

from pathlib import Path

import hydra
import keras
import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from ce_harness.losses import (
    Focal,
    LogitSquaredError,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyLayer,
    SoftmaxSquaredError,
    Squentropy,
    softmax_cross_entropy,
)

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "loss").glob("*.yaml"))
LOSSES = [
    SoftmaxCrossEntropy(
        axis=1,
        label_smoothing=0.1,
        class_weight=[1.0, 2.0, 3.0],
        reduction="mean_with_sample_weight",
        name="weighted",
    ),
    SoftmaxSquaredError(class_reduction="mean", reduction="sum"),
    LogitSquaredError(true_class_weight=2.0, target_scale=5.0),
    Focal(gamma=0.5, dtype="float64"),
    Squentropy(),
]
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(32, 4)).astype(np.float32)
IDS = FEATURES[:, :3].argmax(axis=-1)
ONE_HOT = np.eye(3, dtype=np.float32)[IDS]


def classifier(**kwargs):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, kernel_initializer="zeros", **kwargs)])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_every_config_trains(path, jit_compile):
    model = classifier()
    options = {key: value for key, value in OmegaConf.load(path).items() if key != "label"}
    loss = hydra.utils.instantiate(options)
    model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=jit_compile)
    history = model.fit(FEATURES, ONE_HOT, epochs=5, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]


@pytest.mark.parametrize("labels", [IDS, IDS[:, None], ONE_HOT])
def test_fit_takes_every_kind_of_label_and_sample_weights(labels):
    model = classifier()
    model.compile("sgd", SoftmaxCrossEntropy())
    first = model.evaluate(FEATURES, labels, sample_weight=np.full(32, 2.0), verbose=0)
    assert first == pytest.approx(2 * np.log(3), rel=1e-6)


def test_trains_to_the_same_weights_as_the_builtin():
    weights = []
    for loss in (SoftmaxCrossEntropy(), keras.losses.CategoricalCrossentropy(from_logits=True)):
        model = classifier()
        model.compile(keras.optimizers.SGD(1.0), loss)
        model.fit(FEATURES, ONE_HOT, epochs=3, batch_size=8, shuffle=False, verbose=0)
        weights.append(model.layers[0].kernel.numpy())
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_config_round_trip(loss):
    again = type(loss).from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    assert again(ONE_HOT, FEATURES[:, :3]) == loss(ONE_HOT, FEATURES[:, :3])


def test_config_round_trip_of_ignore_class():
    loss = SoftmaxCrossEntropy(ignore_class=2)
    again = SoftmaxCrossEntropy.from_config(loss.get_config())
    assert again(IDS, FEATURES[:, :3]) == loss(IDS, FEATURES[:, :3])


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_saved_and_loaded_safely(loss, tmp_path):
    model = classifier()
    model.compile("sgd", loss)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.loss.get_config() == loss.get_config()
    assert loaded.evaluate(FEATURES, ONE_HOT, verbose=0) == model.evaluate(FEATURES, ONE_HOT, verbose=0)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("mass", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("p", [[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3], [0.75, 0.25, 0.0]])
def test_second_derivative_is_diag_p_minus_p_p(p, mass, jit_compile):
    """Also where the largest logit is not the only one, and for an example that weighs nothing."""

    @tf.function(jit_compile=jit_compile)
    def hessian(logits):
        with tf.GradientTape() as outer:
            outer.watch(logits)
            with tf.GradientTape() as inner:
                inner.watch(logits)
                loss = softmax_cross_entropy([1], logits, class_weight=[1.0, mass, 1.0])
            gradient = inner.gradient(loss, logits)
        return outer.jacobian(gradient, logits)

    p = np.array(p)
    with np.errstate(divide="ignore"):
        found = hessian(tf.constant(np.log(p)[None]))
    np.testing.assert_allclose(found[0, :, 0], mass * (np.diag(p) - np.outer(p, p)), atol=1e-12)


def test_gradients_of_single_examples_by_vectorized_map():
    def gradient(example):
        labels, logits = example
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = softmax_cross_entropy(labels, logits)
        return tape.gradient(loss, logits)

    logits = tf.constant(FEATURES[:, :3])
    found = tf.vectorized_map(gradient, (tf.constant(ONE_HOT), logits))
    np.testing.assert_allclose(found, tf.nn.softmax(logits) - ONE_HOT, atol=1e-6)


def test_mixed_precision_with_loss_scaling():
    model = classifier(dtype="mixed_float16")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5))
    model.compile(optimizer, SoftmaxCrossEntropy())
    history = model.fit(FEATURES, ONE_HOT, epochs=5, batch_size=8, verbose=0).history["loss"]
    assert model(FEATURES).dtype == tf.float16
    assert history[0] < np.log(3) + 0.1
    assert history[-1] < 0.7 * history[0]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_logits_give_a_float32_loss_and_a_gradient_of_their_own_dtype(dtype):
    logits = tf.constant([[10.0, 0.0]], dtype)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = softmax_cross_entropy([0], logits)
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, [np.log1p(np.exp(-10))], rtol=1e-2)
    assert tape.gradient(loss, logits).dtype == dtype


def test_mirrored_strategy_on_one_device():
    weights = []
    for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0"])):
        with strategy.scope():
            model = classifier()
            model.compile(keras.optimizers.SGD(1.0), SoftmaxCrossEntropy())
        model.fit(FEATURES, ONE_HOT, epochs=2, batch_size=8, shuffle=False, verbose=0)
        weights.append(model.layers[0].kernel.numpy())
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-6)


def model_that_ends_in_the_layer(loss=None):
    inputs, targets = keras.Input((4,)), keras.Input((), dtype="int64", optional=True)
    logits = keras.layers.Dense(3, kernel_initializer="zeros")(inputs)
    return keras.Model([inputs, targets], SoftmaxCrossEntropyLayer(loss)(logits, targets))


def test_layer_adds_the_loss_in_training_and_gives_probabilities_at_inference():
    model = model_that_ends_in_the_layer()
    model.compile(keras.optimizers.SGD(1.0))
    history = model.fit([FEATURES, IDS], epochs=10, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    probabilities = model([FEATURES, None]).numpy()
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-6)
    assert model.losses == []
    assert (probabilities.argmax(axis=-1) == IDS).mean() > 0.9


def test_layer_trains_as_the_loss_does():
    by_layer = model_that_ends_in_the_layer(SoftmaxCrossEntropy(label_smoothing=0.1))
    by_layer.compile(keras.optimizers.SGD(1.0))
    by_layer.fit([FEATURES, IDS], epochs=2, batch_size=8, shuffle=False, verbose=0)
    by_loss = classifier()
    by_loss.compile(keras.optimizers.SGD(1.0), SoftmaxCrossEntropy(label_smoothing=0.1))
    by_loss.fit(FEATURES, IDS, epochs=2, batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_allclose(by_layer.get_weights()[0], by_loss.get_weights()[0], atol=1e-6)


def test_layer_weighs_and_masks():
    layer = SoftmaxCrossEntropyLayer()
    logits = np.log([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0]])
    layer(logits, np.array([0, 1]), sample_weight=np.array([1.0, 3.0]))
    assert float(layer.losses[0]) == pytest.approx((1 + 3 * 2) / 2 * np.log(2))
    embedding = keras.layers.Embedding(3, 4, mask_zero=True)
    tokens = np.array([[1, 2, 0]])
    layer(embedding(tokens), np.array([[0, 1, 2]]))
    kept = softmax_cross_entropy([0, 1], embedding.embeddings.numpy()[1:])
    assert float(layer.losses[0]) == pytest.approx(float(tf.reduce_mean(kept)), rel=1e-5)


def test_layer_works_in_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = SoftmaxCrossEntropyLayer()
    finally:
        keras.config.set_dtype_policy("float32")
    probabilities = layer(tf.constant([[10.0, 0.0]], tf.float16), tf.constant([1]))
    assert probabilities.dtype == tf.float32
    assert float(layer.losses[0]) == pytest.approx(10 + np.log1p(np.exp(-10)), rel=1e-6)


def test_layer_of_mixed_precision_takes_every_class_id():
    """257 is no number of bfloat16."""
    layer = SoftmaxCrossEntropyLayer(dtype="mixed_bfloat16")
    layer(20 * np.eye(1000, dtype=np.float32)[[257]], np.array([257]))
    assert float(layer.losses[0]) < 1e-5


def test_a_model_that_ends_in_the_layer_is_saved_and_loaded_safely(tmp_path):
    model = model_that_ends_in_the_layer(SoftmaxCrossEntropy(class_weight=[1, 2, 3]))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    loaded([FEATURES, IDS])
    model([FEATURES, IDS])
    assert float(loaded.losses[0]) == float(model.losses[0])
    np.testing.assert_array_equal(loaded([FEATURES, None]), model([FEATURES, None]))
