"""What a ``_target_`` names, looked up in the source of its module: nothing is run, so a slip is answered at once."""

from __future__ import annotations

import ast
import difflib
from functools import cache
from pathlib import Path

from ce_harness.config.sources import parsed, source_file
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
