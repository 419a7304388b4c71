"""Which epoch was best on the validation set, read from the journal: nothing to lose in a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ce_harness.rundir.journal import Journal

HIGHER_IS_BETTER = ("val/accuracy",)


def index(metrics: Sequence[Mapping[str, float]], metric: str) -> int:
    """Position of the best epoch among the metrics of epochs, the first of equals."""
    values = [of_epoch[metric] for of_epoch in metrics]
    return values.index(max(values) if metric in HIGHER_IS_BETTER else min(values))


def metrics(journal: Journal, metric: str) -> dict[str, float]:
    """``best/epoch`` and the validation metrics of that epoch: ``best/val/loss`` and so on."""
    epochs = journal.of_kind("epoch")
    best = epochs[index([record["metrics"] for record in epochs], metric)]
    values = {f"best/{name}": value for name, value in best["metrics"].items() if name.startswith("val/")}
    return {"best/epoch": best["epoch"], **values}
