"""The per-run rows behind a report: made from tracked runs, kept as CSV, read back.

Everything in a report is made from the rows as read back, so that the files alone rebuild it byte for byte.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ce_harness.errors import ConfigError
from ce_harness.report import series
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
TUNING = "tuning.csv"
LINES_AT_ONCE = 20_000  # bounds the memory for writing series
FILES = tuple(f"{item.name}.csv" for item in fields(Evidence))


def from_runs(selection: Selection, reads: Mapping[str, Sequence]) -> Evidence:
    """Rows of the selected runs, in the order of ``reads``, seeds last."""
    runs, names = _ordered(selection.runs, reads)
    frames, early = series.read(runs, names)
    rows = []
    for run, name, norm in zip(runs, names, early, strict=True):
        finals = {key: value for key, value in _finals(run).items() if key.startswith(("test/", "val/"))}
        rows.append({**_identity(run, name, reads), **finals, "early_grad_norm": norm, **_origin(run)})
    return Evidence(
        runs=pd.DataFrame(rows),
        **frames,
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


def to_csv(evidence: Evidence) -> dict[str, str]:
    """One CSV text per frame, by file name: runs in full precision, series to 6 significant digits."""
    texts = {}
    for item in fields(Evidence):
        frame = getattr(evidence, item.name)
        if item.name in ("runs", "tuning", "excluded"):
            text = frame.to_csv(index=False, lineterminator="\n")
        else:
            text = _series_csv(frame)
        if item.name != "tuning" or len(frame):
            texts[f"{item.name}.csv"] = text
    return texts


def _series_csv(frame: pd.DataFrame) -> str:
    """What pandas writes, in a quarter of the time; names that need quotes are left to it."""
    if frame.empty or frame["run"].astype("category").cat.categories.str.contains('[,"\n\r]').any():
        return frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    line = ",".join("%.6g" if pd.api.types.is_float_dtype(kind) else "%s" for kind in frame.dtypes) + "\n"
    texts = [",".join(frame.columns) + "\n"]
    for start in range(0, len(frame), LINES_AT_ONCE):
        part = frame.iloc[start : start + LINES_AT_ONCE]
        cells = zip(*(part[column].tolist() for column in part), strict=True)
        texts.append(line * len(part) % tuple(chain.from_iterable(cells)))
    return "".join(texts).replace(",nan", ",")


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
