"""Weights of classes: the formula, and what they do to the loss as trained and to the norms."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from ce_harness.errors import ConfigError
from ce_harness.losses import SoftmaxCrossEntropy, SoftmaxSquaredError
from ce_harness.metrics import P_TRUE_EDGES
from ce_harness.models import softmax_regression
from ce_harness.training import train_and_evaluate
from ce_harness.training.class_weights import class_weights
from ce_harness.training.gradient_monitor import GradientMonitor

NAMES = ("cat", "dog", "eel")


def test_balanced_is_scikit_learns():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights("balanced", NAMES, labels)
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(3), y=labels), rtol=1e-7)
    assert weights[labels].mean() == pytest.approx(1)


def test_classes_that_are_not_named_have_the_weight_one():
    assert class_weights({"dog": 2.5}, NAMES, np.arange(3)).tolist() == [1, 2.5, 1]
    assert class_weights({1: 2.0}, ("0", "1"), np.arange(2)).tolist() == [1, 2]
    assert class_weights(None, NAMES, np.arange(3)) is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"fox": 2.0}, r"^class_weight\.fox: there is no such class; the classes are cat, dog, eel$"),
        ("balanced", r"^class_weight=balanced: the class dog has no training example"),
    ],
)
def test_what_fits_no_class_is_refused(option, message):
    with pytest.raises(ConfigError, match=message):
        class_weights(option, NAMES, np.array([0, 2]))


@pytest.mark.parametrize("option", ["balancd", "{}", "{0: 0}", "{0: nan}", "[1,2]"])
def test_what_is_no_weight_is_refused_with_the_config(composed, option):
    with pytest.raises(ConfigError, match=r"^class_weight=.*: allowed is null, balanced, or a mapping"):
        train_and_evaluate(composed(f"class_weight={option}"))


def test_weights_in_a_loss_are_one_per_class(composed):
    expected = r"^loss=softmax_ce: class_weight needs one weight per class: class_weight \(2,\), logits \(1, 10\)$"
    with pytest.raises(ConfigError, match=expected):
        train_and_evaluate(composed("+loss.class_weight=[1,2]"))


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), SoftmaxSquaredError(), keras.losses.CategoricalHinge()])
def test_loss_and_norms_are_those_of_the_weighted_mean(loss):
    """One step, by hand: the mean over the batch of w_i l_i. The network starts from the same weights."""
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(7, 2, 2, 1)).astype(np.float32), np.array([0, 0, 0, 1, 1, 2, 2])
    one_hot, weights = np.eye(3, dtype=np.float32)[labels], np.array([0.5, 1.0, 3.0], np.float32)
    keras.utils.set_random_seed(0)
    network = softmax_regression((2, 2, 1), 3)
    with tf.GradientTape() as tape:
        logits = network(images)
        each = tf.stack([loss(one_hot[i : i + 1], logits[i : i + 1]) for i in range(7)])
        weighted = tf.reduce_mean(each * weights[labels])
    of_logits, *gradients = tape.gradient(weighted, [logits, *network.trainable_variables])
    model = GradientMonitor(network, steps_per_epoch=1, class_weights=weights)
    model.compile(keras.optimizers.SGD(0.1), loss)
    model.fit(images, one_hot, batch_size=7, shuffle=False, verbose=0)
    norms = [float(np.linalg.norm(gradient)) for gradient in gradients]
    per_example = 7 * np.linalg.norm(of_logits, axis=1)
    expected = [float(weighted), np.linalg.norm(norms), per_example.mean(), *norms]
    np.testing.assert_allclose(model.read_rows()[0], expected, rtol=1e-5)
    bins = model.read_bins()
    assert bins.shape == (len(P_TRUE_EDGES), 3)
    assert bins[:, 0].sum() == 7  # examples are counted, not weights
    assert bins[:, 1].sum() == pytest.approx(per_example.sum(), rel=1e-5)


def test_an_equal_weight_for_all_scales_the_gradient_and_not_the_scores(composed):
    """Weight 2 at half the rate takes the same steps; validation is not weighted."""
    plain = composed("epochs=2", "optimizer.momentum=0", "learning_rate=0.1")
    weights = ", ".join(f"{digit}: 2" for digit in range(10))  # numbers, as Hydra reads these names
    doubled = composed("epochs=2", "optimizer.momentum=0", "learning_rate=0.05", f"class_weight={{{weights}}}")
    scores = [train_and_evaluate(config) for config in (plain, doubled)]
    for name in ("test/nll", "best/val/loss"):
        assert scores[1][name] == pytest.approx(scores[0][name], rel=1e-5)
