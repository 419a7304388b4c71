"""What a ``_target_`` may be: a class or function that makes such a part, defined where such parts are defined.

All is read from sources, nothing is imported: a slip is answered at once, and a config can't run code by naming it.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, NoReturn

from ce_harness.config.modules import is_own, names_imported
from ce_harness.config.sources import parsed, source_file
from ce_harness.errors import ConfigError

# Whose parts each kind may be, beside those in a module of the user's own.
BUILT_IN = {
    "dataset": ("ce_harness.datasets",),
    "model": ("ce_harness.models",),
    "loss": ("ce_harness.losses", "keras.losses"),
    "optimizer": ("keras.optimizers",),
    "callbacks": ("keras.callbacks",),
    "metrics": ("keras.metrics",),
    "learning_rate_schedule": ("keras.optimizers.schedules",),
}
_EXAMPLES = {
    "optimizer": "keras.optimizers.SGD",
    "callbacks": "keras.callbacks.CSVLogger",
    "metrics": "keras.metrics.F1Score",
    "learning_rate_schedule": "keras.optimizers.schedules.ExponentialDecay",
}
# A module in which one of these stands may have names that its source does not show.
_DYNAMIC = {"__getattr__", "exec", "globals"}


def is_built_in(target: str) -> bool:
    """Whether a ``_target_`` is ours or Keras's, not a part of the user's own."""
    return target.split(".")[0] in ("ce_harness", "keras")


def check_target(kind: str, key: str, target: Any) -> None:
    """Checks what a ``_target_`` names, as far as the sources tell.

    Args:
        kind: of the part, a group or ``callbacks``.
        key: where the target stands, for the message.

    Raises:
        ConfigError: it is no part of this kind, there is no such module, or the module has no such name.
    """
    if not isinstance(target, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", target):
        _refuse(kind, key, target)
    module, _, name = target.rpartition(".")
    if is_built_in(target):
        if module not in BUILT_IN[kind]:
            _refuse(kind, key, target)
        names = _names(module)
        if name not in names:
            _refuse_name(key, target, names)
        # Keras's functions, such as deserialize, make anything.
        if not names[name].startswith((module, "keras.src.")) or (module.startswith("keras.") and name[0].islower()):
            _refuse(kind, key, target)
        return
    if not is_own(module):
        source_file(module)  # if it is not there, that is what to say
        _refuse(kind, key, target)
    names = _names(module)
    for handed_on in (names.get(name), *(f"{origin}.{name}" for origin in _all_from(module))):
        if handed_on == target:
            return
        if handed_on and (handed_on == names.get(name) or name in _names(handed_on.rpartition(".")[0])):
            return check_target(kind, key, handed_on)
    if not names.keys() & _DYNAMIC:
        _refuse_name(key, target, names)


def _refuse(kind: str, key: str, target: Any) -> NoReturn:
    places = " or of ".join((*BUILT_IN[kind], "a Python module of your own that is no installed package"))
    example = _EXAMPLES.get(kind, f"my_{kind}.MyPart")
    raise ConfigError(f"{key}={target}: allowed is a class or function of {places}; for example {key}={example}")


def _refuse_name(key: str, target: str, names: Iterable[str]) -> NoReturn:
    module, _, name = target.rpartition(".")
    spelled = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), spelled, n=1)
    hint = f"did you mean {module}.{spelled[close[0]]}?" if close else "name a class or function of that module"
    raise ConfigError(f"{key}={target}: {module} has no {name}; {hint}")


@cache
def _names(module: str) -> dict[str, str]:
    """The names that stand in a module, and where each is from: from the module itself, or from that which it imports.

    Of a compiled module, a word that lets every name through.
    """
    file = source_file(module)
    if file.suffix != ".py":
        return dict.fromkeys(_DYNAMIC, "")
    names = {}
    for node in ast.walk(parsed(file)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names[name] = f"{module}.{name}"
            case ast.Name(id=name):
                names[name] = f"{module}.{name}"
    return names | {name: f"{origin}.{item}" for origin, item, name in names_imported(module) if item and item != "*"}


def _all_from(module: str) -> list[str]:
    """The modules of the user's from which it takes all names, as by ``from other import *``."""
    return [origin for origin, item, _ in names_imported(module) if item == "*" and is_own(origin)]
