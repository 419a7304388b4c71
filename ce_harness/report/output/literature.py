"""What others have published about the losses, beside the same measured here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ce_harness.report.output.formats import NOTHING
from ce_harness.report.output.labels import label, loss_names
from ce_harness.report.output.verdict_tables import estimate
from ce_harness.report.study import Claim, Evidence, Table
from ce_harness.report.verdicts.claims import judge_overall
from ce_harness.report.verdicts.settings import described

AGREES = {
    "supported": "agrees",
    "contradicted": "disagrees",
    "equivalent": "no difference",
    "depends": "depends on the setting",
    "inconclusive": "undecided",
}


@dataclass(frozen=True)
class Finding:
    """A published finding, and the claim on our own runs that it would lead us to expect.

    Attributes:
        work: authors, year, where.
        setting: on what it was found.
        finding: what was found, with its numbers.
        claim: what our runs should then show; None for what they can't.
        within: column -> value, the part of our settings that is like theirs.
    """

    work: str
    setting: str
    finding: str
    claim: Claim | None = None
    within: Mapping[str, object] = field(default_factory=dict)


def literature(evidence: Evidence, findings: Sequence[Finding]) -> Table:
    """One row per finding: theirs, ours with its 95% interval, and whether the two agree.

    Agreement is the verdict of ``study.Claim``'s rule on the expected difference, each finding judged by itself.
    """
    rows, shown, names = [], [], loss_names(evidence)
    for finding in findings:
        theirs = {"work": finding.work, "setting": finding.setting, "published": finding.finding}
        if finding.claim is None:
            rows.append(theirs | {"agreement": "not measured"})
            shown.append(theirs | {"measured here": NOTHING, "agreement": "not measured"})
            continue
        row = judge_overall([finding.claim], evidence, finding.within).to_dict("records")[0]
        agreement = AGREES[row.pop("verdict")] if row["n"] else "not measured"
        where = described(finding.within) or "all settings"
        rows.append(theirs | row | {"within": where, "agreement": agreement})
        measured = f"{_sentence(finding.claim, row, names)} ({where})"
        shown.append(theirs | {"measured here": measured, "agreement": agreement})
    notes = (
        "Ours is the mean over the settings named in brackets, with its 95% interval. Agreement follows the rule of "
        "the verdicts, without adjustment: each row answers to another publication. No difference: within the margin.",
    )
    return Table("Against the literature", pd.DataFrame(rows), pd.DataFrame(shown), notes)


def _sentence(claim: Claim, row: Mapping[str, object], losses: Mapping[str, str]) -> str:
    first, second = (losses.get(loss, loss) for loss in (claim.first, claim.second))
    symbol = "/" if claim.ratio else "minus"
    numbers = estimate(claim, row) if row["n"] else "no pairs"
    return f"{label(claim.metric)}, {first} {symbol} {second}: {numbers}"
