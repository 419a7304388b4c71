"""The modules of a user's own that a `_target_` brings in, found in the sources: nothing is run."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache

from ce_harness.config.schema import is_built_in
from ce_harness.config.targets import parsed, source_file
from ce_harness.errors import ConfigError


@cache
def own_modules(module: str) -> list[str]:
    """The module and, however far down, all that it imports from outside the installed packages.

    An import that only running the code would show, as by ``importlib``, is not seen.

    Raises:
        ConfigError: there is no such module, or one of them is no Python.
    """
    found = [module]
    if _is_installed(module):
        return found
    for name in found:  # grows
        file = source_file(name)
        package = name if file.stem == "__init__" else name.rpartition(".")[0]
        for imported in [name, *_imported(parsed(file), package)]:
            found += [own for own in _with_packages(imported) if own not in found and _is_own(own)]
    return found


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Names of the modules that a source imports, and of what may be one: for ``from a import b``, a and a.b.

    Args:
        package: that of the source, from which relative imports start.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            try:
                module = importlib.util.resolve_name(module, package)
            except ImportError:  # from beyond the package
                continue
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _with_packages(module: str) -> list[str]:
    """Python runs the packages around a module before it."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _is_own(module: str) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names or is_built_in(module):
        return False
    try:
        return not _is_installed(module)
    except ConfigError:  # no module: a name in one, a package without a file, or something optional that isn't there
        return False


def _is_installed(module: str) -> bool:
    return bool({"site-packages", "dist-packages"} & set(source_file(module).parts))
