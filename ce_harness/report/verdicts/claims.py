"""The verdict on each claim of a study, by the rule stated in ``study.Claim``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ce_harness.report.study import Claim, Evidence
from ce_harness.report.verdicts.changes import changes
from ce_harness.report.verdicts.over_settings import OverSettings, interaction_p, over_settings
from ce_harness.report.verdicts.paired_tests import ALPHA, holm, within_p
from ce_harness.report.verdicts.pairings import Effect, effects
from ce_harness.report.verdicts.power import detectable_difference
from ce_harness.report.verdicts.settings import is_within, setting_columns

VERDICTS = ("supported", "contradicted", "equivalent", "depends", "inconclusive")
Control = tuple[str, str] | None


def judge(claims: Sequence[Claim], evidence: Evidence, control: Control = None) -> pd.DataFrame:
    """One row per claim and setting, with the numbers its verdict follows from.

    ``mean``, ``ci_low`` and ``ci_high`` are first - second in units of the metric, or first / second for a ratio
    (geometric mean). ``detectable`` is the smallest such difference, or factor, that n pairs of this spread show with
    80% power in a single test. p is Holm-adjusted over the settings of a claim; of a study of one setting, over the
    claims.

    Args:
        control: two names of the same loss, see ``Study``. ``noise_floor`` is how far they may lie apart.
    """
    if not setting_columns(evidence.runs):
        return judge_overall(claims, evidence, control=control).drop(columns="settings")
    rows = []
    for claim in claims:
        of_claim = effects_of(claim, evidence)
        floors = [_noise_floor([one], claim, evidence, control) for one in of_claim]
        in_settings = [_row(claim, one, floor) for one, floor in zip(of_claim, floors, strict=True)]
        rows += _adjusted(claim, in_settings)
    columns = ["claim", *setting_columns(evidence.runs), *_row(claims[0], _nothing(), 0.0), "p_holm", "verdict"]
    return _shown(claims, pd.DataFrame(rows, columns=list(dict.fromkeys(columns))))


def judge_overall(
    claims: Sequence[Claim],
    evidence: Evidence,
    within: Mapping[str, object] | None = None,
    control: Control = None,
) -> pd.DataFrame:
    """One row per claim: the verdict over all settings, each of which counts once; of one setting, that in it.

    The columns of ``judge``; ``p_holm`` is adjusted over the claims. Where settings are several, ``settings`` says how
    many of them got each verdict. ``p_depends`` is that of a qualitative interaction, and the others are those of
    ``OverSettings``.

    Args:
        within: column -> value, or its text, to judge by a part of the settings.
    """
    rows = []
    for claim in claims:
        of_claim = [one for one in effects_of(claim, evidence) if is_within(one.setting, within or {}, evidence.runs)]
        judged = [one for one in of_claim if one.summary.n > 1 and math.isfinite(one.summary.mean)]
        floor = _noise_floor(judged, claim, evidence, control)
        if len(judged) > 1:
            row = _together(claim, judged, floor)
            each = _adjusted(claim, [_row(claim, one, floor) for one in judged])
            in_settings = pd.Series([one["verdict"] for one in each])
            agreed = in_settings.nunique() == 1 and in_settings[0] != "inconclusive"
            row |= {"settings": counted(in_settings), "unanimous": in_settings[0] if agreed else ""}
        else:
            row = _row(claim, next(iter(judged or of_claim), _nothing()), floor) | {"settings": "", "unanimous": ""}
            for name in setting_columns(evidence.runs):
                row.pop(name, None)
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame["p_holm"] = holm(frame["p"])
    frame["verdict"] = [decide(claim, row) for claim, row in zip(claims, frame.to_dict("records"), strict=True)]
    return _shown(claims, frame.drop(columns="unanimous", errors="ignore"))


def effects_of(claim: Claim, evidence: Evidence) -> tuple[Effect, ...]:
    """How the two losses of a claim differ, one per setting that holds both; or how that changes along a column."""
    every = effects(evidence, claim.metric, claim.first, claim.second, claim.ratio)
    within = tuple(one for one in every if is_within(one.setting, claim.within, evidence.runs))
    return changes(within, claim.along) if claim.along else within


def decide(claim: Claim, row: Mapping[str, Any]) -> str:
    """The decision rule of ``study.Claim``; a NaN p decides nothing."""
    equivalent = row["p_equivalence"] < ALPHA
    if row.get("p_depends", math.nan) < ALPHA:
        return "contradicted" if claim.relation == "equal" else "depends"
    if row.get("unanimous"):
        return str(row["unanimous"])
    least = max(_margin(claim), row["noise_floor"])
    different = row["p_holm"] < ALPHA and abs(row["mean"]) >= least
    if claim.relation == "equal":
        return "supported" if equivalent else "contradicted" if different else "inconclusive"
    if equivalent:
        return "equivalent"
    if not different:
        return "inconclusive"
    return "supported" if (row["mean"] > 0) == (claim.relation == "greater") else "contradicted"


def counted(verdicts: pd.Series) -> str:
    """How many settings got each verdict: ``1 supported, 2 inconclusive``."""
    counts = verdicts.value_counts()
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)


def decidable(claims: Sequence[Claim], evidence: Evidence) -> list[Claim]:
    """The claims about whose two losses the runs say anything."""
    return [claim for claim in claims if effects_of(claim, evidence)]


def _row(claim: Claim, effect: Effect, floor: float) -> dict[str, Any]:
    """The numbers that a verdict in one setting follows from; of logarithms where a ratio is asked for."""
    d = effect.summary
    return (
        {"claim": claim.statement, **effect.setting, "metric": claim.metric, "first": claim.first}
        | {"second": claim.second, "relation": claim.relation, "margin": claim.margin, "n": d.n}
        | {"mean": d.mean, "ci_low": d.low, "ci_high": d.high, "detectable": detectable_difference(d.sd, d.n)}
        | {"noise_floor": floor, "p": effect.p, "p_equivalence": effect.equivalence_p(_margin(claim))}
    )


def _together(claim: Claim, several: Sequence[Effect], floor: float) -> dict[str, Any]:
    """The same of several settings."""
    means, variances = zip(*((one.summary.mean, one.variance) for one in several), strict=True)
    pairs = np.array([one.summary.n for one in several])
    over = _over(several)
    row = _row(claim, Effect({}, pd.Series(dtype=float)), floor)
    equivalence = within_p(over.mean, over.standard_error, over.n - 1, _margin(claim))
    return row | {
        "n": int(pairs.min()),
        "mean": over.mean,
        "ci_low": over.low,
        "ci_high": over.high,
        "detectable": math.nan,
        "p": over.p,
        "p_equivalence": equivalence if all(one.can_show_equality for one in several) else math.nan,
        "predicted_low": over.predicted_low,
        "predicted_high": over.predicted_high,
        "median": over.median,
        "above": over.above,
        "below": over.below,
        "p_depends": interaction_p(means, variances, pairs - 1, _margin(claim)),
    }


def _over(several: Sequence[Effect]) -> OverSettings:
    """The mean over settings. Those of one data set share its test images: their errors are taken to be the same."""
    errors: dict[object, list[float]] = {}
    for one in several:
        errors.setdefault(one.setting.get("dataset"), []).append(math.sqrt(one.image_variance))
    shared = sum(sum(of) ** 2 - sum(error**2 for error in of) for of in errors.values())
    means, variances = zip(*((one.summary.mean, one.variance) for one in several), strict=True)
    return over_settings(means, variances, shared / len(several) ** 2)


def _noise_floor(of_claim: Sequence[Effect], claim: Claim, evidence: Evidence, control: Control) -> float:
    """The largest difference, in these settings together, that two names of the same loss are compatible with."""
    if control is None or {claim.first, claim.second} == set(control):
        return 0.0
    wanted = [one.setting for one in of_claim]
    of_control = [
        one
        for one in effects_of(replace(claim, first=control[0], second=control[1]), evidence)
        if one.setting in wanted and math.isfinite(one.summary.low)
    ]
    if not of_control:
        return 0.0
    if len(of_control) == 1:
        bounds = of_control[0].summary.low, of_control[0].summary.high
    else:
        over = _over(of_control)
        bounds = over.low, over.high
    return max(abs(bound) for bound in bounds)


def _adjusted(claim: Claim, in_settings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a claim's settings with their p adjusted and their verdicts."""
    adjusted = holm([row["p"] for row in in_settings])
    rows = [row | {"p_holm": float(p)} for row, p in zip(in_settings, adjusted, strict=True)]
    return [row | {"verdict": decide(claim, row)} for row in rows]


def _shown(claims: Sequence[Claim], frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers of ratios as factors, and p_holm beside p."""
    ratios = frame["claim"].isin([claim.statement for claim in claims if claim.ratio])
    numbers = ["mean", "ci_low", "ci_high", "detectable", "noise_floor", "predicted_low", "predicted_high", "median"]
    for name in numbers:
        if name in frame:
            values = frame[name].astype(float)
            with np.errstate(over="ignore"):  # a factor beyond all floats is inf
                frame[name] = values.where(~ratios, np.exp(values))
    frame.insert(frame.columns.get_loc("p") + 1, "p_holm", frame.pop("p_holm"))
    return frame


def _margin(claim: Claim) -> float:
    return math.log(claim.margin) if claim.ratio else claim.margin


def _nothing() -> Effect:
    return Effect({}, pd.Series(dtype=float))
