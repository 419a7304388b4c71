"""The series of a run as files: made from the journal, stored as artifacts, read by reports."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from ce_harness import metrics
from ce_harness.metrics import P_TRUE_EDGES
from ce_harness.rundir import step_norms
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.durable import write_durably
from ce_harness.rundir.journal import Journal


def write_artifacts(run: RunDirectory, journal: Journal, reliability: pd.DataFrame | None = None) -> None:
    """Writes what a report needs: ``epochs.csv``, ``steps.npz``, ``gradient_bins.csv``, ``reliability.csv``.

    Args:
        reliability: the test set's reliability diagrams; None for a run that never got there.
    """
    start = journal.records[0]
    epochs = journal.of_kind("epoch")
    write_durably(run.artifacts / "config.yaml", start["config"].encode())
    _write_csv(
        run.artifacts / "epochs.csv",
        pd.DataFrame([{"epoch": e["epoch"], "step": e["step"], **e["metrics"]} for e in epochs]),
    )
    _write_csv(run.artifacts / "gradient_bins.csv", pd.concat(map(_bins_frame, epochs)) if epochs else pd.DataFrame())
    rows = [step_norms.load(run, e["epoch"]) for e in epochs]
    content = io.BytesIO()
    values = np.concatenate(rows) if rows else np.zeros((0, len(start["columns"])), np.float32)
    np.savez_compressed(content, columns=np.array(start["columns"]), values=values)
    write_durably(run.artifacts / "steps.npz", content.getvalue())
    if reliability is not None:
        _write_csv(run.artifacts / "reliability.csv", reliability)


def reliability_frame(labels: np.ndarray, logits: np.ndarray, temperature: float) -> pd.DataFrame:
    """Reliability bins of softmax(logits) and of softmax(logits / temperature), one under the other.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).
    """
    frames = []
    for calibrated, scale in ((False, 1.0), (True, temperature)):
        table = metrics.reliability(labels, softmax(logits.astype(np.float64) / scale, axis=1))
        edges = np.linspace(0, 1, len(table.count) + 1)
        columns = {"calibrated": calibrated, "bin_low": edges[:-1], "bin_high": edges[1:], **table._asdict()}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames)


def _bins_frame(epoch: dict) -> pd.DataFrame:
    count, total = np.array(epoch["gradient_bins"]).T
    with np.errstate(invalid="ignore"):
        mean = total / count
    return pd.DataFrame(
        {
            "epoch": epoch["epoch"],
            "p_low": (0.0, *P_TRUE_EDGES[:-1]),
            "p_high": P_TRUE_EDGES,
            "count": count.astype(int),
            "mean_norm": mean,
        }
    )


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    write_durably(path, frame.to_csv(index=False).encode())
