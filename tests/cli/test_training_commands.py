"""Every command that a report prints trains what it says: its words are read as Hydra reads them."""

import shlex
from itertools import product

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from ce_harness.cli.composing import Configs, flat
from ce_harness.cli.training_commands import TrainingCommands, boxes
from ce_harness.errors import ConfigError
from tests.report.synthetic import Run

PATH = "my data, 'new' & \"old\"/x=1.npz"


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "my confs"
    (folder / "dataset").mkdir(parents=True)
    (folder / "dataset" / "flowers.yaml").write_text("name: photos\n_target_: ce_harness.datasets.npz\npath: ???\n")
    return Configs(folder)


def trained_by(command, configs):
    """The parameters of every run of a printed command."""
    program, *words = shlex.split(command)
    assert program == "ce-run"
    assert words[:3] == ["--config-dir", str(configs.own), "-m"]
    values = []
    for override in OverridesParser.create().parse_overrides(words[3:]):
        texts = (
            override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_element_as_str()]
        )
        values.append([f"{override.key_or_group}={text}" for text in texts])
    return [flat(configs.compose(overrides)) for overrides in product(*values)]


def test_a_command_names_the_option_and_not_the_data_and_what_its_runs_were_told(own):
    told = {"dataset.path": PATH, "epochs": "7", "model.head_stddev": "4.0", "runs_dir": "elsewhere"}
    run = Run("mse", 0, tags={"dataset": "photos", "study": "mine"}, params=told)
    wanted = [
        {"dataset": "photos", "model": "lenet5", "loss": loss, "optimizer": "sgd", "seed": seed}
        for loss in ("mse", "focal")
        for seed in (1, 2)
    ]
    of_mse = [one for one in wanted if one["loss"] == "mse"]
    (command,) = TrainingCommands("ce-run", own, "mine", trained=[run]).of(of_mse)
    trained = trained_by(command, own)
    assert [params["seed"] for params in trained] == ["1", "2"]
    for params in trained:
        assert (params["study"], params["dataset.name"], params["loss.name"]) == ("mine", "photos", "mse")
        assert (params["dataset.path"], params["epochs"], params["model.head_stddev"]) == (PATH, "7", "4.0")
        assert params["runs_dir"] == "runs"


def test_a_name_that_no_option_has_is_told_by_the_class_behind_it(own):
    """As ``dataset=image_directory dataset.name=pets``, typed or written in an experiment."""
    told = {"dataset.path": "images", "dataset.name": "pets", "dataset._target_": "ce_harness.datasets.image_directory"}
    run = Run("mse", 0, tags={"dataset": "pets"}, params=told)
    wanted = {"dataset": "pets", "model": "lenet5", "loss": "mse", "optimizer": "sgd", "seed": 1}
    (command,) = TrainingCommands("ce-run", own, "mine", trained=[run]).of([wanted])
    (params,) = trained_by(command, own)
    assert {key: params[key] for key in told} == told
    (own.own / "experiment").mkdir()
    (own.own / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /dataset: image_directory\nstudy: mine\n"
        "dataset: {name: pets, path: images}\n"
    )
    (command,) = TrainingCommands("ce-run", Configs(own.own), "mine").of([wanted])
    (params,) = trained_by(command, own)
    assert {key: params[key] for key in told} == told


@pytest.mark.parametrize("value", ["a b", "a,b", "it's", 'say "so"', "x=1", "", "(1)", "10%", "new\\old", "#3", "~"])
def test_any_value_comes_through_the_shell_and_hydra(own, value):
    keys = {"dataset": "photos", "loss": "mse", "seed": 0, "dataset.path": value or "."}
    (command,) = TrainingCommands("ce-run", own, "mine").of([keys])
    assert trained_by(command, own)[0]["dataset.path"] == (value or ".")


def test_what_was_added_to_the_runs_is_added_again_and_a_group_that_the_study_does_not_name_is_told(own):
    told = {
        "callbacks.f1._target_": "my_callback.F1",
        "optimizer.weight_decay": "0.01",
        "model.name": "softmax_regression",
        "model._target_": "ce_harness.models.softmax_regression",
    }
    run = Run("mse", 0, tags={"model": "softmax_regression"}, params=told)
    (command,) = TrainingCommands("ce-run", own, "mine", trained=[run]).of([{"loss": "mse", "seed": 7}])
    words = shlex.split(command)[4:]
    assert words == [
        *("study=mine", "loss=mse", "seed=7", "model=softmax_regression"),
        *("callbacks.f1._target_=my_callback.F1", "epochs=6", "+optimizer.weight_decay=0.01"),
    ]


def test_an_experiment_is_named_only_where_it_is_an_option(own):
    ours = Configs()
    assert TrainingCommands("ce-run", ours, "demo").whole == "ce-run -m experiment=demo"
    assert TrainingCommands("ce-run", ours, "mine").whole == "ce-run -m study=mine"
    added = TrainingCommands("ce-run", ours, "wider", "experiment=label_noise epochs=3").whole
    assert added == "ce-run -m study=wider experiment=label_noise epochs=3"


def test_combinations_become_the_fewest_sweeps():
    rates = {"softmax_ce": 0.1, "mse": 1.0}
    wanted = [
        {"model": "lenet5", "loss": loss, "learning_rate": rates[loss], "seed": s} for loss in rates for s in (2, 3)
    ]
    wanted += [{"model": "mlp", "loss": loss, "learning_rate": 0.1, "seed": s} for loss in rates for s in (2, 3)]
    assert boxes(wanted) == [
        {"model": ("lenet5",), "loss": ("softmax_ce",), "learning_rate": (0.1,), "seed": (2, 3)},
        {"model": ("lenet5",), "loss": ("mse",), "learning_rate": (1.0,), "seed": (2, 3)},
        {"model": ("mlp",), "loss": ("softmax_ce", "mse"), "learning_rate": (0.1,), "seed": (2, 3)},
    ]


def test_the_runs_that_choose_the_learning_rates_come_first():
    missing = [{"loss": "mse", "seed": 5}, {"loss": "mse", "seed": 0}]
    commands = TrainingCommands("ce-run", Configs(), "mine").of_missing(missing, range(3))
    assert [command.rpartition(" ")[2] for command in commands] == ["seed=0", "seed=5"]


SCHEDULE = {"_target_": "my_schedule.Warm", "steps": "200", "why": "a, b"}


@pytest.mark.parametrize(
    ("experiment", "told"),
    [
        ("", {f"learning_rate_schedule.{key}": text for key, text in SCHEDULE.items()}),
        ("", {"class_weight.cat": "2.5", "class_weight.a: b, c": "1.0"}),
        ("class_weight: {cat: 2.0}\n", {"class_weight": "None"}),
        ("class_weight: {cat: 2.0}\n", {"class_weight.cat": "3.0"}),
    ],
)
def test_a_mapping_that_runs_were_told_is_told_again(own, experiment, told):
    (own.own / "experiment").mkdir()
    (own.own / "experiment" / "mine.yaml").write_text(f"# @package _global_\nstudy: mine\n{experiment}")
    (command,) = TrainingCommands("ce-run", own, "mine", trained=[Run("mse", 0, params=told)]).of([{"seed": 7}])
    (params,) = trained_by(command, own)
    assert {key: one for key, one in params.items() if key.startswith(tuple(told))} == told


def test_a_key_that_no_config_has_any_more_is_left_out(own):
    run = Run("mse", 0, params={"of_an_earlier_version": "1", "epochs": "30"})
    (command,) = TrainingCommands("ce-run", own, "mine", trained=[run]).of([{"loss": "mse", "seed": 7}])
    assert shlex.split(command)[4:] == ["study=mine", "loss=mse", "seed=7"]


def test_a_command_for_an_option_that_is_not_there_is_not_printed(own):
    missing = [{"loss": "margin", "seed": 0}]
    told = r"^loss=margin: no option of the group has this name; --config-dir DIR names the folder"
    with pytest.raises(ConfigError, match=told):
        TrainingCommands("ce-run", Configs(), "mine").of_missing(missing, ())
