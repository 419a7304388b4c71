"""The verdicts of a study in tables, with the numbers behind each in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ce_harness.report.output.formats import NOTHING, number
from ce_harness.report.output.labels import common_settings, label, loss_names, setting_column, tuned
from ce_harness.report.output.tables import about_test_images, too_few_pairs
from ce_harness.report.study import Claim, Evidence, Table
from ce_harness.report.verdicts.claims import Control, judge, judge_overall
from ce_harness.report.verdicts.paired_tests import ALPHA, MIN_PAIRS, smallest_p
from ce_harness.report.verdicts.sensitivity import sensitivity
from ce_harness.report.verdicts.settings import described, setting_columns

RULE = (
    "Equivalent: two one-sided tests place the mean difference within the margin at the 5% level, each by itself. "
    "Else supported or contradicted: p < .05, Holm-adjusted over {family}, and a difference no smaller than the "
    "margin. Else inconclusive. A claim of equality is supported by equivalence. p is two-sided, the larger of "
    "the sign-flip permutation's and that of tests for skewed differences. Brackets: 95% intervals by the same test."
)
OVERALL = (
    "Over several settings each counts once: mean, interval and p are those of the settings' means (random effects); a "
    "verdict that every setting gives by itself stands. "
    "Depends: settings differ in sign by at least the margin, by a test of qualitative interaction."
)
NOISE = (
    "Noise floor: how far {0} and {1}, two names of one loss, may lie apart by their 95% interval. No verdict is given "
    "on a smaller difference."
)
TUNED = "Intervals and p of accuracy, NLL and Brier score cover the choice of the {}s by the tuning seeds."
FAILURES = (
    "A training that diverged counts as chance: the uniform prediction, an ECE of 1 - 1/K, and a target never reached."
)
CHANGE = (
    "Change along a column: how the difference of a pair changes, per factor of ten of numbers, or from the first to "
    "the second of two values."
)
ROUNDING = 1e-12  # of the mean of numbers around 1
DETECTABLE = "Detectable: the smallest difference, or factor, that a single test of as many pairs shows with 80% power."


@dataclass(frozen=True)
class View:
    """Which runs are judged, and how: what a table of verdicts says of itself.

    Attributes:
        how: how the runs were paired, for the title: ``at equal rates``.
        note: the same at length.
        control: see ``Study``.
        apart: see ``Study``.
    """

    evidence: Evidence
    how: str = ""
    note: str = ""
    control: Control = None
    apart: str = ""

    def notes(self, family: str) -> list[str]:
        """The rules, as far as they concern these runs."""
        notes = [self.note] if self.note else []
        notes.append(RULE.format(family=family))
        if len(self.evidence.tuning):
            notes.append(TUNED.format(tuned(self.evidence)))
        notes += about_test_images(self.evidence)
        if "status" in self.evidence.runs and (self.evidence.runs["status"] != "complete").any():
            notes.append(FAILURES)
        if self.control and set(self.control) <= set(self.evidence.runs["loss"]):
            notes.append(NOISE.format(*map(loss_names(self.evidence).get, self.control)))
        return notes


def verdicts(view: View, claims: Sequence[Claim]) -> Table:
    """Every claim with its verdict over all settings, and the numbers in a sentence."""
    frame = judge_overall(claims, view.evidence, control=view.control)
    parts = view.evidence.runs[view.apart].unique() if view.apart in view.evidence.runs else ()
    if len(parts) > 1:
        frames = [judge_overall(claims, view.evidence, {view.apart: part}, view.control) for part in parts]
        apart = [each[each["n"] > 0].assign(**{view.apart: part}) for each, part in zip(frames, parts, strict=True)]
        frame = pd.concat([frame.assign(**{view.apart: "all"}), *apart], ignore_index=True)
        frame.insert(1, view.apart, frame.pop(view.apart))
    by_statement, losses = {claim.statement: claim for claim in claims}, loss_names(view.evidence)
    shown = [
        {"claim": row["claim"]}
        | ({"of": _part(view.apart, row[view.apart])} if len(parts) > 1 else {})
        | {"verdict": row["verdict"], "evidence": _sentence(by_statement[row["claim"]], row, losses)}
        for row in frame.to_dict("records")
    ]
    notes = view.notes("the claims of this table" + (" for each part of the settings" if len(parts) > 1 else ""))
    if setting_columns(view.evidence.runs):
        notes.insert(1, OVERALL)
    notes += [CHANGE] if any(claim.along for claim in claims) else []
    notes += _about_the_number_of_pairs(frame, frame["p"][: len(claims)].count())
    title = f"Verdicts {view.how}".strip() + common_settings(view.evidence)
    return Table(title, frame, pd.DataFrame(shown), tuple(notes))


def verdicts_by_setting(view: View, claims: Sequence[Claim]) -> Table:
    """The same in each setting apart."""
    frame = judge(claims, view.evidence, view.control)
    names = setting_columns(view.evidence.runs)
    by_statement, losses = {claim.statement: claim for claim in claims}, loss_names(view.evidence)
    shown = [
        {"claim": row["claim"]}
        | setting_column({name: row[name] for name in names})
        | {"verdict": row["verdict"]}
        | {"evidence": _sentence(by_statement[row["claim"]], row, losses)}
        for row in frame.to_dict("records")
    ]
    tests = frame.groupby("claim")["p"].count()
    notes = view.notes("the settings of each claim")
    notes += [CHANGE] if any(claim.along for claim in claims) else []
    notes += _about_the_number_of_pairs(frame, tests[tests > 0].min())
    title = f"Verdicts in each setting {view.how}".strip() + common_settings(view.evidence)
    return Table(title, frame, pd.DataFrame(shown), tuple(notes))


def _part(column: str, value: object) -> str:
    return "all settings" if value == "all" else described({column: value})


def _about_the_number_of_pairs(frame: pd.DataFrame, family: int) -> list[str]:
    """What the tests can't show: with so many pairs, and adjusted over so many tests (of the smallest family)."""
    notes = [DETECTABLE] if np.isfinite(frame["detectable"]).any() else []
    if too_few := too_few_pairs(frame):
        notes.append(too_few)
    most = int(frame["n"].max())
    if "p_depends" not in frame and most >= MIN_PAIRS and family * smallest_p(most) >= ALPHA:
        notes.append(
            f"Too few seeds for so many tests: {family} times {smallest_p(most):.3g}, the smallest p of {most} pairs, "
            "is not below .05. No difference can be shown, whatever its size."
        )
    return notes


def sensitivity_table(view: View, claims: Sequence[Claim]) -> Table:
    """How each verdict changes with the margin, the target of a time, and the part of the settings it is of."""
    frame = sensitivity(claims, view.evidence, view.control)
    by_statement = {claim.statement: claim for claim in claims}
    shown = [
        {"claim": row["claim"], "variant": row["variant"], "verdict": row["verdict"]}
        | {"difference": estimate(by_statement[row["claim"]], row)}
        | ({"in each setting": row["settings"] or NOTHING} if setting_columns(view.evidence.runs) else {})
        for row in frame.to_dict("records")
    ]
    return Table("Verdicts under other margins, targets and settings", frame, pd.DataFrame(shown))


def _sentence(claim: Claim, row: Mapping[str, Any], losses: Mapping[str, str]) -> str:
    first, second = (losses.get(loss, loss) for loss in (claim.first, claim.second))
    if not row["n"]:
        return f"{label(claim.metric)}: no pairs of {first} and {second}, or not measured"
    symbol = "/" if claim.ratio else "minus"
    margin = f"factor {claim.margin:g}" if claim.ratio else f"±{claim.margin:g}"
    parts = [f"{row['n']} pairs" + (f" in each of {_count(row)} settings" if row.get("settings") else "")]
    if not math.isnan(row["p_holm"]):
        parts[0] += f", p = {row['p_holm']:.2g}"
    parts.append(f"margin {margin}")
    if row["noise_floor"] > (1 if claim.ratio else 0):
        parts.append(f"noise floor {row['noise_floor']:.2g}")
    if math.isfinite(row["detectable"]):
        parts.append(f"detectable {row['detectable']:.2g}")
    if row.get("settings"):
        spec = ".3g" if claim.ratio else "+.3g"
        bounds = (number(row[name], spec) for name in ("predicted_low", "predicted_high"))
        parts.append("one more setting [{}, {}]".format(*bounds))
        parts.append(f"median {row['median']:{spec}}, {row['above']:.0%} of settings above, {row['below']:.0%} below")
        parts.append(f"settings: {row['settings']}")
    what = f"{label(claim.metric)}, {first} {symbol} {second}"
    change = f", change along {claim.along.rpartition('.')[2]}" if claim.along else ""
    return f"{what}{change}: {estimate(claim, row)}, " + "; ".join(parts)


def _count(row: Mapping[str, Any]) -> int:
    """How many settings got a verdict."""
    return sum(int(part.split()[0]) for part in row["settings"].split(", "))


def estimate(claim: Claim, row: Mapping[str, Any]) -> str:
    """The mean difference, or ratio, of a judged row with its 95% interval: ``+0.0123 [+0.0101, +0.0145]``."""
    values = [row[name] for name in ("mean", "ci_low", "ci_high")]
    if claim.ratio:
        mean, low, high = (number(value, ".3g") for value in values)
    else:  # the difference of equal means can be off by the rounding of their sums
        mean, low, high = (number(0.0 if abs(value) < ROUNDING else value, "+.3g") for value in values)
    return f"{mean} [{low}, {high}]"
