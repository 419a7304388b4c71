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
    shared = named_parameters(prepare) - {"white", "test_fraction"}
    assert set(option) == own | shared


def test_the_values_written_there_are_the_defaults():
    for name, file in OPTIONS.items():
        option = yaml.safe_load(file.read_text())
        for function in (getattr(datasets, name), prepare):
            for parameter in inspect.signature(function).parameters.values():
                if parameter.name in option and parameter.default not in (parameter.empty, None):
                    assert option[parameter.name] == parameter.default, f"{name}: {parameter.name}"
