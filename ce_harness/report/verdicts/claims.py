"""The verdict on each claim of a study, by the rule stated in ``study.Claim``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from ce_harness.report.study import Claim, Evidence
from ce_harness.report.verdicts import statistics
from ce_harness.report.verdicts.pairings import paired
from ce_harness.report.verdicts.settings import by_setting, setting_columns

VERDICTS = ("supported", "contradicted", "equivalent", "inconclusive")


@dataclass(frozen=True)
class Measured:
    """What one setting, or all together, says of two losses.

    Attributes:
        setting: column -> value.
        differences: first - second, by seed; of logarithms where a ratio is asked for.
    """

    setting: Mapping[str, object]
    differences: pd.Series
    comparison: statistics.Paired


@lru_cache(maxsize=256)  # a verdict is asked for again under other margins
def _measured(evidence: Evidence, metric: str, first: str, second: str, ratio: bool) -> tuple[Measured, ...]:
    """One per setting that holds both losses."""
    measured = []
    for setting, group in by_setting(evidence.runs):
        if {first, second} <= set(group["loss"]):
            pairs = paired(evidence, group, metric, first, second)
            if ratio:
                pairs = np.log(pairs[(pairs > 0).all(axis=1)])
            measured.append(_compared(setting, pairs[first], pairs[second]))
    return tuple(measured)


def _compared(setting: Mapping[str, object], first: pd.Series, second: pd.Series) -> Measured:
    with np.errstate(invalid="ignore"):  # of two infinite values: NaN
        return Measured(setting, first - second, statistics.compare_pairs(first, second))


def _together(measured: Sequence[Measured]) -> Measured:
    """The differences averaged over settings, seed by seed."""
    if len(measured) == 1:
        return measured[0]
    by_seed = pd.concat([one.differences for one in measured], axis=1) if measured else pd.DataFrame()
    mean = by_seed.mean(axis=1).astype(float)
    return _compared({}, mean, 0 * mean)


def _row(claim: Claim, measured: Measured) -> dict[str, object]:
    """The numbers that a verdict follows from."""
    d = measured.comparison.difference
    margin = math.log(claim.margin) if claim.ratio else claim.margin
    shown = np.exp if claim.ratio else float
    numbers = {"mean": d.mean, "ci_low": d.low, "ci_high": d.high}
    numbers["detectable"] = statistics.detectable_difference(d.sd, d.n)
    return (
        {"claim": claim.statement, **measured.setting, "metric": claim.metric, "first": claim.first}
        | {"second": claim.second, "relation": claim.relation, "margin": claim.margin, "n": d.n}
        | {name: float(shown(value)) for name, value in numbers.items()}
        | {"p": measured.comparison.p, "p_equivalence": statistics.equivalence_p(measured.differences, margin)}
        | {"sign": float(np.nan_to_num(np.sign(d.mean)))}
    )


def _decided(frame: pd.DataFrame, p_holm: Sequence[float]) -> pd.DataFrame:
    frame.insert(frame.columns.get_loc("p") + 1, "p_holm", p_holm)
    frame["verdict"] = [decide(row.relation, row.sign, row.p_holm, row.p_equivalence) for row in frame.itertuples()]
    return frame.drop(columns="sign")


def judge(claims: Sequence[Claim], evidence: Evidence) -> pd.DataFrame:
    """One row per claim and setting, with the numbers its verdict follows from.

    ``mean``, ``ci_low`` and ``ci_high`` are first - second in units of the metric, or first / second for a
    ratio (geometric mean); ``detectable`` is the smallest such difference, or factor, that n pairs of this
    spread show with 80% power in a single test.
    """
    if not setting_columns(evidence.runs):
        return judge_overall(claims, evidence).drop(columns="settings")
    rows = [
        _row(claim, one)
        for claim in claims
        for one in _measured(evidence, claim.metric, claim.first, claim.second, claim.ratio)
    ]
    columns = ["claim", *setting_columns(evidence.runs), *_row(claims[0], _together([]))]
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys(columns)))
    p_holm = frame.groupby("claim", sort=False)["p"].transform(lambda p: statistics.holm(p))
    return _decided(frame, p_holm)


def judge_overall(
    claims: Sequence[Claim], evidence: Evidence, within: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """One row per claim: the verdict on the differences averaged over all settings.

    ``settings`` says, if they are several, how many of those with pairs got each verdict.

    Args:
        within: column -> value, or its text, to judge by a part of the settings.
    """
    rows, verdicts_of_claims = [], []
    for claim in claims:
        measured = [
            one
            for one in _measured(evidence, claim.metric, claim.first, claim.second, claim.ratio)
            if all(str(one.setting.get(name)) == str(value) for name, value in (within or {}).items())
        ]
        rows.append(_row(claim, replace(_together(measured), setting={})))
        each = pd.DataFrame([_row(claim, one) for one in measured])
        in_settings = pd.Series(dtype=str)
        if len(measured) > 1:
            in_settings = _decided(each, statistics.holm(each["p"]))["verdict"][each["n"] > 0]
        verdicts_of_claims.append(in_settings)
    frame = pd.DataFrame(rows)
    frame = _decided(frame, statistics.holm(frame["p"]))
    frame["settings"] = [counted(verdicts) for verdicts in verdicts_of_claims]
    frame["verdict"] = [
        "inconclusive" if _contradicted(verdict, set(in_settings)) else verdict
        for verdict, in_settings in zip(frame["verdict"], verdicts_of_claims, strict=True)
    ]
    return frame


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


def _contradicted(overall: str, by_setting: set[str]) -> bool:
    """Whether a verdict over all settings hides that they disagree."""
    decided = {overall, *by_setting} - {"inconclusive"}
    return {"supported", "contradicted"} <= decided or (overall == "equivalent" and len(decided) > 1)


def counted(verdicts: pd.Series) -> str:
    """How many settings got each verdict: ``1 supported, 2 inconclusive``."""
    counts = verdicts.value_counts()
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)


def decidable(claims: Sequence[Claim], evidence: Evidence) -> list[Claim]:
    """The claims about whose two losses the runs say anything."""
    return [claim for claim in claims if _measured(evidence, claim.metric, claim.first, claim.second, claim.ratio)]
