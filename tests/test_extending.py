"""Parts of a user's own: what docs/extending.md shows is written to a folder and run, word for word."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from sklearn.datasets import load_digits

from ce_harness.config import checked
from ce_harness.config.error_messages import explain
from ce_harness.errors import ConfigError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking.reading import read_runs
from ce_harness.training import train_and_evaluate
from ce_harness.training.parts import make_dataset
from ce_harness.training.state import weights_hash
from tests.conftest import ROOT

TEXT = (Path(ROOT) / "docs" / "extending.md").read_text()
FILES = re.findall(r"`(mine/\S+)`:\n\n```\w+\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^python (run.py .*)$", TEXT, re.MULTILINE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the user works: the folder ``mine`` and the data."""
    for name, content in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    digits = load_digits()
    rows = [[label, *image] for label, image in zip(digits.target[:200], digits.data[:200].astype(int), strict=True)]
    lines = ["label,pixels", *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "digits.csv").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_the_harness_takes(folder, command, monkeypatch):
    monkeypatch.syspath_prepend(folder / "mine")  # as --config-dir does
    overrides = [word.split(",")[0] for word in command.split() if "=" in word and not word.startswith("-")]
    with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
        config = compose("config", [f"hydra.searchpath=[file://{folder}/mine]", *overrides])
    checked(config)


def test_a_study_of_own_parts_runs(folder, runs_dir):
    command = next(command for command in COMMANDS if "-m experiment" in command)
    quick = ["epochs=1", "batch_size=16", "threads=1", "seed=0", f"runs_dir={runs_dir}", "hydra.launcher.n_jobs=1"]
    script, *words = command.split()
    subprocess.run([sys.executable, os.path.join(ROOT, script), *words, *quick], cwd=folder, check=True)
    runs = read_runs(f"sqlite:///{runs_dir}/mlflow.db", "margin_vs_ce")
    assert {(run.tags["loss"], run.status) for run in runs} == {("margin", "complete"), ("softmax_ce", "complete")}
    for run in runs:
        assert (run.tags["dataset"], run.tags["model"]) == ("csv_images", "two_layers")
        assert run.metrics["train/weight_norm"] > 0
        assert "grad_norm/variable/two_layers/hidden/kernel" in run.metrics


def test_data_that_are_streamed_are_read_batch_by_batch(folder, composed, monkeypatch):
    """The pixels stay a map of the file, and a run on them ends."""
    monkeypatch.syspath_prepend(folder / "mine")
    digits = load_digits()
    (folder / "large").mkdir()
    np.save(folder / "large" / "images.npy", (digits.images[:200, ..., None] * 15).astype(np.uint8))
    np.save(folder / "large" / "labels.npy", digits.target[:200])
    config = composed("epochs=1")
    config.dataset = {"_target_": "my_stream.streamed", "path": str(folder / "large"), "name": "streamed"}
    dataset = make_dataset(checked(config))
    assert all(isinstance(split.pixels, np.memmap) for split in dataset.splits.values())
    assert 0 <= train_and_evaluate(config)["test/accuracy"] <= 1


class Subclassed(keras.Model):
    """A network written as a class: Keras learns its shapes only when it is called."""

    def __init__(self, input_shape, num_classes):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.head = keras.layers.Dense(num_classes)

    def call(self, images):
        return self.head(self.flatten(images))

    def get_config(self):  # to be saved
        return {"input_shape": None, "num_classes": self.head.units}


class Slip(Subclassed):
    def call(self, images):
        return self.haed(images)


def test_a_subclassed_network_trains_and_keras_own_callback_saves_it(composed, tmp_path):
    config = composed("epochs=1", "save_model=true")
    config.model = {"_target_": "tests.test_extending.Subclassed"}
    saves = {"_target_": "keras.callbacks.ModelCheckpoint"}
    config.callbacks = {
        "whole": {**saves, "filepath": f"{tmp_path}/network.keras"},
        "weights": {**saves, "filepath": f"{tmp_path}/network.weights.h5", "save_weights_only": True},
    }
    train_and_evaluate(config)
    run = RunDirectory.of(checked(config))
    expected = run.outcome["weights"]
    for path in (run.artifacts / "model" / "data" / "classifier.keras", tmp_path / "network.keras"):
        loaded = keras.models.load_model(path, {"Subclassed": Subclassed})
        assert weights_hash(loaded) == expected
    loaded.head.kernel.assign(0 * loaded.head.kernel)
    loaded.load_weights(f"{tmp_path}/network.weights.h5")
    assert weights_hash(loaded) == expected


BEYOND_ANY_MACHINE = (2**25, 2**25)  # numbers; an address has fewer bits than their bytes would take


def too_large(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), Wide()])


class Wide(keras.layers.Layer):
    def build(self, input_shape):
        self.add_weight(shape=BEYOND_ANY_MACHINE)


class TooLarge(Subclassed):
    def call(self, images):  # Keras makes a TypeError of what NumPy raises here
        return super().call(images + np.zeros(BEYOND_ANY_MACHINE))


class TooLargeInTraining(Subclassed):
    def call(self, images):
        return super().call(images) + tf.reduce_mean(tf.random.normal(BEYOND_ANY_MACHINE))


@pytest.mark.parametrize("network", [too_large, TooLarge, TooLargeInTraining])
def test_a_full_memory_is_one_line_that_does_not_blame_the_config(composed, network):
    config = composed()
    config.model = {"_target_": f"tests.test_extending.{network.__name__}"}
    with pytest.raises((InstantiationException, ConfigError, tf.errors.ResourceExhaustedError)) as raised:
        train_and_evaluate(config)
    known = explain(raised.value)
    assert known.exit_code == 1
    why = r"OOM when allocating tensor with shape\[\S+\] and type float|Unable to allocate [^\n]+ data type float64"
    assert re.fullmatch(rf"the memory is full \(({why})\); take a smaller model, batch_size or data set", str(known))


def test_a_full_disk_is_not_a_full_memory():
    error = tf.errors.ResourceExhaustedError(None, None, "/dev/full; No space left on device")
    assert explain(error) is None


def test_a_slip_in_a_subclassed_network_is_one_line(composed, recwarn):
    config = composed()
    config.model = {"_target_": "tests.test_extending.Slip"}
    with pytest.raises(ConfigError, match=r"^model=Slip: can't be built for .* no attribute 'haed'$"):
        train_and_evaluate(config)
    assert not recwarn.list
