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
from ce_harness.report.runs import Grid, Selection, setting
from ce_harness.report.study import Evidence
from ce_harness.report.tuning import CHOSEN_BY

if TYPE_CHECKING:
    from ce_harness.tracking import TrackedRun

GROUPS = ("dataset", "model", "loss", "optimizer")
SCALARS = ("seed", "learning_rate", "batch_size", "epochs")
ORIGIN = ("run_id", "start_time", "config_hash", "git_commit", "git_dirty", "code_digest", "fingerprint")
ORIGIN += ("dataset_digest", "num_classes")
NUMBERS = (*SCALARS, "start_time", "early_grad_norm", "num_classes")
# Groups of steps, and of epochs for the bins of p_true, kept of a run; their bounds are spaced geometrically,
# so that early ones stay apart.
KEPT_STEPS = 40
KEPT_EPOCHS = 8
TUNING = "tuning.csv"
FILES = tuple(f"{item.name}.csv" for item in fields(Evidence))


def from_runs(selection: Selection, reads: Mapping[str, Sequence]) -> Evidence:
    """Rows of the selected runs, in the order of ``reads``, seeds last."""
    runs, names = _ordered(selection.runs, reads)
    rows, series = [], {"epochs": [], "steps": [], "gradient_bins": [], "reliability": []}
    for run, name in zip(runs, names, strict=True):
        epochs, steps = run.epochs(), run.steps()
        first_epoch = steps["step"] <= epochs["step"].iloc[0]
        norm = steps.loc[first_epoch, "grad_norm/global"].mean()
        finals = {key: value for key, value in _finals(run).items() if key.startswith(("test/", "val/"))}
        rows.append({**_identity(run, name, reads), **finals, "early_grad_norm": norm, **_origin(run)})
        frames = (epochs, thin(steps), pool(run.gradient_bins()), run.reliability())
        for key, frame in zip(series, frames, strict=True):
            series[key].append(frame)
    return Evidence(
        runs=pd.DataFrame(rows),
        **{key: _stacked(frames, names) for key, frames in series.items()},
        tuning=_tuning(selection, reads),
        excluded=selection.excluded,
    )


def _tuning(selection: Selection, reads: Mapping[str, Sequence]) -> pd.DataFrame:
    """What the rates are chosen by, and no more: no test score of a tuning run ever enters a report."""
    rows = []
    for run, name in zip(*_ordered(selection.tuning, reads), strict=True):
        found = {CHOSEN_BY: math.nan}
        if run.status == "complete":
            found |= {key: value for key, value in _finals(run).items() if key.startswith("val/")}
        rows.append({**_identity(run, name, reads), **found, **_origin(run)})
    return pd.DataFrame(rows)


def _ordered(runs: Sequence[TrackedRun], reads: Mapping[str, Sequence]) -> tuple[list[TrackedRun], list[str]]:
    others_first = Grid({name: allowed for name, allowed in reads.items() if name != "seed"})
    runs = sorted(runs, key=lambda run: (others_first.cell(run), float(setting(run, "seed"))))
    return runs, _unique_names(runs)


def _stacked(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    frame = pd.concat(frames, ignore_index=True)
    owners = np.repeat(np.arange(len(names)), [len(one) for one in frames])
    frame.insert(0, "run", pd.Categorical.from_codes(owners, names))
    return frame


def thin(steps: pd.DataFrame) -> pd.DataFrame:
    """Means over at most ``KEPT_STEPS`` groups of steps; ``step`` is the last of its group.

    Args:
        steps: column ``step``, 1-based and consecutive, and numeric columns.
    """
    last, sizes = _groups(len(steps), KEPT_STEPS)
    series = steps.drop(columns="step")
    sums = np.add.reduceat(series.to_numpy(np.float64), last - sizes)
    means = pd.DataFrame(sums / sizes[:, None], columns=series.columns)
    means.insert(0, "step", steps["step"].to_numpy()[last - 1])
    return means


def pool(bins: pd.DataFrame) -> pd.DataFrame:
    """Bins of p_true over at most ``KEPT_EPOCHS`` groups of epochs; ``epoch`` is the last of its group.

    Bins without an example are left out.

    Args:
        bins: the same bins for each of the epochs 1, 2, ..., in order.
    """
    epochs = bins["epoch"].nunique()
    one = bins.iloc[: len(bins) // epochs]
    last, sizes = _groups(epochs, KEPT_EPOCHS)
    count = bins["count"].to_numpy()
    total = count * bins["mean_norm"].fillna(0).to_numpy()
    count, total = (np.add.reduceat(x.reshape(epochs, -1), last - sizes).ravel() for x in (count, total))
    full = count > 0
    columns = {"epoch": np.repeat(last, len(one))}
    columns |= {edge: np.tile(one[edge], len(last)) for edge in ("p_low", "p_high")}
    frame = pd.DataFrame({name: values[full] for name, values in columns.items()})
    return frame.assign(count=count[full], mean_norm=total[full] / count[full])


def _groups(length: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """The last member, counted from 1, and the size of each group."""
    last = np.unique(np.geomspace(1, length, groups).round().astype(int))
    return last, np.diff(last, prepend=0)


def to_csv(evidence: Evidence) -> dict[str, str]:
    """One CSV text per frame, by file name: runs in full precision, series to 6 significant digits."""
    texts = {}
    for item in fields(Evidence):
        digits = None if item.name in ("runs", "tuning") else "%.6g"
        frame = getattr(evidence, item.name)
        if item.name == "tuning" and frame.empty:
            continue
        texts[f"{item.name}.csv"] = frame.to_csv(index=False, float_format=digits, lineterminator="\n")
    return texts


def from_csv(texts: Mapping[str, str]) -> Evidence:
    """Read what ``to_csv`` wrote."""
    frames = {file.removesuffix(".csv"): text for file, text in texts.items()}
    return Evidence(**{name: _frame(name, text) for name, text in frames.items()})


def read(folder: Path) -> dict[str, str]:
    """The CSV texts kept in a folder.

    Raises:
        ConfigError: the folder lacks one.
    """
    try:
        files = [file for file in FILES if file != TUNING or (folder / file).exists()]
        return {file: (folder / file).read_text(encoding="utf-8") for file in files}
    except FileNotFoundError as error:
        raise ConfigError(f"{error.filename} does not exist: --from takes the folder of an earlier report") from None


def _frame(name: str, text: str) -> pd.DataFrame:
    header = text.partition("\n")[0].split(",")
    # Text stays as written: a digest such as 12e4567 is no number, and an empty tag no NaN.
    identity = [column for column in header if not _is_number(column)]
    as_text = {"excluded": header, "runs": identity, "tuning": identity}.get(name, ["run"])
    numbers = [c for c in header if c not in as_text]
    # The series repeat the names of their runs many times over.
    kind = str if name in ("runs", "tuning", "excluded") else "category"
    return pd.read_csv(
        StringIO(text),
        dtype=dict.fromkeys(as_text, kind),
        keep_default_na=False,
        na_values={column: [""] for column in numbers},
        float_precision="round_trip",
    )


def _is_number(column: str) -> bool:
    return "/" in column or column in NUMBERS


def _finals(run) -> dict[str, float]:
    """Last values; MLflow's SQL store keeps infinity as the largest float."""
    return {key: math.inf if value >= sys.float_info.max else value for key, value in sorted(run.metrics.items())}


def _identity(run, name, reads) -> dict[str, str]:
    return {"run": name} | {column: setting(run, column) for column in dict.fromkeys((*GROUPS, *SCALARS, *reads))}


def _origin(run) -> dict[str, str]:
    return {c: getattr(run, c) if c in ("run_id", "start_time") else run.tags.get(c, "") for c in ORIGIN}


def _unique_names(runs) -> list[str]:
    names = pd.Series([run.name for run in runs])
    repeated = names.duplicated(keep=False)
    hashes = pd.Series([run.tags.get("config_hash", run.run_id)[:8] for run in runs])
    return names.where(~repeated, names + "-" + hashes).tolist()
