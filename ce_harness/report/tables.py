"""Tables that any study of several losses can use, and how a table is written."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ce_harness.report import statistics
from ce_harness.report.outcomes import TIME_TO, by_setting, horizon, label, outcome, paired, settings
from ce_harness.report.study import Evidence, Table

METRICS = ("test/accuracy", "test/nll", "test/brier", "test/ece", "early_grad_norm", "epochs_to/0.95")


def comparison(evidence: Evidence, metrics: Sequence[str] = METRICS) -> Table:
    """Every loss on every metric: mean over seeds with its 95% interval; median for times to a target."""
    rows, shown = [], []
    for setting, group in by_setting(evidence.runs):
        for loss, runs in group.groupby("loss", sort=False):
            line = {**setting, "loss": loss, "n": len(runs)}
            for metric in metrics:
                values = outcome(evidence, metric)[runs.index]
                if metric.startswith(TIME_TO):
                    end = horizon(evidence, runs)
                    missed = int(np.isinf(values).sum())
                    median = statistics.median_time(values, end)
                    rows.append({**setting, "loss": loss, "metric": metric, "n": len(values)})
                    rows[-1] |= {"median": median, "never_reached": missed, "horizon": end}
                    text = f"{median:.1f}" if math.isfinite(median) else f"> {end:g}"
                    line[label(metric)] = f"{text} ({missed} of {len(values)} never)"
                else:
                    s = statistics.summarize(values)
                    rows.append({**setting, "loss": loss, "metric": metric, "n": s.n, "mean": s.mean, "sd": s.sd})
                    rows[-1] |= {"ci_low": s.low, "ci_high": s.high}
                    line[label(metric)] = with_interval(s)
            shown.append(line)
    notes = [
        "Mean over n seeds ± half of its 95% t interval. NLL in nats, Brier summed over classes, ECE over 15 bins.",
        "Early gradient norm: L2 norm of the whole gradient of the loss as trained, mean over the steps of epoch 1; "
        "losses differ in scale, so it does not compare how well they train.",
    ]
    if any(metric.startswith(TIME_TO) for metric in metrics):
        notes.append("Epochs to a target: Kaplan-Meier median; runs that never reach it are censored at the last epoch.")
    return Table("Each loss on every metric" + common_settings(evidence), pd.DataFrame(rows), pd.DataFrame(shown), tuple(notes))


def paired_differences(evidence: Evidence, reference: str, metrics: Sequence[str] = METRICS) -> Table:
    """Every other loss minus the reference, paired by seed."""
    rows = []
    for setting, group in by_setting(evidence.runs):
        for loss in group["loss"].unique():
            if loss == reference:
                continue
            for metric in metrics:
                pairs = paired(evidence, group, metric, loss, reference)
                found = statistics.compare_pairs(pairs[:, 0], pairs[:, 1])
                d = found.difference
                rows.append({**setting, "loss": loss, "metric": metric, "n": d.n, "mean": d.mean, "sd": d.sd})
                rows[-1] |= {"ci_low": d.low, "ci_high": d.high, "effect_size": found.effect_size}
                rows[-1] |= {"superiority": found.superiority, "p": found.p}
                rows[-1]["detectable"] = statistics.detectable_difference(d.sd, d.n)
    frame = pd.DataFrame(rows)
    frame["p_holm"] = statistics.holm(frame["p"])
    names = [*settings(evidence.runs), "loss"]
    shown = frame[names].copy()
    shown["metric"] = frame["metric"].map(label)
    shown["n"] = frame["n"]
    shown["difference"] = [
        with_interval(statistics.Summary(r.n, r.mean, r.sd, r.ci_low, r.ci_high), signed=True) for r in frame.itertuples()
    ]
    shown["effect size"] = frame["effect_size"].map(lambda x: "–" if math.isnan(x) else f"{x:+.2f}")
    shown["P(larger)"] = frame["superiority"].map("{:.2f}".format)
    notes = [
        f"Difference: the loss minus {reference} of the same seed, mean ± half of its 95% t interval. "
        "Effect size: mean over standard deviation of the differences. P(larger): share of seeds in which the loss has "
        "the larger value, ties half.",
    ]
    fewest = int(frame["n"].min())
    if frame["p"].notna().any():
        shown["p (Holm)"] = frame["p_holm"].map(lambda x: "–" if math.isnan(x) else f"{x:.3g}")
        notes.append(f"p: exact sign-flip permutation, two-sided, Holm-adjusted over the {frame['p'].notna().sum()} tests.")
    if fewest < statistics.MIN_PAIRS:
        notes.append(
            f"With {fewest} pairs the smallest exact two-sided p is 2/2^{fewest} = {2 / 2**fewest:.3g}: too few seeds for "
            "p < .05, so none is given."
        )
    if any(metric.startswith(TIME_TO) for metric in metrics):
        notes.append(
            "Epochs to a target: difference of mean times restricted to the last epoch; pairs in which neither run reaches "
            "it are left out."
        )
    return Table("Paired differences" + common_settings(evidence), frame, shown, tuple(notes))


def excluded(evidence: Evidence) -> Table:
    """Every run and combination left out, with the reason."""
    return Table("Runs left out", evidence.excluded, notes=("Nothing else of this study was left out.",))


def common_settings(evidence: Evidence) -> str:
    """What all runs share, for a caption: `` (digits, lenet5, ...)``."""
    runs = evidence.runs
    shared = [str(runs[c].iloc[0]) for c in ("dataset", "model", "optimizer") if runs[c].nunique() == 1]
    shared += [f"learning rate {runs[c].iloc[0]:g}" for c in ("learning_rate",) if runs[c].nunique() == 1]
    return f" ({', '.join(shared)})" if shared else ""


def with_interval(s: statistics.Summary, signed: bool = False) -> str:
    """``0.9712 ± 0.0045``: two significant digits of the half-width decide how many are shown."""
    sign = "+" if signed else ""
    if s.n == 0:
        return "–"
    if not s.half_width > 0:
        return f"{s.mean:{sign}.4f}" + (" (n = 1)" if s.n == 1 else "")
    decimals = min(max(1 - math.floor(math.log10(s.half_width)), 0), 6)
    return f"{s.mean:{sign}.{decimals}f} ± {s.half_width:.{decimals}f}"


def text(table: Table) -> pd.DataFrame:
    """The table as a reader sees it: strings only; floats that nobody formatted get six digits."""
    frame = table.frame if table.shown is None else table.shown
    return frame.map(lambda x: f"{x:.6g}" if isinstance(x, float) else str(x))


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, title above, notes below."""
    shown = text(table)
    numeric = {c: shown[c].str.match(r"^[−+\-<>≤ ]*[\d.]").all() for c in shown}

    def line(cells):
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    rule = "|" + "|".join("---:" if numeric[c] else "---" for c in shown) + "|"
    lines = [f"**{table.title}**", "", line(shown.columns), rule, *(line(row) for row in shown.to_numpy())]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)]) + "\n"


def latex(table: Table, name: str) -> str:
    r"""The table for LaTeX: needs ``\usepackage{booktabs}`` and nothing else; every special character is escaped."""
    shown = text(table)
    body = shown.map(_tex).set_axis([_tex(c) for c in shown.columns], axis=1)
    made = body.style.hide(axis="index").to_latex(
        hrules=True,
        column_format="l" + "r" * (shown.shape[1] - 1),
        caption=_tex(table.title),
        label=f"tab:{name}",
        position_float="centering",
    )
    notes = "".join(f"\n\\par\\smallskip\\footnotesize {_tex(note)}" for note in table.notes)
    return made.replace("\n\\end{table}", f"{notes}\n\\end{{table}}")


_TEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$",
    "±": r"$\pm$", "×": r"$\times$", "−": "$-$", "–": "--", "≤": r"$\leq$", "≥": r"$\geq$", "→": r"$\to$",
}  # fmt: skip


def _tex(value: object) -> str:
    return "".join(_TEX.get(c, c) for c in str(value))
