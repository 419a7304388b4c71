"""Networks that end in softmax, or in one output, under a loss that applies softmax itself."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from ce_harness.losses import SoftmaxCrossEntropy
from ce_harness.losses.from_softmax import are_probabilities
from tests.losses.configured import CLASSES

FEATURES = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
ONE_HOT = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]


def ending_in(*last):
    return keras.Sequential([keras.Input((4,)), *last])


NETWORKS = {
    "activation": lambda: ending_in(layers.Dense(3, activation="softmax")),
    "layer": lambda: ending_in(layers.Dense(3), layers.Softmax()),
    "keras.ops": lambda: ending_in(layers.Dense(3), layers.Lambda(lambda z: keras.ops.softmax(z))),
    "tf.nn": lambda: ending_in(layers.Dense(3), layers.Lambda(lambda z: tf.nn.softmax(z))),
    "nested": lambda: ending_in(ending_in(layers.Dense(3), layers.Softmax())),
    "reshaped": lambda: ending_in(layers.Dense(3), layers.Softmax(), layers.Reshape((3, 1)), layers.Flatten()),
    "doubled": lambda: ending_in(layers.Dense(3), layers.Softmax(), layers.Rescaling(2.0)),
    "clipped": lambda: ending_in(layers.Dense(3), layers.Lambda(lambda z: keras.ops.clip(tf.nn.softmax(z), 1e-7, 1))),
    "half precision": lambda: ending_in(layers.Dense(3, activation="softmax", dtype="mixed_float16")),
    "sigmoid": lambda: ending_in(layers.Dense(3, activation="sigmoid")),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_that_ends_in_softmax_is_refused_in_fit(network):
    model = NETWORKS[network]()
    model.compile("sgd", SoftmaxCrossEntropy())
    with pytest.raises(ValueError, match=r"logits .* these \(None, 3\) come out of a (softmax|sigmoid):"):
        model.fit(FEATURES, ONE_HOT, verbose=0)


@pytest.mark.parametrize("loss", CLASSES)
def test_every_loss_refuses_it_also_outside_of_a_graph(loss):
    with pytest.raises(ValueError, match="come out of a softmax or sigmoid: leave that activation out"):
        loss()(ONE_HOT, NETWORKS["activation"]()(FEATURES))


def test_logits_and_log_probabilities_are_taken():
    for last in ([layers.Dense(3)], [layers.Dense(3), layers.Activation("log_softmax")]):
        model = ending_in(*last)
        model.compile("sgd", SoftmaxCrossEntropy())
        model.fit(FEATURES, ONE_HOT, verbose=0)


@pytest.mark.parametrize("loss", CLASSES)
def test_values_that_look_like_probabilities_are_warned_of_once(loss):
    loss = loss()
    with pytest.warns(UserWarning, match=r"these \(2, 2\) lie between 0 and 1 and sum to 1"):
        loss([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])
    with warnings.catch_warnings(action="error"):
        loss([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])
        type(loss)()([[1, 0], [0, 1]], [[0.9, 0.1], [1.2, 0.8]])


def test_what_looks_like_probabilities():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(32, 1000)).astype(np.float16)
    assert are_probabilities(tf.nn.softmax(logits))
    assert are_probabilities(np.full((2, 3, 4), 1 / 3), axis=1)
    assert not are_probabilities(logits)
    assert not are_probabilities(np.zeros((2, 3)))
    assert not are_probabilities(np.ones((4, 1)))
    assert not are_probabilities(np.zeros((0, 3)))
    assert not are_probabilities([[np.nan, 1.0]])


@pytest.mark.parametrize("loss", CLASSES)
@pytest.mark.parametrize("labels", [(6, 1), (6,)])
def test_one_output_is_refused_and_sigmoid_named(loss, labels):
    with pytest.raises(ValueError, match=r"logits \((6|None), 1\) have one class.*keras.losses.BinaryCrossentropy"):
        loss()(np.ones(labels, np.float32), np.zeros((6, 1), np.float32))
    model = ending_in(layers.Dense(1))
    model.compile("sgd", loss())
    with pytest.raises(ValueError, match="have one class"):
        model.fit(FEATURES, np.ones(labels, np.float32), verbose=0)
