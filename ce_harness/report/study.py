"""What a study is: one file in experiments/ that ends in ``STUDY = Study(...)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure

from ce_harness.errors import ConfigError

TUNES = ("learning_rate",)  # what is tuned unless a study says otherwise
TUNED_FOR = ("val/accuracy", "val/nll", "val/brier")
RELATIONS = ("greater", "less", "equal")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the tables and figures of a study are made from; empty for a study that reads no runs.

    Attributes:
        runs: one row per run: identity (``run``, ``dataset``, ``model``, ``loss``, ``optimizer``, ``seed``,
            ``learning_rate``, ...), final metrics (``test/accuracy``, ...) and ``early_grad_norm``, the mean
            global gradient norm over the first epoch. All of these are NaN if its ``status`` is ``diverged``.
        epochs: one row per (run, epoch): ``run``, ``epoch`` and the per-epoch metrics.
        steps: one row per (run, group of steps): ``run``, ``step``, ``loss`` and ``grad_norm/*``, thinned.
        gradient_bins: one row per (run, group of epochs, bin of p_true): ``epoch``, ``p_low``, ``p_high``,
            ``count``, ``mean_norm``; ``epoch`` is the last of its group.
        reliability: one row per (run, calibrated, bin of confidence): ``count``, ``confidence``,
            ``accuracy``.
        confusion: one row per (run, true class, class that was predicted): ``class``, ``predicted`` and ``count`` on
            the test set; none where the count is 0. Empty for runs that kept no such matrix.
        test_images: one row per (pair of losses in a setting, metric) where all seeds have the same test images.
            ``variance`` is what the choice of these ``images`` adds to the variance of the mean difference, see
            ``verdicts.images``. ``first`` and ``second`` name the first run of each loss.
        tuning: one row per run that chose the learning rates, or what else is tuned: identity and validation metrics,
            empty for a run that diverged. It holds no test score, and none of these runs is in ``runs``.
        excluded: one row per run or combination that was left out: ``run`` and ``reason``.
        tunes, claims, apart: of the study that asks; see ``Study``.
    """

    runs: pd.DataFrame = field(default_factory=pd.DataFrame)
    epochs: pd.DataFrame = field(default_factory=pd.DataFrame)
    steps: pd.DataFrame = field(default_factory=pd.DataFrame)
    gradient_bins: pd.DataFrame = field(default_factory=pd.DataFrame)
    reliability: pd.DataFrame = field(default_factory=pd.DataFrame)
    confusion: pd.DataFrame = field(default_factory=pd.DataFrame)
    test_images: pd.DataFrame = field(default_factory=pd.DataFrame)
    tuning: pd.DataFrame = field(default_factory=pd.DataFrame)
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)
    tunes: Sequence[str] = TUNES
    claims: Sequence[Claim] = ()
    apart: str = ""


@dataclass(frozen=True)
class Table:
    """A table in two forms: ``frame`` holds the numbers (CSV), ``shown`` what a reader sees.

    Attributes:
        title: the caption.
        frame: the numbers.
        shown: the strings for Markdown, LaTeX and the page; None shows ``frame`` itself.
        notes: lines under the table.
        digits: significant ones in the CSV; the last of 16 depend on the processor that added them up. In the
            difference of two near numbers even the twelfth does. None: all.
    """

    title: str
    frame: pd.DataFrame
    shown: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    digits: int | None = 9


@dataclass(frozen=True)
class Claim:
    """A statement about two losses, and the rule that decides it; fixed before the runs.

    Runs are paired by seed within every setting (dataset, model, ...). With d the mean difference ``first -
    second``, the verdict in a setting is:

    - *equivalent* if two one-sided tests place d within +-margin at the 5% level;
    - else *supported* if p < .05 and d is at least the margin, in the sense that is claimed; *contradicted* in the
      other;
    - else *inconclusive*.

    Where ``relation`` is ``"equal"`` equivalence is what is claimed: *supported* if equivalent, *contradicted* if a
    difference is shown.

    Over several settings the same rule judges their mean difference, each setting counted once. If settings differ in
    sign, by a test of qualitative interaction, the verdict is *depends*. docs/methods.md has every rule.

    Attributes:
        statement: the sentence to decide.
        metric: an outcome (see ``outcomes``): ``test/accuracy``, ``early_grad_norm``, ``epochs_to/0.95``, ...
        first: the loss the statement favours.
        second: the loss it is compared with.
        relation: what the statement says of ``first``: its metric is ``"greater"``, ``"less"`` or
            ``"equal"``.
        margin: the least difference of practical importance, in units of the metric; a factor if ``ratio``. Smaller
            ones are equivalent, if they are shown to be smaller, and never support or contradict.
        ratio: compare first / second instead of first - second.
        within: the part of the settings that the statement is of, as column -> value; all of them if empty.
        along: a column of the settings. What is judged is how the difference changes along it. For positive numbers,
            that is the slope per factor of ten (a trend). For two other values, it is the second less the first.
    """

    statement: str
    metric: str
    first: str
    second: str
    relation: Literal["greater", "less", "equal"]
    margin: float
    ratio: bool = False
    within: Mapping[str, object] = field(default_factory=dict, hash=False)
    along: str = ""

    def __post_init__(self) -> None:
        """Refuses a rule that decides nothing, or something else than is meant.

        Raises:
            ConfigError: names the claim.
        """
        if self.relation not in RELATIONS:
            allowed = ", ".join(RELATIONS)
            raise ConfigError(f"claim {self.statement!r}: relation={self.relation!r}: allowed is one of {allowed}")
        least = 1 if self.ratio else 0
        if not self.margin > least:
            raise ConfigError(f"claim {self.statement!r}: margin={self.margin}: allowed is a number above {least}")


Where = Callable[[Mapping[str, object]], bool]


@dataclass(frozen=True)
class Study:
    """A question, the runs that answer it, and what is made of them.

    Attributes:
        question: one sentence.
        tables: file name -> function of the evidence.
        figures: file name -> function of the evidence.
        reads: the runs the study reads, as column -> allowed values: every combination is one expected run,
            and must hold ``loss`` and ``seed``. Other tracked runs whose ``study`` is this file's name are listed as
            foreign. None: the study reads no runs. Where losses have values of their own, a
            mapping: loss -> values. A loss that it leaves out does not have this key.
        where: whether a combination of ``reads``, as column -> value, is part of the study; None takes all.
        tunes: the keys of ``reads`` of which each loss gets the best values, in each setting.
        tuning_seeds: seeds, none of them in ``reads``, whose runs at every combination of the values of ``tunes``
            choose those of each loss on validation. Once they have all ended, runs of the seeds of ``reads`` are
            expected at the chosen values only. None: the runs themselves choose, if they differ in these values.
        tuned_for: what chooses on validation, of ``val/accuracy``, ``val/nll`` and ``val/brier``. The first is that of
            the study; runs at the values that another chooses are trained too, and judged in a table apart.
        random_search: the values of each seed are drawn (see ``sweep.draws``); trials of equal seed are pairs.
        control: two names of the same loss. How far they end apart is noise, and no verdict is given on less.
        apart: a column, such as the start of the weights, each value of which also gets verdicts of its own.
        claims: what the runs are asked to decide, with the rule for it.
        train: what the commands that train the runs say beside ``study=NAME``, such as ``dataset.path=my.npz``; "" for
            ``experiment=NAME`` alone.
    """

    question: str
    tables: Mapping[str, Callable[[Evidence], Table]]
    figures: Mapping[str, Callable[[Evidence], Figure]] = field(default_factory=dict)
    reads: Mapping[str, Any] | None = None
    where: Where | None = None
    tunes: Sequence[str] = TUNES
    tuning_seeds: Sequence[int] = ()
    tuned_for: Sequence[str] = ("val/accuracy",)
    random_search: bool = False
    control: tuple[str, str] | None = None
    apart: str = ""
    claims: tuple[Claim, ...] = ()
    train: str = ""

    def __post_init__(self) -> None:
        """Refuses what can't be answered.

        Raises:
            ConfigError: says what is wrong, and how to mend it.
        """
        if self.reads is None:
            return
        for key, values in self.reads.items():
            if isinstance(values, str):
                raise ConfigError(f"reads: {key}={values!r}: allowed is a list of values; write [{values!r}]")
        texts = {key: [*map(_as_told, of)] for key, of in self.reads.items() if any(isinstance(x, list) for x in of)}
        object.__setattr__(self, "reads", {**self.reads, **texts})
        tuned = self.tunes if self.tuning_seeds else [key for key in self.tunes if key not in TUNES]
        for key in ("loss", "seed", *tuned):
            if key not in self.reads:
                why = "tuning_seeds choose among its values" if key in tuned else "every study must"
                raise ConfigError(f"reads names no {key}: {why}; add its values: {key!r}: [...]")
        for by in self.tuned_for:
            if by not in TUNED_FOR:
                raise ConfigError(f"tuned_for: {by!r}: allowed are {', '.join(TUNED_FOR)}")
        for claim in self.claims:
            for loss in (claim.first, claim.second):
                if loss not in self.reads["loss"]:
                    known = ", ".join(map(str, self.reads["loss"]))
                    raise ConfigError(f"claim {claim.statement!r}: {loss}: allowed is a loss that reads names: {known}")
        if shared := sorted(set(self.tuning_seeds).intersection(self.reads["seed"])):
            raise ConfigError(f"tuning_seeds and reads share the seeds {shared}: what chooses a rate must not judge it")
        for key, values in self.reads.items():
            if key.startswith("loss.") and key not in self.tunes and len(values) > 1:
                why = "by which losses can't be paired"
                raise ConfigError(f"reads has several values of {key}, {why}: tune it, with {key!r} among tunes")
        if own := {key: values for key, values in self.reads.items() if isinstance(values, Mapping)}:
            reads, where = _of_any_loss(own, self.reads["loss"]), _at_own_values(own, self.where)
            object.__setattr__(self, "reads", {**self.reads, **reads})
            object.__setattr__(self, "where", where)


def _as_told(value: object) -> object:
    """As runs tell it: a list, such as the units of a network, is text."""
    return str(value) if isinstance(value, list) else value


def _of_any_loss(own: Mapping[str, Mapping[str, Sequence[Any]]], losses: Sequence[str]) -> dict[str, list[Any]]:
    """All values of keys of which losses have values of their own; "" where a loss doesn't have the key."""
    reads = {}
    for key, of_loss in own.items():
        without = [loss for loss in losses if loss not in of_loss]
        if not set(of_loss) <= set(losses) or (without and not key.startswith("loss.")):
            raise ConfigError(f"reads names values of {key} for {', '.join(of_loss)}: allowed are {', '.join(losses)}")
        values = [*([""] if without else []), *(one for values in of_loss.values() for one in values)]
        reads[key] = list(dict.fromkeys(values))
    return reads


def _at_own_values(own: Mapping[str, Mapping[str, Sequence[Any]]], where: Where | None) -> Where:
    """Whether a combination has values of its loss, and is part of the study."""

    def is_part(combination: Mapping[str, object]) -> bool:
        loss = str(combination["loss"])
        has_own = all(combination[key] in of_loss.get(loss, ("",)) for key, of_loss in own.items())
        return has_own and (where is None or where(combination))

    return is_part
