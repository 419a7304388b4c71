"""The per-run rows behind a report: made from tracked runs, kept as CSV, read back.

Everything in a report is made from the rows as read back, so that the files alone rebuild it byte for byte.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ce_harness.errors import ConfigError
from ce_harness.report.runs import cell, setting
from ce_harness.report.study import Evidence

if TYPE_CHECKING:
    from ce_harness.tracking import TrackedRun

GROUPS = ("dataset", "model", "loss", "optimizer")
SCALARS = ("seed", "learning_rate", "batch_size", "epochs")
ORIGIN = ("run_id", "start_time", "config_hash", "git_commit", "git_dirty", "code_digest", "fingerprint")
ORIGIN += ("dataset_digest",)
NUMBERS = (*SCALARS, "start_time", "early_grad_norm")
# Groups of steps kept of a run's series; their bounds are spaced geometrically, so that early steps stay
# apart.
KEPT_STEPS = 80
FILES = tuple(f"{item.name}.csv" for item in fields(Evidence))


def from_runs(runs: Sequence[TrackedRun], reads: Mapping[str, Sequence], excluded: pd.DataFrame) -> Evidence:
    """Rows of the selected runs, in the order of ``reads``, seeds last."""
    seed_last = {name: reads[name] for name in (*(name for name in reads if name != "seed"), "seed")}
    runs = sorted(runs, key=lambda run: cell(run, seed_last))
    names = _unique_names(runs)
    rows, series = [], {"epochs": [], "steps": [], "gradient_bins": [], "reliability": []}
    for run, name in zip(runs, names, strict=True):
        epochs, steps = run.epochs(), run.steps()
        first_epoch = steps["step"] <= epochs["step"].iloc[0]
        rows.append(
            {
                "run": name,
                **{column: setting(run, column) for column in dict.fromkeys((*GROUPS, *SCALARS, *reads))},
                **_finals(run),
                "early_grad_norm": steps.loc[first_epoch, "grad_norm/global"].mean(),
                **{column: _origin(run, column) for column in ORIGIN},
            }
        )
        frames = (epochs, thin(steps), run.gradient_bins(), run.reliability())
        for key, frame in zip(series, frames, strict=True):
            frame.insert(0, "run", name)
            series[key].append(frame)
    return Evidence(
        runs=pd.DataFrame(rows),
        **{key: pd.concat(frames, ignore_index=True) for key, frames in series.items()},
        excluded=excluded,
    )


def thin(steps: pd.DataFrame) -> pd.DataFrame:
    """Means over at most ``KEPT_STEPS`` groups of steps; ``step`` is the last of its group.

    Args:
        steps: column ``step``, 1-based and consecutive, and numeric columns.
    """
    bounds = np.unique(np.geomspace(1, len(steps), KEPT_STEPS).round().astype(int))
    group = np.searchsorted(bounds, np.arange(1, len(steps) + 1))
    means = steps.drop(columns="step").groupby(group).mean()
    means.insert(0, "step", steps["step"].to_numpy()[bounds - 1])
    return means.reset_index(drop=True)


def to_csv(evidence: Evidence) -> dict[str, str]:
    """One CSV text per frame, by file name: runs in full precision, series to 6 significant digits."""
    texts = {}
    for item in fields(Evidence):
        digits = None if item.name == "runs" else "%.6g"
        frame = getattr(evidence, item.name)
        texts[f"{item.name}.csv"] = frame.to_csv(index=False, float_format=digits, lineterminator="\n")
    return texts


def from_csv(texts: Mapping[str, str]) -> Evidence:
    """Read what ``to_csv`` wrote."""
    return Evidence(**{item.name: _frame(item.name, texts[f"{item.name}.csv"]) for item in fields(Evidence)})


def read(folder: Path) -> dict[str, str]:
    """The CSV texts kept in a folder.

    Raises:
        ConfigError: the folder lacks one.
    """
    try:
        return {file: (folder / file).read_text(encoding="utf-8") for file in FILES}
    except FileNotFoundError as error:
        raise ConfigError(f"{error.filename} does not exist: --from takes the folder of an earlier report") from None


def _frame(name: str, text: str) -> pd.DataFrame:
    header = text.partition("\n")[0].split(",")
    # Text stays as written: a digest such as 12e4567 is no number, and an empty tag no NaN.
    as_text = {"excluded": header, "runs": [c for c in header if not _is_number(c)]}.get(name, ["run"])
    numbers = [c for c in header if c not in as_text]
    return pd.read_csv(
        StringIO(text),
        dtype=dict.fromkeys(as_text, str),
        keep_default_na=False,
        na_values={column: [""] for column in numbers},
        float_precision="round_trip",
    )


def _is_number(column: str) -> bool:
    return "/" in column or column in NUMBERS


def _finals(run) -> dict[str, float]:
    """Final metrics; MLflow's SQL store keeps infinity as the largest float."""
    return {
        key: math.inf if value >= sys.float_info.max else value
        for key, value in sorted(run.metrics.items())
        if key.startswith(("test/", "val/"))
    }


def _origin(run, column) -> str:
    if column in ("run_id", "start_time"):
        return getattr(run, column)
    return run.tags.get(column, "")


def _unique_names(runs) -> list[str]:
    names = pd.Series([run.name for run in runs])
    repeated = names.duplicated(keep=False)
    hashes = pd.Series([run.tags.get("config_hash", run.run_id)[:8] for run in runs])
    return names.where(~repeated, names + "-" + hashes).tolist()
