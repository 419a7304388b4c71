"""Which epoch was best on the validation set, read from the journal: nothing to lose in a crash."""

from __future__ import annotations

from ce_harness.record.journal import Journal

HIGHER_IS_BETTER = ("val/accuracy",)


def index(journal: Journal, metric: str) -> int:
    """Position of the best epoch among the journal's epochs, the first of equals."""
    values = [record["metrics"][metric] for record in journal.of_kind("epoch")]
    return values.index(max(values) if metric in HIGHER_IS_BETTER else min(values))


def metrics(journal: Journal, metric: str) -> dict[str, float]:
    """``best/epoch`` and the validation metrics of that epoch: ``best/val/loss`` and so on."""
    best = journal.of_kind("epoch")[index(journal, metric)]
    values = {f"best/{name}": value for name, value in best["metrics"].items() if name.startswith("val/")}
    return {"best/epoch": best["epoch"], **values}
