"""How each verdict changes with the margin, the target of a time, and the part of the settings it is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ce_harness.report.study import Claim, Evidence
from ce_harness.report.verdicts.claims import Control, judge_overall
from ce_harness.report.verdicts.outcomes import TIME_TO
from ce_harness.report.verdicts.settings import described, setting_columns

# Stricter and looser margins, and other targets for times, that a verdict is tried against.
MARGIN_FACTORS = (0.5, 2)
OTHER_TARGETS = (0.9, 0.97)


def sensitivity(claims: Sequence[Claim], evidence: Evidence, control: Control = None) -> pd.DataFrame:
    """``judge_overall`` under each variant: one row per claim that the variant concerns, named in ``variant``."""
    parts = [{name: value} for name in setting_columns(evidence.runs) for value in evidence.runs[name].unique()]
    variants: list[tuple[str, Sequence[Claim], dict[str, object]]] = [("as stated", claims, {})]
    variants += [(f"margin x {x:g}", [_with_margin(claim, x) for claim in claims], {}) for x in MARGIN_FACTORS]
    variants += [(f"target {x:.0%}", [_with_target(claim, x) for claim in claims], {}) for x in OTHER_TARGETS]
    variants += [(described(part), claims, part) for part in parts]
    frames = []
    for name, changed, part in variants:
        concerned = [changed is claims or before != after for before, after in zip(claims, changed, strict=True)]
        # Judged as a family, as in the table of verdicts.
        judged = judge_overall(changed, evidence, part, control).assign(variant=name)
        # A claim about a part of the settings says nothing of another.
        frames.append(judged[[one and (not part or n > 0) for one, n in zip(concerned, judged["n"], strict=True)]])
    frame = pd.concat(frames, ignore_index=True)
    order = {claim.statement: i for i, claim in enumerate(claims)}
    frame = frame.sort_values("claim", key=lambda column: column.map(order), kind="stable", ignore_index=True)
    frame.insert(1, "variant", frame.pop("variant"))
    return frame


def _with_margin(claim: Claim, factor: float) -> Claim:
    return replace(claim, margin=claim.margin**factor if claim.ratio else factor * claim.margin)


def _with_target(claim: Claim, target: float) -> Claim:
    return replace(claim, metric=f"{TIME_TO}{target:g}") if claim.metric.startswith(TIME_TO) else claim
