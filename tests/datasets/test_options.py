"""The options of conf/dataset are the loaders' options."""

import inspect
from pathlib import Path

import pytest
import yaml

from ce_harness import datasets
from ce_harness.datasets.preparation import prepare

OPTIONS = {file.stem: file for file in sorted((Path(__file__).parents[2] / "conf" / "dataset").glob("*.yaml"))}


def named_parameters(function):
    return {name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_key_is_an_option_of_the_loader_and_none_is_missing(name):
    option = yaml.safe_load(OPTIONS[name].read_text())
    assert option.pop("name") == name
    assert option.pop("_target_") == f"ce_harness.datasets.{name}"
    own = named_parameters(getattr(datasets, name))
    shared = {"split_seed", "val_fraction", "label_noise", "limit", "standardize", "augmentation"}
    assert own | shared <= set(option) <= own | named_parameters(prepare)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_split_follows_the_seed_of_the_run_unless_it_is_set(composed, name):
    path = ("dataset.path=x",) if name in ("npz", "image_directory") else ()
    assert composed(f"dataset={name}", "seed=3", *path, base=()).dataset.split_seed == 3
    assert composed(f"dataset={name}", "seed=3", "dataset.split_seed=1", *path, base=()).dataset.split_seed == 1


def test_the_values_written_there_are_the_defaults():
    for name, file in OPTIONS.items():
        option = yaml.safe_load(file.read_text())
        del option["split_seed"]  # the run's there; a call from Python has no run
        parameters = {**inspect.signature(prepare).parameters, **inspect.signature(getattr(datasets, name)).parameters}
        defaults = {key: parameters[key].default for key in option.keys() & parameters.keys()}
        defaults = {key: default for key, default in defaults.items() if default not in (inspect.Parameter.empty, None)}
        assert {key: option[key] for key in defaults} == defaults, name
