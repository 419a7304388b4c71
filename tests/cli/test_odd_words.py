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


def test_a_comma_is_told_with_quotes_too():
    with pytest.raises(ConfigError, match="if it is one value: ") as refusal:
        arguments.prepared(["dataset.path=a,b"])
    (passed_on,) = arguments.prepared(shlex.split(str(refusal.value).partition("if it is one value: ")[2]))
    assert overrides.parsed(passed_on).value() == "a,b"
