"""The keys of the config and what each may hold. Their values stand in ``conf/``; files are looked for when used."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LONGEST_NAME = 250  # of a folder; file systems take 255 bytes


@dataclass(frozen=True)
class Rule:
    """What a key may hold.

    Attributes:
        allowed: in words, for the refusal.
        example: a value that is accepted, as it would be typed.
        accepts: whether a value is allowed.
        kind: what an accepted value is turned into: 0 and 0.0 are one learning rate, 5 and "5" one name.
    """

    allowed: str
    example: str
    accepts: Callable[[Any], bool]
    kind: type[float] | type[str] | None = None

    def refusal(self, key: str, value: object) -> str:
        return f"{key}={value}: allowed is {self.allowed}; for example {key}={self.example}"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(low: float, high: float = math.inf, *, example: str, low_included: bool = False) -> Rule:
    span = f"{'at least' if low_included else 'above'} {low:g}"
    span += f" and below {high:g}" if math.isfinite(high) else ""
    return Rule(
        f"a finite number {span}",
        example,
        lambda v: (
            (_is_whole(v) or isinstance(v, float))
            and math.isfinite(v)
            and (v > low or (low_included and v == low))
            and v < high
        ),
        kind=float,
    )


def _whole(low: int, example: str) -> Rule:
    return Rule(f"a whole number of at least {low}", example, lambda v: _is_whole(v) and v >= low)


def _or(word: str | None, rule: Rule) -> Rule:
    shown = "null" if word is None else word
    return Rule(f"{rule.allowed}, or {shown}", rule.example, lambda v: v == word or rule.accepts(v), rule.kind)


def _one_of(*words: Any) -> Rule:
    return Rule(f"one of {', '.join(map(str, words))}", str(words[0]), lambda v: v in words)


def _text(allowed: str, example: str, pattern: str, most_bytes: float = math.inf) -> Rule:
    def accepts(value: Any) -> bool:
        is_text = (isinstance(value, str) or _is_whole(value)) and len(str(value).encode()) <= most_bytes
        return is_text and re.fullmatch(pattern, str(value)) is not None

    return Rule(allowed, example, accepts, kind=str)


_SEED = Rule("a whole number from 0 to 4294967295", "0", lambda v: _is_whole(v) and 0 <= v < 2**32)
_POSITIVE = _number(0, example="1")
_FRACTION = _number(0, 1, example="0.2")
_DECAY = _number(0, 1, low_included=True, example="0.9")
_SWITCH = Rule("true or false", "true", lambda v: isinstance(v, bool))
# A name becomes a folder and part of a query: no quotes, no step up.
_NAME = _text(
    f"a name of letters, digits, spaces, dots, - and _, with / between its parts, of at most {LONGEST_NAME} bytes",
    "my_study",
    r"\w[\w .-]*(/\w[\w .-]*)*",
    LONGEST_NAME,
)
_UNITS = Rule(
    "a list of whole numbers of at least 1",
    "[128,64]",
    lambda v: not isinstance(v, str | int | float | None) and all(_is_whole(units) and units >= 1 for units in v),
)
_SIZE = Rule(
    "a number of pixels, or [height,width]",
    "64",
    lambda v: _UNITS.accepts([v] if _is_whole(v) else v) and (_is_whole(v) or len(v) == 2),
)

GROUPS = ("dataset", "model", "loss", "optimizer")
PARTS_BY_NAME = ("callbacks", "metrics")  # each holds any number of parts, under names of the user's own

# What a run gives a part itself, and the key that says it: an option of that name would count for nothing.
GIVEN = {
    "model": {"input_shape": "dataset", "num_classes": "dataset"},
    "optimizer": {"learning_rate": "learning_rate", "global_clipnorm": "clip_norm"},
    "learning_rate_schedule": {"initial_learning_rate": "learning_rate"},
}

# Every config has these. What a group may hold, its options say; parts by name are checked one by one.
KEYS = {
    "study": _NAME,
    "seed": _SEED,
    "epochs": _whole(1, "30"),
    "batch_size": _whole(1, "64"),
    "learning_rate": _number(0, example="0.05"),
    "learning_rate_schedule": Rule(
        "constant, cosine, step, or a mapping with a _target_",
        "cosine",
        lambda v: "_target_" in v if isinstance(v, dict) else v in ("constant", "cosine", "step"),
    ),
    "warmup_epochs": _whole(0, "1"),
    "class_weight": Rule(
        "null, balanced, or a mapping of class names to numbers above 0",
        "balanced",
        lambda v: (
            v in (None, "balanced")
            or (isinstance(v, dict) and bool(v) and all(_POSITIVE.accepts(weight) for weight in v.values()))
        ),
    ),
    "clip_norm": _or(None, _number(0, example="1.0")),
    "early_stopping.metric": _one_of("val/loss", "val/accuracy", "val/nll", "val/brier"),
    "early_stopping.patience": _or(None, _whole(1, "5")),
    "early_stopping.restore_best_weights": _SWITCH,
    "precision": _one_of("float32", "mixed_bfloat16", "mixed_float16"),
    "jit_compile": _or("auto", _SWITCH),
    "keep_checkpoint": _SWITCH,
    "save_model": _SWITCH,
    "save_predictions": _SWITCH,
    "skip_tracked": _SWITCH,
    "evaluate_every": _or(None, _number(0, 1, example="0.1")),
    "allow_inexact_resume": _SWITCH,
    "log_every_n_steps": _whole(1, "50"),
    "threads": _or("auto", Rule("a whole number from 1 to 1024", "1", lambda v: _is_whole(v) and 1 <= v <= 1024)),
    "deterministic": _SWITCH,
    "device": Rule(
        "auto, cpu, gpu or the number of a GPU", "gpu", lambda v: v in ("auto", "cpu", "gpu") or _is_whole(v)
    ),
    "runs_dir": _text("a folder", "runs", r".*\S.*"),
    "mlflow_experiment": _NAME,
    "tracking_uri": _text(
        "sqlite:///FILE, http://HOST, https://HOST or the URI of a PostgreSQL, MySQL or SQL Server database",
        "sqlite:///runs/mlflow.db",
        r"(sqlite:///|https?://|(postgresql|mysql|mssql)(\+\w+)?://)\S.*",
    ),
}

# Of any part that has them.
KEYS_OF_PARTS = {
    **{f"{group}.name": _text("a name of letters, digits, dots, - and _", "mine", r"\w[\w.-]*") for group in GROUPS},
    **{f"{group}.label": _text("a text, which reports show", "mine", r".*\S.*") for group in GROUPS},
    "dataset.path": _or(None, _text("the path of a file or folder", "data.npz", r".*\S.*")),
}

# Of the parts that are built in. A part of the user's own may give the same words another meaning.
KEYS_OF_BUILT_IN_PARTS = {
    "dataset.size": _SIZE,
    "dataset.channels": _one_of(1, 3),
    "dataset.background": _one_of("white", "black"),
    "dataset.cache": _or(None, _text("a folder", "runs/cache", r".*\S.*")),
    "dataset.verify": _SWITCH,
    "dataset.split_seed": _SEED,
    "dataset.label_noise": _number(0, 1, low_included=True, example="0.2"),
    "dataset.white": _or(None, _number(0, example="255")),
    "dataset.length": _whole(1, "2"),
    "dataset.num_classes": _or(None, _whole(2, "10")),
    "dataset.count": _whole(1, "10000"),
    "dataset.val_fraction": _FRACTION,
    "dataset.test_fraction": _FRACTION,
    "dataset.limit": _or(None, _whole(1, "1000")),
    "dataset.standardize": _SWITCH,
    "dataset.augmentation.horizontal_flip": _SWITCH,
    "dataset.augmentation.shift": _whole(0, "2"),
    "model.hidden_units": _UNITS,
    "model.dropout": _number(0, 1, low_included=True, example="0.5"),
    "model.head_stddev": _or(None, _number(0, example="0.01")),
    "loss.axis": Rule("-1, since logits are (batch, classes)", "-1", lambda v: _is_whole(v) and v in (-1, 1)),
    "loss.class_reduction": _one_of("sum", "mean"),
    "loss.from_logits": Rule("true, since every network returns logits", "true", lambda v: v is True),
    "loss.label_smoothing": _number(0, 1, low_included=True, example="0.1"),
    "loss.true_class_weight": _number(0, example="1"),
    "loss.target_scale": _number(0, example="1"),
    "loss.gamma": _number(0, low_included=True, example="2"),
    "optimizer.momentum": _DECAY,
    "optimizer.nesterov": _SWITCH,
    "optimizer.weight_decay": _or(None, _number(0, low_included=True, example="0.004")),
    "optimizer.beta_1": _DECAY,
    "optimizer.beta_2": _DECAY,
    "optimizer.epsilon": _number(0, example="1e-7"),
}
