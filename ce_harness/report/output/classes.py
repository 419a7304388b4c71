"""Class by class: how often each loss is right, and what it takes one class for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ce_harness.report.output.formats import with_interval
from ce_harness.report.output.labels import loss_names
from ce_harness.report.output.style import PAGE_WIDTH, new_figure
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.intervals import summarize

MOST_LINES = 20  # classes that the table shows, of each data set
MOST_NAMED = 30  # classes whose names fit beside a matrix
LEAST_SHARE = 0.001  # rarer confusions have the colour of none
UNKNOWN = "These runs kept no confusion matrix."


def per_class(evidence: Evidence) -> Table:
    """Test accuracy on the examples of each class, per loss: mean over all runs with its 95% interval."""
    names, several = loss_names(evidence), evidence.runs["dataset"].nunique() > 1
    rows, lines = [], []
    for dataset, counts in _by_dataset(evidence):
        accuracies = _accuracies(counts)
        means = accuracies.groupby(["loss", "class"], sort=False)["accuracy"].mean().unstack("loss")
        apart = (means.max(axis=1) - means.min(axis=1)).nlargest(MOST_LINES).index
        for one in means.index:
            line = ({"dataset": dataset} if several else {}) | {"class": one}
            for loss in means:
                values = accuracies.query("loss == @loss and `class` == @one")["accuracy"]
                s = summarize(values)
                rows.append({"dataset": dataset, "class": one, "loss": loss, "n": s.n, "mean": s.mean}
                            | {"sd": s.sd, "ci_low": s.low, "ci_high": s.high})  # fmt: skip
                line[names[loss]] = with_interval(s)
            if one in apart:
                lines.append(line)
    notes = ["Mean over runs ± half of its 95% t interval, of the test examples of one class."]
    if len(lines) < len(rows) / max(len(names), 1):
        notes.append(f"Of each data set, the {MOST_LINES} classes in which the losses differ most; the CSV has all.")
    columns = ["dataset", "class", "loss", "n", "mean", "sd", "ci_low", "ci_high"]
    shown = pd.DataFrame(lines, columns=None if lines else ["class", *names.values()])
    return Table(
        "Accuracy class by class", pd.DataFrame(rows, columns=columns), shown, tuple(notes if rows else [UNKNOWN])
    )


def confusion(evidence: Evidence) -> Figure:
    """Which class (line) is taken for which (column): share of the line's test examples, all runs of a loss pooled."""
    datasets, names = list(_by_dataset(evidence)), loss_names(evidence)
    fig = new_figure(PAGE_WIDTH, 2.6 * max(len(datasets), 1))
    axes = fig.subplots(max(len(datasets), 1), len(names), squeeze=False)
    colors = LogNorm(LEAST_SHARE, 1, clip=True)
    drawn = None
    for line, (dataset, counts) in zip(axes, datasets, strict=False):
        classes = list(dict.fromkeys(counts["class"]))
        for ax, loss in zip(line, names, strict=True):
            of_loss = counts[counts["loss"] == loss]
            matrix = of_loss.pivot_table("count", "class", "predicted", "sum", fill_value=0, observed=True, sort=False)
            matrix = matrix.reindex(index=classes, columns=classes, fill_value=0).to_numpy(float)
            shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            drawn = ax.imshow(np.maximum(shares, LEAST_SHARE), norm=colors, cmap="cividis")
            ax.set_title(f"{names[loss]}, {dataset}" if len(datasets) > 1 else names[loss], loc="left")
            ax.grid(visible=False)
            ticks = range(len(classes)) if len(classes) <= MOST_NAMED else ()
            ax.set_xticks(ticks, classes if ticks else (), rotation=90)
            ax.set_yticks(ticks, classes if ticks and ax is line[0] else ["" for _ in ticks])
            ax.set_xlabel("predicted")
        line[0].set_ylabel("true class")
    if drawn is None:
        for ax in axes.flat:
            ax.set_axis_off()
        axes[0, 0].text(0, 0.5, UNKNOWN)
    else:
        fig.colorbar(drawn, ax=axes, label="share of the class", shrink=0.8, aspect=25, format=PercentFormatter(1, 1))
    return fig


def _by_dataset(evidence: Evidence) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each data set with its counts: ``run``, ``loss``, ``class``, ``predicted``, ``count``; classes in their order."""
    if evidence.confusion.empty:
        return
    runs = evidence.runs.set_index("run")
    counts = evidence.confusion.astype({"run": str, "class": str, "predicted": str})
    counts = counts[counts["run"].isin(runs.index)]
    counts["loss"], counts["dataset"] = counts["run"].map(runs["loss"]), counts["run"].map(runs["dataset"])
    yield from counts.groupby("dataset", sort=False)


def _accuracies(counts: pd.DataFrame) -> pd.DataFrame:
    """Per run and true class, the share of its test examples that is predicted as that class."""
    keys = ["run", "loss", "class"]
    right = counts["count"].where(counts["class"] == counts["predicted"], 0)
    sums = pd.DataFrame({"right": right, "count": counts["count"]}).groupby([counts[key] for key in keys], sort=False)
    frame = sums.sum().reset_index()
    return frame.assign(accuracy=frame["right"] / frame["count"])
