"""The verdict on each claim of a study, by the rule stated in ``study.Claim``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from ce_harness.report.output.formats import NOTHING, number
from ce_harness.report.output.tables import common_settings, too_few_pairs
from ce_harness.report.study import Claim, Evidence, Table
from ce_harness.report.verdicts import statistics
from ce_harness.report.verdicts.outcomes import TIME_TO, by_setting, described, label, paired, setting_cell, settings

VERDICTS = ("supported", "contradicted", "equivalent", "inconclusive")
# Stricter and looser margins, and other targets for times, that a verdict is tried against.
MARGIN_FACTORS = (0.5, 2)
OTHER_TARGETS = (0.9, 0.97)
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


@dataclass(frozen=True)
class Measured:
    """What one setting, or all together, says of two losses.

    Attributes:
        setting: column -> value.
        differences: first - second, by seed; of logarithms where a ratio is asked for.
    """

    setting: Mapping[str, object]
    differences: pd.Series
    found: statistics.Paired


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
    d = measured.found.difference
    margin = math.log(claim.margin) if claim.ratio else claim.margin
    shown = np.exp if claim.ratio else float
    numbers = {"mean": d.mean, "ci_low": d.low, "ci_high": d.high}
    numbers["detectable"] = statistics.detectable_difference(d.sd, d.n)
    return (
        {"claim": claim.statement, **measured.setting, "metric": claim.metric, "first": claim.first}
        | {"second": claim.second, "relation": claim.relation, "margin": claim.margin, "n": d.n}
        | {name: float(shown(value)) for name, value in numbers.items()}
        | {"p": measured.found.p, "p_equivalence": statistics.equivalence_p(measured.differences, margin)}
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
    if not settings(evidence.runs):
        return judge_overall(claims, evidence).drop(columns="settings")
    rows = [
        _row(claim, one)
        for claim in claims
        for one in _measured(evidence, claim.metric, claim.first, claim.second, claim.ratio)
    ]
    columns = ["claim", *settings(evidence.runs), *_row(claims[0], _together([]))]
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
    rows, verdicts_found = [], []
    for claim in claims:
        measured = [
            one
            for one in _measured(evidence, claim.metric, claim.first, claim.second, claim.ratio)
            if all(str(one.setting.get(name)) == str(value) for name, value in (within or {}).items())
        ]
        rows.append(_row(claim, replace(_together(measured), setting={})))
        each = pd.DataFrame([_row(claim, one) for one in measured])
        found = pd.Series(dtype=str)
        if len(measured) > 1:
            found = _decided(each, statistics.holm(each["p"]))["verdict"][each["n"] > 0]
        verdicts_found.append(found)
    frame = pd.DataFrame(rows)
    frame = _decided(frame, statistics.holm(frame["p"]))
    frame["settings"] = [counted(found) for found in verdicts_found]
    frame["verdict"] = [
        "inconclusive" if _contradicted(verdict, set(found)) else verdict
        for verdict, found in zip(frame["verdict"], verdicts_found, strict=True)
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


def counted(found: pd.Series) -> str:
    """How many settings got each verdict: ``1 supported, 2 inconclusive``."""
    counts = found.value_counts()
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)


def decidable(claims: Sequence[Claim], evidence: Evidence) -> list[Claim]:
    """The claims about whose two losses the runs say anything."""
    return [claim for claim in claims if _measured(evidence, claim.metric, claim.first, claim.second, claim.ratio)]


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
    if settings(evidence.runs):
        notes.append(OVERALL)
    notes += _about_the_number_of_pairs(frame, frame["p"].count())
    return Table(f"Verdicts {how}".strip() + common_settings(evidence), frame, pd.DataFrame(shown), tuple(notes))


def verdicts_by_setting(evidence: Evidence, claims: Sequence[Claim], how: str = "", note: str = "") -> Table:
    """The same in each setting apart."""
    frame = judge(claims, evidence)
    names = settings(evidence.runs)
    by_statement = {claim.statement: claim for claim in claims}
    shown = [
        {"claim": row["claim"]}
        | setting_cell({name: row[name] for name in names})
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


def sensitivity(evidence: Evidence, claims: Sequence[Claim]) -> Table:
    """How each verdict changes with the margin, the target of a time, and the part of the settings it is of."""
    parts = [{name: value} for name in settings(evidence.runs) for value in evidence.runs[name].unique()]
    variants = [("as stated", claims, {})]
    variants += [(f"margin x {x:g}", [_with_margin(claim, x) for claim in claims], {}) for x in MARGIN_FACTORS]
    variants += [(f"target {x:.0%}", [_with_target(claim, x) for claim in claims], {}) for x in OTHER_TARGETS]
    variants += [(described(part), claims, part) for part in parts]
    frames = []
    for name, changed, part in variants:
        concerned = [changed is claims or before != after for before, after in zip(claims, changed, strict=True)]
        # Judged as a family, as in the table of verdicts.
        frames.append(judge_overall(changed, evidence, part).assign(variant=name)[concerned])
    frame = pd.concat(frames, ignore_index=True)
    order = {claim.statement: i for i, claim in enumerate(claims)}
    frame = frame.sort_values("claim", key=lambda column: column.map(order), kind="stable", ignore_index=True)
    frame.insert(1, "variant", frame.pop("variant"))
    by_statement = {claim.statement: claim for claim in claims}
    shown = [
        {"claim": row["claim"], "variant": row["variant"], "verdict": row["verdict"]}
        | {"difference": estimate(by_statement[row["claim"]], row)}
        | ({"in each setting": row["settings"] or NOTHING} if parts else {})
        for row in frame.to_dict("records")
    ]
    return Table("Verdicts under other margins, targets and settings", frame, pd.DataFrame(shown))


def _with_margin(claim: Claim, factor: float) -> Claim:
    return replace(claim, margin=claim.margin**factor if claim.ratio else factor * claim.margin)


def _with_target(claim: Claim, target: float) -> Claim:
    return replace(claim, metric=f"{TIME_TO}{target:g}") if claim.metric.startswith(TIME_TO) else claim


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
