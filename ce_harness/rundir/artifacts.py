"""What a run leaves for reports: made from the journal, stored as artifacts."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd

from ce_harness.metrics import P_TRUE_EDGES
from ce_harness.rundir import step_norms
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.durable import write_durably
from ce_harness.rundir.journal import Journal


def write_artifacts(run: RunDirectory, journal: Journal, tables: Mapping[str, pd.DataFrame]) -> None:
    """Writes ``config.yaml``, ``epochs.csv``, ``evaluations.csv``, ``gradient_bins.csv``, ``steps.npz`` and ``tables``.

    Args:
        tables: further tables by name, those of the test set; none for a run that never got there.
    """
    start = journal.records[0]
    epochs = journal.of_kind("epoch")
    write_durably(run.artifacts / "config.yaml", start["config"].encode())
    tables = {
        "epochs": pd.DataFrame([{"epoch": e["epoch"], "step": e["step"], **e["metrics"]} for e in epochs]),
        "evaluations": pd.DataFrame([evaluation for e in epochs for evaluation in e["evaluations"]]),
        "gradient_bins": pd.concat(map(_bins_frame, epochs)) if epochs else pd.DataFrame(),
        **tables,
    }
    for name, table in tables.items():
        write_durably(run.artifacts / f"{name}.csv", table.to_csv(index=False).encode())
    rows = [step_norms.load(run, e["epoch"]) for e in epochs]
    values = np.concatenate(rows) if rows else np.zeros((0, len(start["columns"])), np.float32)
    write_arrays(run, "steps", {"columns": np.array(start["columns"]), "values": values})


def write_arrays(run: RunDirectory, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes ``NAME.npz``."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_durably(run.artifacts / f"{name}.npz", content.getvalue())


def _bins_frame(epoch: dict) -> pd.DataFrame:
    count, norm, of_true_class = np.array(epoch["gradient_bins"]).T
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(
            {
                "epoch": epoch["epoch"],
                "p_low": (0.0, *P_TRUE_EDGES[:-1]),
                "p_high": P_TRUE_EDGES,
                "count": count.astype(int),
                "mean_norm": norm / count,
                "mean_true_class_gradient": of_true_class / count,
            }
        )
