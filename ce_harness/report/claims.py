"""The verdict on each claim of a study, by the rule stated in ``study.Claim``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd

from ce_harness.report import statistics
from ce_harness.report.formats import number
from ce_harness.report.outcomes import TIME_TO, by_setting, label, paired, settings
from ce_harness.report.study import Claim, Evidence, Table
from ce_harness.report.tables import common_settings, too_few_pairs

# Stricter and looser margins, and other targets for times, that a verdict is tried against.
MARGIN_FACTORS = (0.5, 2)
OTHER_TARGETS = (0.9, 0.97)


def judge(claims: Sequence[Claim], evidence: Evidence) -> pd.DataFrame:
    """One row per claim and setting, with the numbers its verdict follows from.

    ``mean``, ``ci_low`` and ``ci_high`` are first - second in units of the metric, or first / second for a
    ratio (geometric mean); ``detectable`` is the smallest such difference, or factor, that n pairs of this
    spread show with 80% power in a single test.
    """
    rows = []
    for claim in claims:
        margin = math.log(claim.margin) if claim.ratio else claim.margin
        shown = np.exp if claim.ratio else float
        for setting, differences, found in _measured(evidence, claim.metric, claim.first, claim.second, claim.ratio):
            d = found.difference
            numbers = {"mean": d.mean, "ci_low": d.low, "ci_high": d.high}
            numbers["detectable"] = statistics.detectable_difference(d.sd, d.n)
            rows.append(
                {"claim": claim.statement, **setting, "metric": claim.metric, "first": claim.first}
                | {"second": claim.second, "relation": claim.relation, "margin": claim.margin, "n": d.n}
                | {name: float(shown(value)) for name, value in numbers.items()}
                | {"p": found.p, "p_equivalence": statistics.equivalence_p(differences, margin)}
                | {"sign": float(np.nan_to_num(np.sign(d.mean)))}
            )
    frame = pd.DataFrame(rows)
    frame.insert(frame.columns.get_loc("p") + 1, "p_holm", statistics.holm(frame["p"]))
    frame["verdict"] = [decide(row.relation, row.sign, row.p_holm, row.p_equivalence) for row in frame.itertuples()]
    return frame.drop(columns="sign")


@lru_cache(maxsize=256)  # a verdict is asked for again under other margins
def _measured(evidence: Evidence, metric: str, first: str, second: str, ratio: bool) -> list[tuple]:
    """(setting, differences, ``Paired``) per setting; differences of logarithms for a ratio."""
    measured = []
    for setting, group in by_setting(evidence.runs):
        pairs = paired(evidence, group, metric, first, second)
        if ratio:
            pairs = np.log(pairs[(pairs > 0).all(axis=1)])
        with np.errstate(invalid="ignore"):  # of two infinite values: NaN
            differences = pairs[:, 0] - pairs[:, 1]
        measured.append((setting, differences, statistics.compare_pairs(*pairs.T)))
    return measured


def decide(relation: str, sign: float, p: float, p_equivalence: float) -> str:
    """The decision rule of ``study.Claim``; a NaN p decides nothing."""
    equivalent, different = p_equivalence < statistics.ALPHA, p < statistics.ALPHA
    if relation == "equal":
        return "supported" if equivalent else "contradicted" if different else "inconclusive"
    if equivalent:
        return "equivalent"
    if not different:
        return "inconclusive"
    return "supported" if (sign > 0) == (relation == "greater") else "contradicted"


def verdicts(evidence: Evidence, claims: Sequence[Claim]) -> Table:
    """Every claim with its verdict and the numbers in a sentence, and overall over several settings."""
    frame = judge(claims, evidence)
    names = settings(evidence.runs)
    shown = []
    by_statement = {claim.statement: claim for claim in claims}
    for statement, rows in frame.groupby("claim", sort=False):
        if names:
            shown.append({"claim": statement, **dict.fromkeys(names, "all"), "verdict": overall(rows["verdict"])})
            shown[-1]["evidence"] = f"{len(rows)} settings"
        for row in rows.to_dict("records"):
            cell = {name: row[name] for name in names}
            shown.append({"claim": statement, **cell, "verdict": row["verdict"]})
            shown[-1]["evidence"] = _sentence(by_statement[statement], row)
    notes = [
        "Equivalent: two one-sided t tests place the mean difference within the margin at the 5% level. "
        "Else supported or contradicted: two-sided sign-flip permutation p < .05, Holm-adjusted over "
        "this table. Else inconclusive. A claim of equality is supported by equivalence. Brackets: 95% "
        "intervals.",
    ]
    if np.isfinite(frame["detectable"]).any():
        notes.append(
            "Detectable: the smallest difference, or factor, that a single test of as many pairs shows with 80% power."
        )
    if frame["p"].isna().any():
        notes.append(too_few_pairs(int(frame.loc[frame["p"].isna(), "n"].min())))
    return Table("Verdicts" + common_settings(evidence), frame, pd.DataFrame(shown), tuple(notes))


def overall(found: pd.Series) -> str:
    """The verdict shared by all settings; inconclusive, with the counts, if they differ."""
    counts = found.value_counts(sort=False)
    if len(counts) == 1:
        return counts.index[0]
    return f"inconclusive ({', '.join(f'{count} {name}' for name, count in counts.items())})"


def sensitivity(evidence: Evidence, claims: Sequence[Claim]) -> Table:
    """How each verdict changes with the margin, and with the target of a time."""
    rows = []
    variants = [
        (f"margin x {factor:g}", [_with_margin(claim, factor) for claim in claims]) for factor in MARGIN_FACTORS
    ]
    variants += [
        (f"target {target:.0%}", [_with_target(claim, target) for claim in claims]) for target in OTHER_TARGETS
    ]
    for name, changed in variants:
        frame = judge(changed, evidence)
        for before, after in zip(claims, changed, strict=True):
            found = frame.loc[frame["claim"] == before.statement, "verdict"]
            verdict = "" if after == before else overall(found)
            rows.append({"claim": before.statement, "variant": name, "verdict": verdict})
    frame = pd.DataFrame(rows)
    wide = frame.pivot(index="claim", columns="variant", values="verdict")
    wide = wide.loc[[claim.statement for claim in claims], [name for name, _ in variants]].reset_index()
    return Table("Verdicts under other margins and targets", frame, wide.rename_axis(columns=None))


def _with_margin(claim: Claim, factor: float) -> Claim:
    return replace(claim, margin=claim.margin**factor if claim.ratio else claim.margin * factor)


def _with_target(claim: Claim, target: float) -> Claim:
    return replace(claim, metric=f"{TIME_TO}{target:g}") if claim.metric.startswith(TIME_TO) else claim


def _sentence(claim: Claim, row: dict) -> str:
    if not row["n"]:
        return f"{label(claim.metric)}: no pairs of {claim.first} and {claim.second}"
    sign, spec, symbol = ("", ".3g", "/") if claim.ratio else ("+", "+.3g", "minus")
    interval = f"[{number(row['ci_low'], spec)}, {number(row['ci_high'], spec)}]"
    margin = f"factor {claim.margin:g}" if claim.ratio else f"±{claim.margin:g}"
    p = "" if math.isnan(row["p_holm"]) else f", p = {row['p_holm']:.2g}"
    detectable = f"; detectable {row['detectable']:.2g}" if math.isfinite(row["detectable"]) else ""
    return (
        f"{label(claim.metric)}, {claim.first} {symbol} {claim.second}: {row['mean']:{sign}.3g} {interval}, "
        f"{row['n']} pairs{p}; margin {margin}{detectable}"
    )
