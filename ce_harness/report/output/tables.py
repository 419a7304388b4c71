"""Tables that any study of several losses can use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ce_harness.metrics import at_bound
from ce_harness.report.output.formats import NOTHING, number, with_interval
from ce_harness.report.output.labels import (
    MARKED,
    check_reference,
    common_settings,
    label,
    loss_names,
    mark,
    setting_column,
)
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.images import settings_of_one_test_set
from ce_harness.report.verdicts.intervals import summarize
from ce_harness.report.verdicts.outcomes import FAILED, TIME_TO, WITHOUT_PROBABILITIES, outcome
from ce_harness.report.verdicts.paired_tests import MIN_PAIRS, holm, smallest_p
from ce_harness.report.verdicts.pairings import effect, horizon
from ce_harness.report.verdicts.power import detectable_difference
from ce_harness.report.verdicts.settings import by_setting, setting_columns
from ce_harness.report.verdicts.times import median_time

METRICS: tuple[str, ...] = (
    *("test/accuracy", "test/majority_accuracy", "failed", "test/nll", "test/nll_calibrated", "nll_calibration"),
    *("test/brier", "test/ece", "ece_debiased", "ece_floor", "test/ece_calibrated", "feedback_slope"),
    *("early_grad_norm", "epochs_to/0.8", "epochs_to/0.95"),
)

IMAGES = (
    "Where all seeds of a setting have the same test images, intervals and p of accuracy, error, NLL and Brier score "
    "cover the choice of these images. Those of other metrics do not."
)
IMAGES_LEFT_OUT = (
    "Where all seeds of a setting have the same test images, and no predictions are at hand, the intervals leave out "
    "the choice of these images."
)
FEW_SETTINGS = 3  # up to which a table is read setting by setting, beyond it metric by metric


def comparison(evidence: Evidence, metrics: Sequence[str] = METRICS) -> Table:
    """Every loss on every metric: mean over seeds with its 95% interval; median for times to a target."""
    rows, shown, names = [], [], loss_names(evidence)
    for setting, group in by_setting(evidence.runs):
        by_loss = dict(list(group.groupby("loss", sort=False)))
        shown.append(
            {
                **setting_column(setting),
                "metric": "seeds",
                **{names[loss]: str(len(runs)) for loss, runs in by_loss.items()},
            }
        )
        for metric in metrics:
            line = {**setting_column(setting), "metric": label(metric)}
            for loss, runs in by_loss.items():
                values = outcome(evidence, metric)[runs.index].dropna()
                if metric.startswith(TIME_TO):
                    numbers, line[names[loss]] = _time(values, horizon(evidence, runs))
                else:
                    s = summarize(values)
                    numbers = {"mean": s.mean, "sd": s.sd, "ci_low": s.low, "ci_high": s.high}
                    line[names[loss]] = with_interval(s) + mark(metric, [loss])
                rows.append({**setting, "loss": loss, "metric": metric, "n": len(values), **numbers})
            if any(_says_something(row) for row in rows[-len(by_loss) :]):
                shown.append(line)
    if len(shown) > FEW_SETTINGS * (len(metrics) + 1):
        order = ["seeds", *map(label, metrics)]
        shown.sort(key=lambda line: order.index(line["metric"]))
    notes = [
        "Mean over seeds ± half of its 95% t interval. Brier summed over classes, ECE over 15 bins.",
        "Early gradient norm: L2 norm of the whole gradient of the loss as trained, mean over the steps of "
        "epoch 1. Losses differ in scale, so it does not say how well they train.",
        "ECE of a calibrated network: what binning alone gives at these confidences (Roelofs et al. 2022). Debiased: "
        "Kumar et al. 2019. A metric that no run measured is not shown.",
    ]
    if any(metric.startswith(TIME_TO) for metric in metrics):
        notes.append(
            "Epochs to a target: Kaplan-Meier median, and how many runs reach it; the others are censored at "
            "the last epoch. A target that no run reaches is not shown."
        )
    if any(settings_of_one_test_set(evidence)):
        notes.append("Where all seeds of a setting have the same test images, the intervals leave out their choice.")
    if "test/temperature" in evidence.runs and (many := int(at_bound(evidence.runs["test/temperature"]).sum())):
        notes.append(f"Of {many} runs the temperature is at its bound: no better one is within reach.")
    notes += _about_marks(metrics, evidence)
    title = "Each loss on every metric" + common_settings(evidence)
    return Table(title, pd.DataFrame(rows), pd.DataFrame(shown).fillna(NOTHING), tuple(notes))


def _says_something(row: Mapping[str, Any]) -> bool:
    """Whether a metric was measured, a target reached, a training failed."""
    if row["metric"] == FAILED:
        return row["mean"] > 0
    return row["n"] > 0 and row.get("reached", 1) > 0


def _time(values: pd.Series, end: float) -> tuple[dict[str, Any], str]:
    median = median_time(values, end)
    reached = int(np.isfinite(values).sum())
    shown = f"{median:.1f}" if math.isfinite(median) else f"> {end:g}"
    return {"median": median, "reached": reached, "horizon": end}, f"{shown} ({reached}/{len(values)})"


def paired_differences(evidence: Evidence, reference: str, metrics: Sequence[str] = METRICS) -> Table:
    """Every other loss minus the reference, paired by seed."""
    check_reference(reference, evidence)
    rows, lines, names = [], [], loss_names(evidence)
    for setting, group in by_setting(evidence.runs):
        for loss in group["loss"].unique():
            if loss == reference:
                continue
            for metric in metrics:
                compared = effect(evidence, setting, group, metric, loss, reference)
                d = compared.summary
                rows.append(
                    {**setting, "loss": loss, "metric": metric, "n": d.n}
                    | {"mean": d.mean, "sd": d.sd, "ci_low": d.low, "ci_high": d.high}
                    | {"effect_size": compared.effect_size, "superiority": compared.superiority, "p": compared.p}
                    | {"detectable": detectable_difference(d.sd, d.n)}
                )
                if not d.n:
                    continue
                lines.append(
                    setting_column(setting)
                    | {"loss": names[loss], "metric": label(metric), "n": d.n}
                    | {"difference": with_interval(d, difference=True) + mark(metric, [loss, reference])}
                    | {"effect size": number(compared.effect_size, "+.2f")}
                    | {"P(larger)": number(compared.superiority, ".2f")}
                )
    frame, shown = pd.DataFrame(rows), pd.DataFrame(lines)
    columns = setting_columns(evidence.runs)
    if columns:  # a family is one question asked in every setting, as for the verdicts
        frame["p_holm"] = frame.groupby(["loss", "metric"])["p"].transform(holm)
    else:
        frame["p_holm"] = holm(frame["p"])
    notes = [
        f"Difference: the loss minus {names.get(reference, reference)} of the same seed, mean with its 95% interval. "
        "Effect size: mean over standard deviation of the differences. P(larger): share of seeds in which "
        "the loss has the larger value, ties half.",
    ]
    if any(metric.startswith(TIME_TO) for metric in metrics):
        notes.append(
            "Epochs to a target: difference of mean times restricted to the last epoch; a pair in which neither run "
            "reaches it differs by 0."
        )
    tested = int(frame["p"].notna().sum())
    if tested:
        paired_rows = frame[frame["n"] > 0].reset_index(drop=True)
        shown["p (Holm)"] = paired_rows["p_holm"].map(lambda p: number(p, ".3g"))
        shown["detectable"] = paired_rows["detectable"].map(lambda d: number(d, ".2g"))
        notes.append(
            "p: two-sided, the larger of the sign flips' and that of skewed differences, Holm-adjusted over "
            f"{'the settings of each loss and metric' if columns else f'the {tested} tests'}. "
            "Detectable: the smallest difference that this many seeds show with 80% power."
        )
    if too_few := too_few_pairs(frame):
        notes.append(too_few)
    notes += about_test_images(evidence)
    notes += _about_marks(metrics, evidence)
    if len(shown) > FEW_SETTINGS * len(metrics) * evidence.runs["loss"].nunique():
        order = [*map(label, metrics)]
        shown = shown.sort_values("metric", key=lambda column: column.map(order.index), kind="stable")
    return Table("Paired differences" + common_settings(evidence), frame, shown, tuple(notes))


def equal_error(evidence: Evidence) -> Table:
    """Per setting, the two runs of equal test error whose MSE differs most: NN1 and NN2, trained."""
    digits = {"test/error": "{:.1%}", "test/brier": "{:.4f}", "test/nll": "{:.4f}"}
    columns = ["run", "loss", *setting_columns(evidence.runs), *digits]
    rows = []
    comparable = evidence.runs[~evidence.runs["loss"].isin(WITHOUT_PROBABILITIES)]
    for _, group in by_setting(comparable):
        # Errors are multiples of one over the number of test examples; rounding makes equal ones equal.
        same = group.groupby(group["test/error"].round(9))["test/brier"]
        gap = same.max() - same.min()
        if gap.max() > 0:
            brier = same.get_group(gap.idxmax())
            rows.append(group.loc[[brier.idxmin(), brier.idxmax()], columns])
    frame = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
    shown = frame.assign(
        loss=frame["loss"].map(loss_names(evidence)),
        **{metric: [spec.format(value) for value in frame[metric]] for metric, spec in digits.items()},
    )
    notes = ["MSE is the Brier score here: summed over classes, mean over examples."]
    title = "MSE and cross-entropy of trained networks of equal error"
    return Table(title, frame, shown.rename(columns=label), tuple(notes))


def too_few_pairs(frame: pd.DataFrame) -> str:
    """Why rows of ``n`` pairs have no ``p``; empty if all that have pairs do."""
    few = frame.loc[frame["p"].isna() & frame["n"].between(1, MIN_PAIRS - 1), "n"]
    if few.empty:
        return ""
    return (
        f"No p below {MIN_PAIRS} pairs: with {few.min()}, the smallest exact two-sided p is "
        f"{smallest_p(few.min()):.3g}, whatever the difference."
    )


def about_test_images(evidence: Evidence) -> list[str]:
    """Whether the intervals of differences cover the choice of the test images, where seeds share these."""
    covered, left_out = settings_of_one_test_set(evidence)
    return ([IMAGES] if covered else []) + ([IMAGES_LEFT_OUT] if left_out else [])


def _about_marks(metrics: Sequence[str], evidence: Evidence) -> list[str]:
    return [MARKED] if any(mark(metric, evidence.runs["loss"]) for metric in metrics) else []


def excluded(evidence: Evidence) -> Table:
    """Every run and combination left out, with the reason."""
    return Table("Runs left out, or without a partner", evidence.excluded)
