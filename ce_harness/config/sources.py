"""The Python sources that a part is made of: found, read and compared without running anything."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from ce_harness.errors import ConfigError
from ce_harness.places import PACKAGE

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_read: dict[Path, bytes] = {}  # as it was when this process first asked
_unconfirmed: set[Path] = set()


@cache
def source_file(module: str) -> Path:
    """The file of a module, found without importing even the packages around it.

    Raises:
        ConfigError: there is none.
    """
    try:
        package, *inner = module.split(".")
        spec = importlib.util.find_spec(package)
        for name in inner:
            package = f"{package}.{name}"
            spec = PathFinder.find_spec(package, spec.submodule_search_locations) if spec else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"_target_: {module}: there is no such Python module; its file lies in the folder of --config-dir, or its "
            "folder on PYTHONPATH"
        )
    return Path(spec.origin)


def read_all_of_ours() -> None:
    """Reads every source of ours, before it is imported: a digest is then of the code that the process runs."""
    for file in PACKAGE.rglob("*.py"):
        _source(file)


def refuse_edited() -> None:
    """Checks, after the imports, that what was read before them is what was imported.

    Raises:
        ConfigError: a source was edited in between.
    """
    while _unconfirmed:
        file = _unconfirmed.pop()
        now = file.read_bytes() if file.exists() else b""
        if now != _read[file] and _meaning(now) != _meaning(_read[file]):
            raise ConfigError(f"{file}: it was edited while this run began; give the same command again")


def _source(file: Path) -> bytes:
    if file not in _read:
        try:
            _read[file] = file.read_bytes()
        except OSError as error:
            raise ConfigError(f"_target_: {file} can't be read ({error.strerror})") from error
        _unconfirmed.add(file)
    return _read[file]


@cache
def parsed(file: Path) -> ast.Module:
    """A source as a tree; an empty one for a module that is no source, but compiled.

    Raises:
        ConfigError: it can't be read, or is no Python.
    """
    if file.suffix != ".py":
        return ast.Module([], [])
    try:
        return ast.parse(_source(file))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise ConfigError(f"_target_: {file}{line}: {reason}; mend the module") from error


def digest(modules: Iterable[str]) -> str:
    """12 hex digits over what modules say to Python: comments, docstrings and layout count for nothing."""
    together = hashlib.sha256()
    for module in sorted(modules):
        together.update(f"{module} {_module_digest(module)}\n".encode())
    return together.hexdigest()[:12]


@cache
def _module_digest(module: str) -> str:
    file = source_file(module)
    if file.suffix != ".py":
        return hashlib.sha256(_source(file)).hexdigest()
    return hashlib.sha256(repr(_shape(parsed(file))).encode()).hexdigest()


def _meaning(source: bytes) -> object:
    try:
        return _shape(ast.parse(source))
    except (SyntaxError, ValueError):
        return source


def _shape(node: object) -> object:
    """A tree as nested tuples. ``ast.dump`` would do, but each version of Python writes its fields another way."""
    if isinstance(node, list):
        return tuple([_shape(item) for item in node])
    if not isinstance(node, ast.AST):
        return node
    shape: list[object] = [type(node).__name__]
    for name in node._fields:  # in every command that checks a run, so without the detours of `ast.iter_fields`
        value = getattr(node, name, None)
        if name == "body" and isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
            value = node.body[1:]
        if value is not None and value != []:
            shape.append((name, _shape(value)))
    return tuple(shape)
