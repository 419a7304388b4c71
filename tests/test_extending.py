"""Parts of a user's own: what docs/extending.md shows is written to a folder and typed there, word for word."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from PIL import Image
from sklearn.datasets import load_digits

from ce_harness.config import checked
from ce_harness.config.error_messages import explain
from ce_harness.errors import ConfigError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.training import train_and_evaluate
from ce_harness.training.parts import make_dataset
from ce_harness.training.state import weights_hash
from tests.conftest import ROOT

TEXT = (Path(ROOT) / "docs" / "extending.md").read_text()
FILES = re.findall(r"`mine/(\S+)`:\n\n```\w+\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^(?:ce-run|ce-report|python) .*$", TEXT, re.MULTILINE)
(SWEEP,) = (command for command in COMMANDS if " -m " in command)
PROGRAMS = {
    "ce-run": "-c 'from ce_harness.cli.commands import run; run()'",
    "ce-report": "-c 'from ce_harness.cli.commands import report; report()'",
    "python": "",
}
LOSSES = ("margin", "mse", "softmax_ce")


@pytest.fixture
def written(tmp_path):
    """The user's folder, as the page shows it."""
    for name, content in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("ce-run")])
def test_every_run_command_is_one_the_harness_takes(written, command, monkeypatch):
    monkeypatch.chdir(written)
    monkeypatch.syspath_prepend(written)  # as --config-dir does
    overrides = [word.split(",")[0] for word in shlex.split(command) if "=" in word and not word.startswith("-")]
    with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
        config = compose("config", [f"hydra.searchpath=[file://{written}]", *overrides])
    checked(config)


class Walk:
    """The user's folder while the commands of the page are typed in it; what each printed."""

    def __init__(self, folder, programs):
        self.folder = folder
        self.printed = {}
        for name, arguments in PROGRAMS.items():
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
            (programs / name).chmod(0o755)
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": ROOT}

    def type(self, command):
        answer = subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env=self._environment, capture_output=True, text=True
        )
        self.printed[command] = answer.stdout + answer.stderr
        assert answer.returncode == 0, f"{command}\n{self.printed[command]}"

    @property
    def trained(self):
        """How many runs have ended in the folder for runs, by loss."""
        ends = self.folder.glob("runs/*/outcome.json")
        configs = [(end.parent / "artifacts" / "config.yaml").read_text() for end in ends]
        return {loss: sum(f"\n  name: {loss}\n" in config for config in configs) for loss in LOSSES}


def draw_shapes(folder):
    """Three classes of noisy images, 40 of each, and a new one."""
    pixels = np.abs(np.indices((16, 16)) - 7.5)
    shapes = {"circle": np.hypot(*pixels) < 6, "cross": pixels.min(axis=0) < 2, "square": pixels.max(axis=0) < 5}
    rng = np.random.default_rng(0)
    for name, shape in shapes.items():
        (folder / "shapes" / name).mkdir(parents=True)
        for number in range(41):
            image = np.clip(160 * shape + rng.normal(40, 40, shape.shape), 0, 255).astype(np.uint8)
            file = folder / "shapes" / name / f"{number}.png" if number < 40 else folder / "new.png"
            Image.fromarray(image).save(file)  # the new one ends as the last class, a square


def write_digits(folder):
    """200 images of digits, as the CSV file and as the two arrays that the page reads."""
    digits = load_digits()
    rows = np.column_stack([digits.target, digits.data]).astype(int)[:200]
    np.savetxt(folder / "digits.csv", rows, fmt="%d", delimiter=",", header="label,pixels", comments="")
    (folder / "large").mkdir()
    np.save(folder / "large" / "images.npy", (digits.images[:200, ..., None] * 15).astype(np.uint8))
    np.save(folder / "large" / "labels.npy", digits.target[:200])


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """After every command of the page was typed, one after the other."""
    folder = tmp_path_factory.mktemp("mine")
    for name, content in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    draw_shapes(folder)
    write_digits(folder)
    walk = Walk(folder, tmp_path_factory.mktemp("programs"))
    for command in COMMANDS:
        walk.type(command)
    return walk


@pytest.mark.slow
def test_parts_of_ones_own_are_trained_tuned_and_judged(walk):
    report = walk.folder / "results" / "margin_vs_ce"
    runs = pd.read_csv(report / "rows" / "runs.csv")
    assert set(zip(runs["loss"], runs["seed"], strict=True)) == set(product(LOSSES, range(2, 8)))
    assert set(runs["dataset"]) == {"shapes"}
    assert runs.groupby("loss")["learning_rate"].nunique().tolist() == [1, 1, 1]
    verdicts = pd.read_csv(report / "verdicts.csv")
    assert verdicts["metric"].tolist() == ["test/accuracy", "test/worst_class", "train/weight_norm"]
    assert verdicts["n"].tolist() == [6, 6, 6]
    assert "Margin ends with smaller weights" in (report / "index.html").read_text()
    assert (report / "differences.pdf").read_bytes().startswith(b"%PDF")
    assert (report / "verdicts.tex").exists()


@pytest.mark.slow
def test_anybody_gets_the_same_report_from_the_rows(walk):
    for name in ("verdicts.md", "comparison.tex", "differences.svg"):
        first, again = (walk.folder / made / name for made in ("results/margin_vs_ce", "again"))
        assert first.read_bytes() == again.read_bytes()


@pytest.mark.slow
def test_a_kept_network_predicts_a_new_image(walk):
    (command,) = (command for command in COMMANDS if command.startswith("python predict.py"))
    assert re.fullmatch(r"new.png: square \(\d+%\)\n", walk.printed[command])  # and nothing of TensorFlow's


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_the_paper_takes_in_the_table_and_the_figure(walk):
    for _ in range(2):  # the second time it knows the number of the table
        answer = subprocess.run(["pdflatex", "-halt-on-error", "paper"], cwd=walk.folder, capture_output=True)
        assert answer.returncode == 0, answer.stdout
    log = (walk.folder / "paper.log").read_text(errors="replace")
    assert not re.search("undefined|Overfull|Missing character", log)
    assert "results/margin_vs_ce/differences.pdf" in log.replace("\n", "")


@pytest.mark.slow
def test_after_an_edit_what_it_concerns_is_trained_again_and_no_more(walk):
    loss, before = walk.folder / "my_loss.py", walk.trained
    code = loss.read_text()
    loss.write_text(code.replace("        true = ", "        # The logit of the true class.\n        true = "))
    walk.type(SWEEP)
    assert walk.trained == before
    loss.write_text(code.replace("-1e9", "-1e8"))
    walk.type(SWEEP)
    assert walk.trained == {**before, "margin": before["margin"] + 4}  # two rates, two seeds


def test_data_that_are_streamed_are_read_batch_by_batch(written, composed, monkeypatch):
    """The pixels stay a map of the file, and a run on them ends."""
    monkeypatch.syspath_prepend(written)
    write_digits(written)
    config = composed("epochs=1")
    config.dataset = {"_target_": "my_stream.streamed", "path": str(written / "large"), "name": "streamed"}
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
