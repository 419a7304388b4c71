"""Whether MSE captures how confident a model is: the table."""

from __future__ import annotations

import pandas as pd

from ce_harness.report.output.formats import number
from ce_harness.report.output.labels import setting_column
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.paired_tests import MIN_PAIRS
from ce_harness.report.verdicts.rank_agreement import FEWEST_PAIRS, WEAK, judge
from ce_harness.report.verdicts.settings import setting_columns


def captures_confidence(evidence: Evidence) -> Table:
    """How MSE and cross-entropy of trained models agree once their error is accounted for."""
    frame = judge(evidence)
    names = setting_columns(evidence.runs)
    shown = pd.DataFrame(
        setting_column({name: row[name] for name in names})
        | {"seeds": row["seeds"], "pairs": row["pairs"]}
        | {"agreement": "{} [{}, {}]".format(*(number(row[c], ".0%") for c in ("agreement", "ci_low", "ci_high")))}
        | {"within each loss": number(row["within_loss"], ".0%"), "verdict": row["verdict"]}
        for row in frame.to_dict("records")
    )
    notes = (
        "Over all pairs of trained networks with exactly the same test error: the share in which Brier score and NLL "
        "call the same one better, with its 95% interval from resampled seeds. A coin agrees in half of them. "
        f"Contradicted: the interval lies above 50%. Supported: it lies below {WEAK:.0%}. Else, and below "
        f"{MIN_PAIRS} seeds or {FEWEST_PAIRS} pairs, inconclusive.",
    )
    return Table("MSE does not capture confidence", frame, shown, notes)
