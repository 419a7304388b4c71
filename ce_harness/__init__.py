"""Softmax + cross-entropy against squared error, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ce_harness.classifier import load
    from ce_harness.comparison.compare import compare
    from ce_harness.comparison.result import Comparison

__all__ = ["Comparison", "compare", "load"]


def __getattr__(name: str) -> Any:
    """``from ce_harness import compare`` loads what it needs then: the losses alone need none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from ce_harness.startup import import_tensorflow, lacking

    if reason := lacking():
        raise ImportError(reason)
    if name == "load":
        import_tensorflow()  # which says little, and is Keras's backend whatever ~/.keras/keras.json says
    return getattr(import_module(f"{__name__}.{'classifier' if name == 'load' else 'comparison'}"), name)
