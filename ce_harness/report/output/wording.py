"""How a difference is put in words: `1.2 points higher`, `5.27 times`, `3 epochs shorter`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ce_harness.report.output.labels import label
from ce_harness.report.study import Claim
from ce_harness.report.verdicts.outcomes import TIME_TO, target


@dataclass(frozen=True)
class Wording:
    """How one outcome is spoken of.

    Attributes:
        noun: what it is of a loss: ``test accuracy``.
        unit: of the difference, after its number.
        scale: the difference times this is in that unit.
        more, less: what a positive and a negative difference are called.
    """

    noun: str
    unit: str = ""
    scale: float = 1.0
    more: str = "higher"
    less: str = "lower"


def _points(noun: str) -> Wording:
    """Of an outcome that is a share."""
    return Wording(noun, " points", 100.0)


WORDINGS = {
    "test/accuracy": _points("test accuracy"),
    "test/balanced_accuracy": _points("balanced test accuracy"),
    "test/error": _points("test error"),
    "test/nll": Wording("NLL", " nats"),
    "test/nll_calibrated": Wording("calibrated NLL", " nats"),
    "test/brier": Wording("Brier score"),
    "test/ece": _points("calibration error"),
    "test/ece_calibrated": _points("calibration error after temperature scaling"),
    "mean_accuracy": _points("mean validation accuracy over training"),
    "failed": _points("share of failed trainings"),
    "early_grad_norm": Wording("gradient in the first epoch"),
    "feedback": Wording("gradient on badly wrong predictions"),
    "feedback_relative": Wording("gradient on badly wrong predictions, relative to its peak,"),
    "feedback_slope": Wording("slope of the pull on the true class"),
}


def wording(metric: str) -> Wording:
    """How an outcome is spoken of; one that is not known, such as a metric of the user's own, by its label."""
    if metric.startswith(TIME_TO):
        return Wording(f"time to {target(metric):.0%} validation accuracy", " epochs", more="longer", less="shorter")
    return WORDINGS.get(metric, Wording(label(metric)))


def difference(claim: Claim, row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The mean difference of a judged row and its 95% interval, as a sentence without its full stop.

    Args:
        names: loss -> what readers call it.
    """
    noun, first, second = wording(claim.metric).noun, names[claim.first], names[claim.second]
    mean, interval = _mean(claim, row), _interval(claim, row)
    if claim.along:
        symbol = "over" if claim.ratio else "less"
        return f"The {noun} of {first} {symbol} that of {second} changes by {mean}{interval}"
    if claim.ratio:
        return f"The {noun} of {first} is {mean} that of {second}{interval}"
    if _is_same(row):
        return f"The {noun} of {first} and of {second} is {mean}"
    return f"The {noun} of {first} is {mean} than that of {second}{interval}"


def size(claim: Claim, row: Mapping[str, Any]) -> str:
    """The same in short: ``5.27 times (5 to 5.5)``, ``0.4 points higher (0.4 lower to 1.5 higher)``."""
    return _mean(claim, row) + _interval(claim, row)


def _mean(claim: Claim, row: Mapping[str, Any]) -> str:
    words, mean = wording(claim.metric), float(row["mean"])
    if claim.along:
        change = f"a factor of {mean:.3g}" if claim.ratio else f"{words.scale * mean:+.3g}{words.unit}"
        return f"{change} along {claim.along.rpartition('.')[2]}"
    if claim.ratio:
        return f"{mean:.3g} times"
    if _is_same(row):
        return "the same in every pair"
    return f"{_size(words, mean)}{words.unit} {_side(words, mean)}"


def _interval(claim: Claim, row: Mapping[str, Any]) -> str:
    words, low, high = wording(claim.metric), float(row["ci_low"]), float(row["ci_high"])
    if claim.along:
        ends = (f"{value:.3g}" if claim.ratio else f"{words.scale * value:+.3g}" for value in (low, high))
        return " ({} to {})".format(*ends)
    if not math.isfinite(low) or _is_same(row):
        return ""
    if claim.ratio:
        return f" ({low:.3g} to {high:.3g})"
    near, far = (low, high) if row["mean"] > 0 else (high, low)
    if low < 0 < high:
        return f" ({_size(words, near)} {_side(words, near)} to {_size(words, far)} {_side(words, far)})"
    return f" ({_size(words, near)} to {_size(words, far)})"


def _is_same(row: Mapping[str, Any]) -> bool:
    return bool(row["mean"] == row["ci_low"] == row["ci_high"] == 0)


def margin(claim: Claim) -> str:
    """The least difference that matters: ``0.5 points``, ``a factor of 1.25``."""
    words = wording(claim.metric)
    return f"a factor of {claim.margin:g}" if claim.ratio else f"{_size(words, claim.margin)}{words.unit}"


def _size(words: Wording, value: float) -> str:
    return f"{abs(value) * words.scale:.3g}"


def _side(words: Wording, value: float) -> str:
    return words.more if value > 0 else words.less
