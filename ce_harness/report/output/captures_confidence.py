"""Whether MSE captures how confident a model is: the table."""

from __future__ import annotations

import pandas as pd

from ce_harness.report.output.formats import number
from ce_harness.report.output.labels import setting_column
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.rank_agreement import WEAK, judge
from ce_harness.report.verdicts.settings import setting_columns
from ce_harness.report.verdicts.statistics import MIN_PAIRS


def captures_confidence(evidence: Evidence) -> Table:
    """How MSE and cross-entropy of trained models agree once their error is accounted for."""
    frame = judge(evidence)
    names = setting_columns(evidence.runs)
    shown = pd.DataFrame(
        setting_column({name: row[name] for name in names})
        | {"seeds": row["seeds"], "runs": row["runs"]}
        | {"correlation": "{} [{}, {}]".format(*(number(row[c], ".2f") for c in ("correlation", "ci_low", "ci_high")))}
        | {"within each loss": number(row["within_loss"], ".2f"), "verdict": row["verdict"]}
        for row in frame.to_dict("records")
    )
    notes = (
        "Partial rank correlation of Brier score and NLL over the trained models, given their test error; 95% "
        "interval from resampled seeds. Contradicted: the interval lies above 0. Supported: it lies below "
        f"{WEAK:g}. Else, and below {MIN_PAIRS} seeds, inconclusive. Within each loss: the same of what the ranks "
        "differ from the mean of their loss, so that losses which differ as a group add nothing; no verdict depends "
        "on it.",
    )
    return Table("MSE does not capture confidence", frame, shown, notes)
