"""How well the confidence of the trained networks agrees with their accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ce_harness.report.output import panels
from ce_harness.report.output.labels import loss_names
from ce_harness.report.output.style import loss_styles
from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.outcomes import WITHOUT_PROBABILITIES
from ce_harness.report.verdicts.settings import by_setting

# Bins of a reliability diagram with fewer examples say more of chance than of calibration.
FEWEST_EXAMPLES = 20


def reliability(evidence: Evidence, calibrated: Sequence[bool] = (False, True)) -> Figure:
    """Accuracy over confidence on the test set, as trained and after temperature scaling.

    All seeds pooled; bins of fewer than 20 examples left out. Losses on raw logits have probabilities only after
    temperature scaling.
    """
    groups = list(by_setting(evidence.runs))
    styles, names = loss_styles(evidence.runs["loss"].unique()), loss_names(evidence)
    titles = {False: "as trained", True: "after temperature scaling"}

    def draw(ax: Axes, group: pd.DataFrame, after: bool) -> None:
        ax.plot([0, 1], [0, 1], color="#7f7f7f", linewidth=0.8)
        for loss, runs in group.groupby("loss", sort=False):
            if loss in WITHOUT_PROBABILITIES and not after:
                continue
            bins = panels.rows_of(runs, evidence.reliability)
            bins = bins[bins["calibrated"] == after]
            count = bins.groupby("bin_low")["count"].sum()
            sums = bins[["confidence", "accuracy"]].mul(bins["count"], axis=0).groupby(bins["bin_low"]).sum()
            means = sums.div(count, axis=0)[count >= FEWEST_EXAMPLES]
            ax.plot(means["confidence"], means["accuracy"], marker="o", label=names[loss], **styles[loss])

    measures = {after: f"accuracy, {titles[after]}" for after in calibrated}
    return panels.panels(groups, draw, measures, "confidence", height=2.6, sharey=True)
