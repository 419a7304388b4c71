"""Parts of other libraries that these may take away: what to do then, in words."""

import importlib

import pytest

PARTS = [
    (
        "hydra._internal.hydra",
        "ConfigLoaderImpl",
        "a config can't be checked before Hydra acts upon it: cli/composition.py",
    ),
    ("hydra._internal.config_loader_impl", "ConfigLoaderImpl.load_configuration", "likewise"),
    (
        "joblib.externals.loky.backend.fork_exec",
        "fork_exec",
        "Ctrl-C shows tracebacks of workers that start: unofficial/joblib.py",
    ),
    ("hydra._internal.utils", "get_args_parser", "the flags can't be told from overrides: cli/arguments.py"),
    ("hydra._internal.utils", "create_config_search_path", "the tests can't compose as a command does"),
]


@pytest.mark.parametrize(("module", "name", "consequence"), PARTS)
def test_the_unofficial_parts_are_there(module, name, consequence):
    try:
        part = importlib.import_module(module)
        for attribute in name.split("."):
            part = getattr(part, attribute)
    except (ImportError, AttributeError):
        pytest.fail(
            f"{module} of the installed version has no {name} any more, so {consequence}. Find what took its place, or "
            "hold the library back in pyproject.toml."
        )
