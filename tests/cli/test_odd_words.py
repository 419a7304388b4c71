"""Values that Hydra or the shell reads as more than text: taken as typed, or told with the quotes that help."""

import shlex

import pytest

from ce_harness.cli import arguments, overrides
from ce_harness.errors import ConfigError

VALUES = [
    *(
        "a=b",
        "a(b",
        "a)b",
        "a#b",
        "it's",
        "~x",
        "é",
        "日本",
        "a'b=c",
        'a"b=c',
        "$x=1",
        "`x`=1",
        "a!b=",
        "back\\slash=1",
    ),
    *("a, b=c", "%3D=", "a;b=c", "a&b=", "a b=c", "*=", "x{", "]x"),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_taken_as_typed_or_the_told_command_works(value):
    word = f"dataset.path={value}"
    try:
        (passed_on,) = arguments.prepared([word])
    except ConfigError as error:
        _, _, told = str(error).partition("its value needs quotes; type ")
        (passed_on,) = arguments.prepared(shlex.split(told))  # as a shell hands it over
    assert overrides.parsed(passed_on).value() == value


def test_of_a_path_below_the_home_folder_the_whole_is_told(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    with pytest.raises(ConfigError, match=r"""needs quotes; type "dataset\.path='/home/me/data'"$"""):
        arguments.prepared(["dataset.path=~/data"])


def test_a_comma_is_told_with_quotes_too():
    with pytest.raises(ConfigError, match="if it is one value: ") as refusal:
        arguments.prepared(["dataset.path=a,b"])
    (passed_on,) = arguments.prepared(shlex.split(str(refusal.value).partition("if it is one value: ")[2]))
    assert overrides.parsed(passed_on).value() == "a,b"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-m", "seed=1,"], "seed=1,: leave the comma at its end out; if it is part of the value: "),
        (["loss@x=mse"], "loss@x=mse: write a group without a package; for example loss=mse"),
        (["--cfg", "job", "-m", "seed=1"], "--multirun and --cfg: allowed is one of them at a time"),
        (["--shell-completion"], "--shell-completion: say what to do with it; for example --shell-completion install"),
    ],
)
def test_what_nobody_means_is_told(words, says):
    with pytest.raises(ConfigError) as refusal:
        arguments.prepared(words)
    assert str(refusal.value).startswith(says)
