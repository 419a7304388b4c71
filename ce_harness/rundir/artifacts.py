"""What a run leaves for reports: made from the journal, stored as artifacts."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ce_harness.rundir import files
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from ce_harness.rundir.step_norms import StepNorms


def write_artifacts(run: RunDirectory, journal: Journal, tables: Mapping[str, pd.DataFrame]) -> None:
    """Writes ``config.yaml``, ``epochs.csv``, ``evaluations.csv``, ``gradient_bins.csv``, ``steps.npz`` and ``tables``.

    Args:
        tables: further tables by name, those of the test set; none for a run that never got there.
    """
    start = journal.records[0]
    epochs = journal.of_kind("epoch")
    files.write(run.artifacts / "config.yaml", start["config"].encode())
    tables = {
        "epochs": pd.DataFrame([{"epoch": e["epoch"], "step": e["step"], **e["metrics"]} for e in epochs]),
        "evaluations": pd.DataFrame([evaluation for e in epochs for evaluation in e["evaluations"]]),
        "gradient_bins": _bins_table(epochs, start["p_true_edges"]),
        **tables,
    }
    for name, table in tables.items():
        files.write(run.artifacts / f"{name}.csv", table.to_csv(index=False).encode())
    StepNorms(run, start["columns"]).pack(epochs)


def write_predictions(run: RunDirectory, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes ``predictions.npz``."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    files.write(run.predictions, content.getvalue())


def _bins_table(epochs: Sequence[dict[str, Any]], edges: Sequence[float]) -> pd.DataFrame:
    """One row per epoch and bin of p_true; the means are NaN where a bin is empty."""
    bins = np.array([epoch["gradient_bins"] for epoch in epochs]).reshape(-1, 3)
    count, norm, of_true_class = bins.T
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(
            {
                "epoch": np.repeat([epoch["epoch"] for epoch in epochs], len(edges)),
                "p_low": np.tile([0.0, *edges[:-1]], len(epochs)),
                "p_high": np.tile(edges, len(epochs)),
                "count": count.astype(int),
                "mean_norm": norm / count,
                "mean_true_class_gradient": of_true_class / count,
            }
        )
