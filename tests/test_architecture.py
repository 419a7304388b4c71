"""The arrows of docs/architecture.md hold: read from the imports of every module, those within functions, too."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = "ce_harness"
# Room -> the rooms that it may import. Every room may import EVERYWHERE.
EVERYWHERE = {"devices", "errors", "interrupts", "passwords", "places", "printable", "startup", "unofficial"}
ARROWS = {
    "errors": set(),
    "passwords": set(),
    "printable": set(),
    "devices": set(),
    "startup": {"interrupts"},
    "places": set(),
    "unofficial": set(),
    "interrupts": set(),
    "theory": set(),
    "metrics": set(),
    "losses": {"theory"},
    "models": set(),
    "classifier": set(),
    "config": set(),
    "datasets": {"config"},
    "progress": set(),
    "rundir": {"config"},
    "tracking": {"classifier", "config", "rundir"},
    "training": {"classifier", "config", "datasets", "losses", "metrics", "models", "progress", "rundir", "tracking"},
    "report": {"metrics", "theory", "tracking"},
    "sweep": {"config", "rundir", "tracking"},
    "cli": {"config", "report", "rundir", "sweep", "tracking", "training"},
    "comparison": {"cli", "config", "datasets", "report", "rundir", "tracking"},
}
# What `pip install ce_harness` brings without the extra [harness].
BASE_ROOMS = {"errors", "losses", "metrics", "passwords", "printable", "startup", "theory"}
BASE_LIBRARIES = {"keras", "numpy", "scipy", "tensorflow"}
# Import name -> name in pyproject.toml, where they differ.
DISTRIBUTIONS = {"PIL": "pillow", "hydra": "hydra-core", "sklearn": "scikit-learn", "yaml": "pyyaml"}


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by its name; Hydra's plugins, which Hydra finds by folder, among them."""
    paths = sorted((Path(ROOT) / PACKAGE).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports(module: str) -> Iterator[str]:
    """The full names that a module imports: ``a.b.c`` for ``from a.b import c``."""
    for node in ast.walk(ast.parse(modules()[module].read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def graph() -> dict[str, set[str]]:
    """Module -> the modules of the package that it imports."""
    known = modules()
    names = {module: list(imports(module)) for module in known}
    nearest = {name: name if name in known else name.rpartition(".")[0] for of in names.values() for name in of}
    return {module: {nearest[name] for name in of} & known.keys() for module, of in names.items()}


def room(module: str) -> str:
    """``report`` of ``ce_harness.report.output.page``; "" of the package itself."""
    return module.removeprefix(PACKAGE).lstrip(".").partition(".")[0]


def rooms() -> dict[str, set[str]]:
    """Room -> the rooms that its modules import."""
    arrows = {room(module): set() for module in modules() if room(module)}
    for module, imported in graph().items():
        if room(module):
            arrows[room(module)] |= {room(other) for other in imported if room(other)} - {room(module)}
    return arrows


def test_no_circle_of_modules():
    try:
        list(TopologicalSorter(graph()).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_circle_of_rooms():
    try:
        list(TopologicalSorter(rooms()).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("name", ARROWS)
def test_arrows_point_one_way(name):
    strangers = {
        f"{module} imports {other}"
        for module, imported in graph().items()
        for other in imported
        if room(module) == name and room(other) not in ARROWS[name] | EVERYWHERE | {name}
    }
    assert sorted(strangers) == []


def test_every_room_has_its_arrows():
    assert sorted(rooms().keys() - ARROWS.keys()) == []


def test_the_report_imports_no_tensorflow():
    reached, waiting = set(), [module for module in modules() if room(module) == "report"]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += graph()[module]
    users = {m for m in reached if {"tensorflow", "keras"} & {name.partition(".")[0] for name in imports(m)}}
    assert sorted(users) == []


def test_the_base_needs_little():
    allowed = BASE_LIBRARIES | {PACKAGE} | sys.stdlib_module_names
    strangers = {
        f"{module} imports {name}"
        for module in modules()
        if room(module) in BASE_ROOMS
        for name in imports(module)
        if name.partition(".")[0] not in allowed
    }
    assert sorted(strangers) == []


def test_every_library_that_is_imported_is_declared():
    project = tomllib.loads((Path(ROOT) / "pyproject.toml").read_text())["project"]
    required = chain(project["dependencies"], *project["optional-dependencies"].values())
    declared = {re.split(r"[\[<>=]", one)[0] for one in required}
    imported = {name.partition(".")[0] for module in modules() for name in imports(module)}
    libraries = imported - sys.stdlib_module_names - {PACKAGE, "hydra_plugins"}
    assert sorted({DISTRIBUTIONS.get(name, name) for name in libraries} - declared) == []


@pytest.mark.parametrize("library", ["mlflow"])
def test_one_room_alone_imports_a_library(library):
    users = {room(m) for m in modules() if library in {name.partition(".")[0] for name in imports(m)}}
    assert users == {"tracking"}
