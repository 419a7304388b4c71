"""From Python values to the words of a run command, and what can't become one."""

from importlib import import_module

import keras
import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from ce_harness import compare
from ce_harness.comparison.sweep_process import train
from ce_harness.comparison.words import Options, seed_numbers, word
from ce_harness.errors import ConfigError, HarnessError
from ce_harness.losses import Focal

TEXTS = ["sgd", "a b", "it's", "50%, (or) so", "tail\\", "", "null", "True", "1e-3", "inf", "val/loss"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        np.False_,
        3,
        np.int64(3),
        0.05,
        np.float32(0.5),
        1e-7,
        *TEXTS,
        [1, "a b"],
        {"patience": 3, "metric": "val/loss"},
    ],
)
def test_hydra_reads_the_value_that_was_given(value):
    override = OverridesParser.create().parse_override(f"key={word(value)}")
    assert override.value() == value


def test_seeds_are_a_number_or_a_list():
    assert seed_numbers(3) == [0, 1, 2]
    assert seed_numbers(range(5, 8)) == [5, 6, 7]


@pytest.mark.parametrize("seeds", [1, 0, [4], [1, 1, 2]])
def test_seeds_that_make_no_pairs_are_refused(seeds):
    with pytest.raises(ConfigError, match="at least 2, or a list of different seeds"):
        seed_numbers(seeds)


def of_a_module(labels, logits): ...


@pytest.mark.parametrize(
    ("part", "name", "option"),
    [
        (of_a_module, "of_a_module", {"_target_": "tests.comparison.test_words.of_a_module"}),
        (keras.losses.Hinge, "Hinge", {"_target_": "keras.losses.Hinge"}),
        (Focal, "Focal", {"_target_": "ce_harness.losses.Focal"}),
        ("my_loss.Tempered", "Tempered", {"_target_": "my_loss.Tempered"}),
        ({"_target_": "my_loss.Tempered", "t": 2.0, "name": "hot"}, "hot", {"_target_": "my_loss.Tempered", "t": 2.0}),
    ],
)
def test_a_part_of_ones_own_becomes_an_option(tmp_path, part, name, option):
    assert Options(tmp_path).name("loss", part) == name
    assert OmegaConf.load(tmp_path / "loss" / f"{name}.yaml") == {"name": name} | option


def test_an_option_that_exists_needs_no_file(tmp_path):
    assert Options(tmp_path / "options").name("loss", "mse") == "mse"
    assert not (tmp_path / "options").exists()


def test_what_another_process_cannot_import_is_refused(tmp_path):
    in_a_notebook = type("Mine", (), {"__module__": "__main__"})
    with pytest.raises(ConfigError, match=r"^loss=Mine: .* write it into a file beside it, my_loss\.py"):
        Options(tmp_path).name("loss", in_a_notebook)
    with pytest.raises(ConfigError, match=r"^loss=3: allowed is the name of an option"):
        Options(tmp_path).name("loss", 3)


TWO = {"losses": ["mse", "softmax_ce"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"losses": "mse"}, "a list of two losses or more"),
        ({"losses": ["mse"]}, "a list of two losses or more"),
        ({"losses": ["mse", "mse"]}, "a list of two losses or more"),
        (
            {"losses": ["mse", keras.losses.Hinge()]},
            r"^loss=.* {'_target_': 'keras\.losses\.Hinge', \.\.\.}$",
        ),
        (TWO | {"model": keras.Sequential([])}, "^model=<Sequential .*a mapping of a _target_ and arguments$"),
        (TWO | {"metrics": [keras.metrics.MeanSquaredError()]}, "^metrics: <MeanSquared.*: allowed are text, numbers"),
        (TWO | {"tunes": {"learning_rate": 0.1}}, "^tunes: learning_rate=0.1: allowed is a list of values to try$"),
        (TWO | {"tunes": {"optimizer": "adam"}}, "^tunes: optimizer='adam': allowed is a list"),
        (
            {"losses": [{"_target_": "my_loss.T", "t": 1}, {"_target_": "my_loss.T", "t": 2}]},
            "^losses: two are called T",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, arguments, message):
    with pytest.raises(ConfigError, match=message):
        compare(**arguments, runs_dir=tmp_path)


IMAGES = np.random.default_rng(0).random((6, 4, 4)).astype(np.float32)
LABELS = [0, 1, 2] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": IMAGES}, "^y is missing: give the class ids of x"),
        ({"x": IMAGES, "y": LABELS, "x_test": IMAGES}, "^y_test is missing"),
        ({"x": IMAGES, "y": LABELS[:-1]}, "^y has 5 labels for 6 images"),
        ({"x": IMAGES, "y": ["a", "b", "c"] * 2}, "^y has data type <U1; allowed: integer class ids from 0"),
        ({"x": IMAGES, "y": np.array(LABELS) + 1}, "^the labels of y have gaps"),
        ({"x": IMAGES, "y": LABELS, "class_names": ["a", "b"]}, "^y has the label 2 at index 2"),
        ({"x": IMAGES, "y": LABELS, "x_test": IMAGES, "y_test": [3] * 6}, "^y_test has the label 3"),
        ({"x": IMAGES.reshape(6, 16), "y": LABELS}, r"^x has shape \(6, 16\)"),
        ({"x": (IMAGES * 16).round(), "y": LABELS}, "^the pixels of x are float32 .*dataset.white=16"),
    ],
)
def test_arrays_are_checked_before_anything_trains(tmp_path, arguments, message):
    with pytest.raises(HarnessError, match=message):
        compare(**TWO, **arguments, runs_dir=tmp_path)
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize(
    "arguments", [{"dataset.white": 16}, {"dataset.standardize": True}, {"overrides": ["dataset.white=16"]}]
)
def test_a_range_of_pixels_that_is_explained_is_taken(asked, arguments):
    ((words,), *_) = asked("mse", "softmax_ce", x=(IMAGES * 16).round(), y=np.eye(3)[LABELS], **arguments)
    assert "dataset=npz" in words


def test_what_the_command_refuses_is_raised(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="batch_size"):
        train(["batch_size=0", f"runs_dir={tmp_path}"], "two losses")


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Calls ``compare``, which trains nothing: the words of each sweep, and what is read of the store."""
    module, told = import_module("ce_harness.comparison.compare"), []
    monkeypatch.setattr(module, "train", lambda words, title: told.append(words))
    monkeypatch.setattr(module.Comparison, "of_tracked", lambda *args: args)

    def ask(*losses, **arguments):
        told.clear()
        _, study, *_, tunes = module.compare(losses, runs_dir=tmp_path, **arguments)
        return [set(words) for words in told], study, tunes

    return ask


def test_values_to_try_are_swept_over_and_tuned(asked):
    tunes = {"learning_rate": [0.1, 1], "optimizer.momentum": [0, 0.9]}
    (words,), _, keys = asked("softmax_ce", "mse", tunes=tunes)
    assert {"learning_rate=0.1,1", "optimizer.momentum=0,0.9", "loss=softmax_ce,mse"} <= words
    assert keys == ("learning_rate", "optimizer.momentum")


def test_a_loss_is_tried_at_the_values_of_a_key_that_it_alone_has(asked):
    tunes = {"learning_rate": [0.1, 1], "loss.gamma": {"focal": [1, 2]}}
    (others, focal), *_ = asked("softmax_ce", "focal", "mse", tunes=tunes)
    assert {"loss=softmax_ce,mse", "learning_rate=0.1,1"} <= others
    assert {"loss=focal", "learning_rate=0.1,1", "loss.gamma=1,2"} <= focal
    assert not any(word.startswith("loss.gamma") for word in others)


def test_to_keep_the_networks_makes_no_other_study(asked):
    studies = {asked("softmax_ce", "mse", **more)[1] for more in ({}, {"save_model": True}, {"device": "cpu"})}
    assert len(studies) == 1
    assert asked("softmax_ce", "mse", epochs=3)[1] not in studies
