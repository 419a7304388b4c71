"""The network of a run for use: raw images in, named and calibrated probabilities out, without this package."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.datasets import load_digits

from ce_harness import load
from ce_harness.classifier import assemble
from ce_harness.config import checked
from ce_harness.rundir.directory import RunDirectory
from ce_harness.training import train_and_evaluate

RAW = load_digits().images[..., np.newaxis].astype(np.uint8)  # 0 to 16


@pytest.fixture
def kept(composed, monkeypatch):
    """A run that kept its network: its directory, its MLflow URI, and what it said of its test images."""

    def train(*overrides):
        config = composed("save_model=true", "epochs=2", "dataset.limit=200", *overrides)
        scores = train_and_evaluate(config)
        run = RunDirectory.of(checked(config))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", config.tracking_uri)
        uri = f"runs:/{run.position(config.tracking_uri, config.mlflow_experiment).run_id}/model"
        with np.load(run.predictions, allow_pickle=False) as predictions:
            expected = softmax(predictions["logits"] / scores["test/temperature"], axis=1)
            return run, uri, RAW[predictions["index"]], expected

    return train


@pytest.mark.parametrize("overrides", [(), ("dataset.standardize=true", "model=lenet5", "precision=mixed_bfloat16")])
def test_raw_images_give_the_calibrated_probabilities_of_the_run(kept, overrides):
    run, uri, images, expected = kept(*overrides)
    loaded = load(run.path)
    assert loaded.class_names == tuple("0123456789")
    tolerance = {"rtol": 1e-5, "atol": 1e-7} if not overrides else {"rtol": 0.05, "atol": 1e-3}  # of bfloat16
    for predicted in (loaded.predict(images), load(run.model).predict(images[..., 0])):
        assert list(predicted.columns) == list("0123456789")
        np.testing.assert_allclose(predicted, expected, **tolerance)
    served = mlflow.pyfunc.load_model(uri).predict(images.astype(RAW.dtype))
    pd.testing.assert_frame_equal(served, loaded.predict(images))
    assert f"keras=={keras.__version__}" in (run.model / "requirements.txt").read_text()


# Runs in an empty folder with Keras alone: that this package is installed is made to say nothing.
ELSEWHERE = """
import sys
sys.modules["ce_harness"] = None
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
answer = model.predict(np.load("images.npy"), verbose=0)
np.save("probabilities.npy", answer["probabilities"])
print(*(name.decode() for name in answer["class"]), sep=",")
"""


@pytest.mark.slow
def test_keras_alone_loads_it_in_a_clean_process(kept, tmp_path):
    """5 s: another process imports TensorFlow."""
    run, _, images, expected = kept()
    np.save(tmp_path / "images.npy", images)
    words = [sys.executable, "-c", ELSEWHERE, str(run.model / "data" / "classifier.keras")]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(np.load(tmp_path / "probabilities.npy"), expected, rtol=1e-5, atol=1e-7)
    assert said.strip().split(",") == [str(digit) for digit in expected.argmax(axis=1)]


def test_nothing_in_it_is_pickled(kept):
    run, *_ = kept()
    assert {path.suffix for path in run.model.rglob("*") if path.is_file()} <= {
        "",
        ".json",
        ".keras",
        ".py",
        ".txt",
        ".yaml",
    }


def test_class_names_and_scaling_are_inside():
    """Two pixels, an identity for a network: (8 - 2) / 3 and (2 - 2) / 3, halved, are the logits 1 and 0."""
    inputs = keras.Input((1, 1, 2))
    network = keras.Model(inputs, keras.layers.Flatten()(inputs))
    model = assemble(network, (1, 1, 2), class_names=["a cat", "naïve"], temperature=2.0, mean=2.0, deviation=3.0)
    answer = model(np.array([[[[8, 2]]], [[[2, 8]]]], np.uint8))
    assert [name.decode() for name in answer["class"].numpy()] == ["a cat", "naïve"]
    np.testing.assert_allclose(answer["probabilities"][0], softmax([1.0, 0.0]), rtol=1e-6)


def test_images_of_another_shape_and_files_that_are_not_there_are_refused(kept, tmp_path):
    run, *_ = kept()
    with pytest.raises(ValueError, match=r"^images must have the shape \(N, 8, 8, 1\), got \(2, 9, 8, 1\)$"):
        load(run.path).predict(np.zeros((2, 9, 8, 1)))
    with pytest.raises(FileNotFoundError, match=r"there is no classifier\.keras in it; train with save_model=true"):
        load(tmp_path)


@pytest.mark.slow
def test_mlflow_predicts_and_serves_it(kept, tmp_path):
    """A minute: two commands of MLflow's, each of which loads TensorFlow."""
    run, _, images, expected = kept()
    body = json.dumps({"inputs": images[:3].tolist()})
    (tmp_path / "images.json").write_text(body)
    command = [sys.executable, "-m", "mlflow", "models"]
    asked = [*command, "predict", "-m", str(run.model), "-i", "images.json", "-t", "json", "--env-manager", "local"]
    said = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    compare(said, expected[:3])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    serve = [*command, "serve", "-m", str(run.model), "-h", "127.0.0.1", "-p", port, "--env-manager", "local"]
    activated = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    server = subprocess.Popen(serve, cwd=tmp_path, env=activated, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        compare(answer(f"http://127.0.0.1:{port}/invocations", body, server), expected[:3])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def answer(url, body, server):
    """Asks until the server is up."""
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    while server.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=60) as said:
                return said.read().decode()
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.5)
    pytest.fail("the server has ended")


def compare(said, expected):
    predicted = pd.DataFrame(json.loads(said[said.index("{") :])["predictions"])
    assert list(predicted.columns) == list("0123456789")
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-7)
