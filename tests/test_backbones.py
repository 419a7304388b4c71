"""Networks of keras.applications below a head of our own."""

import hashlib

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from ce_harness import models
from ce_harness.config import checked, config_hash
from ce_harness.errors import ConfigError, DataError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking.reading import read_runs
from ce_harness.training import train_and_evaluate


@pytest.mark.parametrize(("network", "shape"), [("MobileNetV2", (32, 32, 1)), ("VGG16", (48, 32, 3))])
def test_a_backbone_returns_logits(network, shape):
    model = models.backbone(shape, 7, network, dropout=0.2, head_stddev=4.0)
    logits = model(np.random.default_rng(0).random((2, *shape), np.float32))
    assert logits.shape == (2, 7)
    assert np.std(model.get_layer("head").kernel) == pytest.approx(4.0, rel=0.15)


def test_pixels_from_0_to_1_become_what_the_network_was_made_for():
    model = models.backbone((32, 32, 1), 2, "MobileNetV2")
    gray = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    as_published = keras.applications.mobilenet_v2.preprocess_input(255 * np.repeat(gray, 3, axis=-1))
    assert as_published.min() < -0.9
    features = model.layers[-3](as_published)
    np.testing.assert_allclose(
        model(gray), model.get_layer("head")(features.numpy().mean((1, 2))), rtol=1e-4, atol=1e-6
    )


@pytest.fixture
def weights(tmp_path):
    """A file as keras.applications' own are: without top."""
    network = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / "vgg16.weights.h5"
    network.save_weights(path)
    return path, network


def test_weights_come_from_a_file_whose_digest_is_checked(weights, composed):
    path, network = weights
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    model = models.backbone((32, 32, 3), 3, "VGG16", weights=str(path), weights_sha256=digest, frozen=True)
    assert [variable.path for variable in model.trainable_variables] == ["head/kernel", "head/bias"]
    for ours, theirs in zip(model.get_layer("vgg16").weights, network.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ConfigError, match=rf"^model\.weights_sha256: it has no value yet; that of .* is {digest}$"):
        models.backbone((32, 32, 3), 3, "VGG16", weights=str(path))
    with pytest.raises(DataError, match=r"is [0-9a-f]{64}, not 00; get the file again$"):
        models.backbone((32, 32, 3), 3, "VGG16", weights=str(path), weights_sha256="00")
    hashes = {
        config_hash(composed("model=mobilenet_v2", f"model.weights={place}", f"model.weights_sha256={digest}"))
        for place in ("here.h5", "there.h5")
    }
    assert len(hashes) == 1


def test_a_network_that_keras_lacks_is_refused():
    with pytest.raises(ConfigError, match=r"^model\.network=LeNet: allowed is one of ConvNeXtBase, "):
        models.backbone((32, 32, 3), 3, "LeNet")


@pytest.mark.slow
def test_frozen_layers_are_counted_and_named_and_have_no_norms(composed, tmp_path):
    """10 s: MobileNetV2 is traced. Its last three layers are a convolution, its batch normalisation and a ReLU."""
    with pytest.raises(ConfigError, match="too deep for images of 8x8x1"):
        train_and_evaluate(composed("model=mobilenet_v2"))
    digits = load_digits()
    large = np.kron(digits.images[:100], np.ones((4, 4))).astype(np.uint8) * 15
    np.savez(tmp_path / "large.npz", x=large, y=digits.target[:100])
    data = ["dataset=npz", f"dataset.path={tmp_path / 'large.npz'}"]
    config = composed("model=mobilenet_v2", "model.frozen=true", "model.trained_layers=3", *data, "epochs=1")
    train_and_evaluate(config)
    (run,) = read_runs(config.tracking_uri, config.study)
    trained = {"Conv_1/kernel", "Conv_1_bn/gamma", "Conv_1_bn/beta", "head/kernel", "head/bias"}
    assert {name for name in run.steps() if "/variable/" in name} == {f"grad_norm/variable/{name}" for name in trained}
    table = pd.read_csv(RunDirectory.of(checked(config)).artifacts / "variables.csv")
    assert set(table.loc[table["trained"], "variable"]) == trained
    assert run.tags["layers_frozen"] == str(table["layer"].nunique() - 3)
    assert run.tags["parameters_trained"] == str(320 * 1280 + 2 * 1280 + 1280 * 10 + 10)
