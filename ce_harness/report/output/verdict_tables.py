"""The verdicts of a study in tables, with the numbers behind each in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ce_harness.report.output.formats import NOTHING, number
from ce_harness.report.output.labels import common_settings, label, setting_column
from ce_harness.report.output.tables import too_few_pairs
from ce_harness.report.study import Claim, Evidence, Table
from ce_harness.report.verdicts import statistics
from ce_harness.report.verdicts.claims import judge, judge_overall
from ce_harness.report.verdicts.sensitivity import sensitivity
from ce_harness.report.verdicts.settings import setting_columns

RULE = (
    "Equivalent: two one-sided t tests place the mean difference within the margin at the 5% level, each by itself. "
    "Else supported or contradicted: two-sided sign-flip permutation p < .05, Holm-adjusted over {family}. Else "
    "inconclusive. A claim of equality is supported by equivalence. Brackets: 95% intervals."
)
OVERALL = (
    "Over several settings the same rule judges the differences averaged, seed by seed, over all of them; a verdict "
    "that a setting contradicts is inconclusive."
)
DETECTABLE = "Detectable: the smallest difference, or factor, that a single test of as many pairs shows with 80% power."


def verdicts(evidence: Evidence, claims: Sequence[Claim], how: str = "", note: str = "") -> Table:
    """Every claim with its verdict over all settings, and the numbers in a sentence.

    Args:
        how: how the runs were paired, for the title: ``at equal rates``.
        note: the same at length.
    """
    frame = judge_overall(claims, evidence)
    shown = [
        {"claim": claim.statement, "verdict": row["verdict"], "evidence": _sentence(claim, row)}
        for claim, row in zip(claims, frame.to_dict("records"), strict=True)
    ]
    notes = [note] if note else []
    notes.append(RULE.format(family="this table"))
    if setting_columns(evidence.runs):
        notes.append(OVERALL)
    notes += _about_the_number_of_pairs(frame, frame["p"].count())
    return Table(f"Verdicts {how}".strip() + common_settings(evidence), frame, pd.DataFrame(shown), tuple(notes))


def verdicts_by_setting(evidence: Evidence, claims: Sequence[Claim], how: str = "", note: str = "") -> Table:
    """The same in each setting apart."""
    frame = judge(claims, evidence)
    names = setting_columns(evidence.runs)
    by_statement = {claim.statement: claim for claim in claims}
    shown = [
        {"claim": row["claim"]}
        | setting_column({name: row[name] for name in names})
        | {"verdict": row["verdict"]}
        | {"evidence": _sentence(by_statement[row["claim"]], row)}
        for row in frame.to_dict("records")
    ]
    notes = [note] if note else []
    notes.append(RULE.format(family="the settings of each claim"))
    tests = frame.groupby("claim")["p"].count()
    notes += _about_the_number_of_pairs(frame, tests[tests > 0].min())
    title = f"Verdicts in each setting {how}".strip() + common_settings(evidence)
    return Table(title, frame, pd.DataFrame(shown), tuple(notes))


def _about_the_number_of_pairs(frame: pd.DataFrame, family: int) -> list[str]:
    """What the tests can't show: with so many pairs, and adjusted over so many tests (of the smallest family)."""
    notes = [DETECTABLE] if np.isfinite(frame["detectable"]).any() else []
    if too_few := too_few_pairs(frame):
        notes.append(too_few)
    most = int(frame["n"].max())
    if most >= statistics.MIN_PAIRS and family * statistics.smallest_p(most) >= statistics.ALPHA:
        notes.append(
            f"Too few seeds for so many tests: {family} times {statistics.smallest_p(most):.3g}, the smallest exact p "
            f"of {most} pairs, is not below .05. No difference can be shown, whatever its size."
        )
    return notes


def sensitivity_table(evidence: Evidence, claims: Sequence[Claim]) -> Table:
    """How each verdict changes with the margin, the target of a time, and the part of the settings it is of."""
    frame = sensitivity(claims, evidence)
    by_statement = {claim.statement: claim for claim in claims}
    shown = [
        {"claim": row["claim"], "variant": row["variant"], "verdict": row["verdict"]}
        | {"difference": estimate(by_statement[row["claim"]], row)}
        | ({"in each setting": row["settings"] or NOTHING} if setting_columns(evidence.runs) else {})
        for row in frame.to_dict("records")
    ]
    return Table("Verdicts under other margins, targets and settings", frame, pd.DataFrame(shown))


def _sentence(claim: Claim, row: dict) -> str:
    if not row["n"]:
        return f"{label(claim.metric)}: no pairs of {claim.first} and {claim.second}"
    symbol = "/" if claim.ratio else "minus"
    margin = f"factor {claim.margin:g}" if claim.ratio else f"±{claim.margin:g}"
    p = "" if math.isnan(row["p_holm"]) else f", p = {row['p_holm']:.2g}"
    detectable = f"; detectable {row['detectable']:.2g}" if math.isfinite(row["detectable"]) else ""
    over = f"; settings: {row['settings']}" if row.get("settings") else ""
    return (
        f"{label(claim.metric)}, {claim.first} {symbol} {claim.second}: {estimate(claim, row)}, "
        f"{row['n']} pairs{p}; margin {margin}{detectable}{over}"
    )


def estimate(claim: Claim, row: Mapping[str, object]) -> str:
    """The mean difference, or ratio, of a judged row with its 95% interval: ``+0.0123 [+0.0101, +0.0145]``."""
    sign, spec = ("", ".3g") if claim.ratio else ("+", "+.3g")
    interval = f"[{number(row['ci_low'], spec)}, {number(row['ci_high'], spec)}]"
    return f"{number(row['mean'], f'{sign}.3g')} {interval}"
