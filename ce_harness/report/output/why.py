"""The source tutorial's table "why cross-entropy is better", with the verdict on each of its rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ce_harness.report.output.labels import common_settings
from ce_harness.report.study import Claim, Evidence, Table
from ce_harness.report.verdicts import claims, rank_agreement
from ce_harness.report.verdicts.outcomes import TIME_TO
from ce_harness.report.verdicts.settings import setting_columns

# What the tutorial says, of MSE and of cross-entropy, and the outcome that decides it; its three takeaways
# are the last.
CONFIDENCE = "confidence"
ROWS = (
    ("Low gradients early in training", "yes", "no", "early_grad_norm"),
    ("Stronger feedback on bad predictions", "no", "yes", "feedback"),
    ("Captures confidence in prediction", "no", "yes", CONFIDENCE),
    ("Faster convergence", "no", "yes", TIME_TO),
    ("Better gradients", "", "takeaway", "feedback_slope"),
    ("Better convergence", "", "takeaway", TIME_TO),
    ("More accurate training", "", "takeaway", "test/accuracy"),
)


def why_cross_entropy(evidence: Evidence, study_claims: Sequence[Claim]) -> Table:
    """The tutorial's claims and takeaways, with the verdict on each over all settings.

    Args:
        study_claims: all claims of the study, cross-entropy first; a row that none of them decides is
            "not tested".
    """
    judged = claims.judge_overall(study_claims, evidence)
    judged = judged[judged["relation"] != "equal"]
    several = bool(setting_columns(evidence.runs))
    rows = []
    for row, mse, ce, metric in ROWS:
        if metric == CONFIDENCE:
            verdicts, measured = rank_agreement.judge(evidence)["verdict"], "Brier score and NLL at equal error"
            by_setting = claims.counted(verdicts)
        else:
            deciding = judged[judged["metric"].str.fullmatch(f"{metric}.*" if metric == TIME_TO else metric)]
            verdicts, measured = deciding["verdict"], "; ".join(deciding["claim"])
            by_setting = "; ".join(deciding["settings"])
        verdict = "not tested" if verdicts.empty else verdicts.iloc[0] if verdicts.nunique() == 1 else "inconclusive"
        line = {"claim": row, "MSE": mse, "cross-entropy": ce, "verdict": verdict}
        rows.append(line | ({"in each setting": by_setting} if several else {}) | {"measured as": measured})
    notes = (
        "Verdicts are on what the tutorial says of the row, by the rules of the study's claims; better gradients "
        "do not fade as a prediction gets worse, whatever the constant scale of each loss.",
    )
    return Table("Why cross-entropy is better, tested" + common_settings(evidence), pd.DataFrame(rows), notes=notes)
