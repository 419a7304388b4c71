"""The modules that a part is made of, ours and the user's own: read from their sources, nothing is run."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache

from ce_harness.config.sources import parsed, source_file
from ce_harness.errors import ConfigError
from ce_harness.places import PACKAGE

OURS = PACKAGE.name
# Rooms that decide no bit of a run: where it is kept, how it is shown. All others count, those yet to come, too.
UNCOUNTED = ("cli", "compare", "config", "errors", "passwords", "places", "report", "rundir", "startup", "sweep",
             "tracking")  # fmt: skip


def modules_behind(target: str) -> frozenset[str]:
    """The modules that decide what a ``_target_`` makes: the one that defines it, and what these import, all the way.

    Of ours and of the user's own; installed packages are named by their versions. An import that only running the
    code would show, as by ``importlib``, is not seen.

    Raises:
        ConfigError: there is no such module, or one of them is no Python.
    """
    module, _, name = target.rpartition(".")
    if not (_is_ours(module) or _is_own(module)):
        source_file(module)  # raises if it is not there
        return frozenset()
    return _reached(frozenset(_defining(module, name) if _is_ours(module) else _with_packages(module)))


@cache
def modules_of_the_loop() -> frozenset[str]:
    """The modules of ours that take part in every run: the room ``training`` and what it imports."""
    files = (PACKAGE / "training").rglob("*.py")
    names = (".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files)
    return _reached(frozenset(name.removesuffix(".__init__") for name in names))


@cache
def _reached(start: frozenset[str]) -> frozenset[str]:
    reached, waiting = set(), set(start)
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= _imported(module) - reached
    return frozenset(module for module in reached if not _is_our_package(module))


@cache
def _imported(module: str) -> frozenset[str]:
    """The modules of ours and of the user's that a module imports."""
    file = source_file(module)
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    imported: set[str] = set()
    for name, item in _names_imported(parsed(file), package):
        if _is_ours(name):
            imported.update(_defining(name, item) if item else [name])
        elif not _is_ours(module):  # ours never import a user's
            imported.update(own for own in _with_packages(f"{name}.{item}" if item else name) if _is_own(own))
    return frozenset(name for name in imported if not _is_uncounted(name))


def _names_imported(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """(module, name) for each name that a source imports from a module, (module, "") where it imports the module.

    Args:
        package: that of the source, from which relative imports start.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            try:
                module = importlib.util.resolve_name(module, package)
            except ImportError:  # from beyond the package
                continue
            yield from ((module, alias.name) for alias in node.names)


def _defining(module: str, name: str) -> list[str]:
    """The module of ours that defines what another calls ``name``: a package hands on what its modules define."""
    if not _is_our_package(module):
        return [module]
    if _exists(f"{module}.{name}"):
        return [f"{module}.{name}"]
    for origin, item in _names_imported(parsed(source_file(module)), module):
        if item == name and _is_ours(origin):
            return _defining(origin, item)
    return [module]  # and with it all that it imports


def _with_packages(module: str) -> list[str]:
    """Python runs the packages around a module before it."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == OURS


def _is_our_package(module: str) -> bool:
    return _is_ours(module) and source_file(module).stem == "__init__"


def _is_uncounted(module: str) -> bool:
    return _is_ours(module) and module.partition(".")[2].partition(".")[0] in UNCOUNTED


def _is_own(module: str) -> bool:
    """Whether it is a module of the user's."""
    return (
        module.partition(".")[0] not in {*sys.stdlib_module_names, OURS}
        and _exists(module)
        and not is_installed(module)
    )


@cache
def _exists(module: str) -> bool:
    try:
        return bool(source_file(module))
    except ConfigError:  # a name in a module, a package without a file, or something optional that isn't there
        return False


def is_installed(module: str) -> bool:
    """Whether a module came with an installed package."""
    return bool({"site-packages", "dist-packages"} & set(source_file(module).parts))
