"""What a ``_target_`` names, looked up in the source of its module: nothing is run, so a slip is answered at once."""

from __future__ import annotations

import ast
import difflib
import importlib.util
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from ce_harness.errors import ConfigError

# A module in which one of these stands may have names that its source does not show.
_DYNAMIC = frozenset(("*", "__getattr__", "exec", "globals"))


def check_target(key: str, target: str) -> None:
    """Checks that a module has what a ``_target_`` names, as far as its source tells.

    Raises:
        ConfigError: no such module, no such name in it, or a module that is no Python.
    """
    module, _, name = target.rpartition(".")
    names = _names(source_file(module))
    if name in names or names & _DYNAMIC:
        return
    spelled = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), spelled, n=1)
    hint = f"did you mean {module}.{spelled[close[0]]}?" if close else "name a class or function of that module"
    raise ConfigError(f"{key}={target}: {module} has no {name}; {hint}")


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
            spec = PathFinder.find_spec(package, spec.submodule_search_locations)
        return Path(spec.origin)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"_target_: {module}: there is no such Python module; its file lies in the folder of --config-dir, or its "
            "folder on PYTHONPATH"
        ) from error


@cache
def parsed(file: Path) -> ast.Module:
    """A source as a tree; an empty one for a module that is no source, but compiled.

    Raises:
        ConfigError: it can't be read, or is no Python.
    """
    if file.suffix != ".py":
        return ast.Module([], [])
    try:
        return ast.parse(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"_target_: {file} can't be read ({error.strerror})") from error
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise ConfigError(f"_target_: {file}{line}: {reason}; mend the module") from error


@cache
def _names(file: Path) -> frozenset[str]:
    """Every name that stands in a source: those it defines, and harmless others."""
    if file.suffix != ".py":
        return _DYNAMIC
    names = set()
    for node in ast.walk(parsed(file)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name.partition(".")[0])
            case ast.Name(id=name):
                names.add(name)
    return frozenset(names)
