"""The modules that a part is made of, ours and the user's own: read from their sources, nothing is run."""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache

from ce_harness.config.sources import parsed, source_file
from ce_harness.errors import ConfigError
from ce_harness.places import PACKAGE

OURS = PACKAGE.name
# Rooms that decide no bit of a run: where it is kept, how it is shown. All others count, those yet to come, too.
UNCOUNTED = ("classifier", "cli", "comparison", "config", "devices", "errors", "interrupts", "passwords", "places",
             "printable", "progress", "report", "rundir", "startup", "sweep", "tracking")  # fmt: skip


def modules_behind(target: str) -> frozenset[str]:
    """The modules that decide what a ``_target_`` makes: the one that defines it, and what these import, all the way.

    Of ours and of the user's own; installed packages are named by their versions. An import that only running the
    code would show, as by ``importlib``, is not seen.

    Raises:
        ConfigError: there is no such module, or one of them is no Python.
    """
    module, _, name = target.rpartition(".")
    if _is_ours(module):
        return _reached(frozenset([_defining(module, name)]))
    if is_own(module):
        return _reached(frozenset(_with_packages(module)))
    source_file(module)  # raises if it is not there
    return frozenset()


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
    imported: set[str] = set()
    for origin, item, _ in names_imported(module):
        if _is_ours(origin):
            imported.add(_defining(origin, item) if item else origin)
        elif not _is_ours(module):  # ours never import a user's
            imported.update(own for own in _with_packages(f"{origin}.{item}" if item else origin) if is_own(own))
    return frozenset(name for name in imported if not _is_uncounted(name))


@cache
def names_imported(module: str) -> list[tuple[str, str, str]]:
    """(origin, item, name) for each name that a module imports; the item is "" where that is the origin as a whole."""
    file, names = source_file(module), []
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    for node in _statements(parsed(file)):
        if isinstance(node, ast.Import):
            names += [(alias.name, "", alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            try:
                origin = importlib.util.resolve_name(origin, package)
            except ImportError:  # from beyond the package
                continue
            names += [(origin, alias.name, alias.asname or alias.name) for alias in node.names]
    return names


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements, at any depth. `ast.walk` would go through all expressions as well, ten times as many."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _statements(child)


def _defining(module: str, name: str) -> str:
    """The module of ours that defines what another calls ``name``: a package hands on what its modules define."""
    if not _is_our_package(module):
        return module
    if _exists(f"{module}.{name}"):
        return f"{module}.{name}"
    for origin, item, called in names_imported(module):
        if called == name and _is_ours(origin):
            return _defining(origin, item)
    return module  # and with it all that it imports


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


@cache
def is_own(module: str) -> bool:
    """Whether it is a module of the user's: neither Python's, nor of an installed package, nor ours."""
    if module.partition(".")[0] in sys.stdlib_module_names or not _exists(module):
        return False
    file = source_file(module)
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return not (installed or file.is_relative_to(PACKAGE) or file.is_relative_to(sysconfig.get_path("stdlib")))


@cache
def _exists(module: str) -> bool:
    try:
        return bool(source_file(module))
    except ConfigError:  # a name in a module, a package without a file, or something optional that isn't there
        return False
