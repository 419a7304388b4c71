"""What a tuning budget buys, as a table and as curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ce_harness.report.output import panels
from ce_harness.report.output.formats import NOTHING, with_interval
from ce_harness.report.output.labels import common_settings, label, loss_names, setting_column
from ce_harness.report.output.style import in_parts_of_decades, logarithmic, loss_styles
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.budget import trial_values
from ce_harness.report.verdicts.intervals import summarize
from ce_harness.report.verdicts.outcomes import BEST_OF, FAILED, outcome
from ce_harness.report.verdicts.settings import by_setting

BEST = 0.999  # an error of zero has no logarithm


def tuning_budget(evidence: Evidence, budgets: Sequence[int] = (1, 3, 10, 30)) -> Table:
    """Per loss, the share of trials that fail and the expected test accuracy of the best of k trials."""
    rows, shown, names = [], [], loss_names(evidence)
    for setting, group in by_setting(evidence.runs):
        for metric in (FAILED, *(f"{BEST_OF}{k}" for k in budgets)):
            values = outcome(evidence, metric)[group.index].groupby(group["loss"], sort=False)
            summaries = {str(loss): summarize(of_loss.dropna()) for loss, of_loss in values}
            for loss, s in summaries.items():
                numbers = {"n": s.n, "mean": s.mean, "ci_low": s.low, "ci_high": s.high}
                rows.append({**setting, "loss": loss, "metric": metric, **numbers})
            texts = {names[loss]: with_interval(s) if s.n else NOTHING for loss, s in summaries.items()}
            shown.append({**setting_column(setting), "metric": label(metric), **texts})
    notes = (
        "The mean over all choices of k among the trials, of the test accuracy of the one that is best on validation "
        "(Tang et al. 2020). Halves of 95% intervals by the jackknife. A trial fails if it diverges, or covers less "
        "than a tenth of the way from chance to a perfect accuracy.",
    )
    title = "What a tuning budget buys" + common_settings(evidence)
    return Table(title, pd.DataFrame(rows), pd.DataFrame(shown).fillna(NOTHING), notes)


def budget_curves(evidence: Evidence) -> Figure:
    """Expected test error of the best of k trials, chosen on validation. Bands: 95% intervals by the jackknife.

    On logarithmic axes: what more trials buy is a small part of the accuracy, and a large one of the errors.
    """
    validation, test = outcome(evidence, "val/accuracy"), outcome(evidence, "test/accuracy")
    styles, names = loss_styles(evidence.runs["loss"].unique()), loss_names(evidence)

    def draw(ax: Axes, group: pd.DataFrame) -> None:
        for loss, runs in group.groupby("loss", sort=False):
            budgets = np.arange(1, len(runs) // 2 + 1)
            of = validation[runs.index], test[runs.index]
            summaries = [summarize(trial_values(int(k), *of)) for k in budgets]
            ax.plot(budgets, [1 - s.mean for s in summaries], label=names[str(loss)], **styles[str(loss)])
            low, high = ([1 - min(getattr(s, end), BEST) for s in summaries] for end in ("low", "high"))
            ax.fill_between(budgets, low, high, color=styles[str(loss)]["color"], alpha=0.2, linewidth=0)
        logarithmic(ax.xaxis)
        in_parts_of_decades(ax.yaxis)

    return panels.small_multiples(list(by_setting(evidence.runs)), draw, x="trials", y="test error of the best")
