"""The per-run rows behind a report: made from tracked runs, kept as CSV, read back.

Everything in a report is made from the rows as read back, so that the files alone rebuild it byte for byte. The long
ones, series, are compressed: those of 900 runs would be 15 MB.
"""

from __future__ import annotations

import gzip
import math
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ce_harness.errors import ConfigError, DataError
from ce_harness.report.evidence import series
from ce_harness.report.evidence.selection import Grid, Selection, is_tracked, setting
from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.tuning import CHOSEN_BY

if TYPE_CHECKING:
    from ce_harness.tracking.reading import TrackedRun

FOLDER = "rows"  # of a report
GROUPS = ("dataset", "model", "loss", "optimizer")
SCALARS = ("seed", "learning_rate", "batch_size", "epochs")
ORIGIN = ("run_id", "start_time", "config_hash", "git_commit", "git_dirty", "code_digest", "fingerprint")
ORIGIN += ("dataset_digest", "num_classes")
NUMBERS = (*SCALARS, "start_time", "early_grad_norm", "num_classes")
BY_RUN = ("runs", "tuning", "excluded")  # one line a run; the others are series
TUNING = "tuning.csv"
LINES_AT_ONCE = 20_000  # bounds the memory for writing series
FILES = tuple(f"{item.name}.csv" if item.name in BY_RUN else f"{item.name}.csv.gz" for item in fields(Evidence))


def from_runs(selection: Selection, reads: Mapping[str, Sequence], earlier: Evidence | None = None) -> Evidence:
    """Rows of the selected runs, in the order of ``reads``, seeds last.

    Args:
        earlier: the rows with the series of those runs that are not tracked, see ``earlier.EarlierRun``.
    """
    runs, names = _ordered(selection.runs, reads)
    frames, early = _series(runs, names, earlier)
    rows = []
    for run, name in zip(runs, names, strict=True):
        finals = {key: value for key, value in final_metrics(run).items() if key.startswith(("test/", "val/"))}
        rows.append({**_identity(run, name, reads), **finals, "early_grad_norm": early[name], **_origin(run)})
    return Evidence(
        runs=pd.DataFrame(rows),
        **frames,
        tuning=_tuning(selection, reads),
        excluded=_excluded(selection.excluded, earlier),
    )


def _series(runs, names, earlier: Evidence | None) -> tuple[dict[str, pd.DataFrame], dict[str, float]]:
    """The series by kind, and the early gradient norm by name."""
    tracked = {name: run for run, name in zip(runs, names, strict=True) if is_tracked(run)}
    frames, norms = series.read(list(tracked.values()), list(tracked))
    early = dict(zip(tracked, norms, strict=True))
    if earlier is None:
        return frames, early
    untracked = {name: run for run, name in zip(runs, names, strict=True) if not is_tracked(run)}
    early |= {name: float(run.tags["early_grad_norm"]) for name, run in untracked.items()}
    renamed = {run.row: name for name, run in untracked.items()}
    kinds = (item.name for item in fields(Evidence) if item.name not in BY_RUN)
    return {kind: series.joined(getattr(earlier, kind), renamed, frames.get(kind), names) for kind in kinds}, early


def _excluded(excluded: pd.DataFrame, earlier: Evidence | None) -> pd.DataFrame:
    """What was left out, then or now. A run that had not ended then is no longer awaited: its row would be here."""
    if earlier is None or earlier.excluded.empty:
        return excluded
    then = Counter(
        (run, reason)
        for run, reason in earlier.excluded.itertuples(index=False, name=None)
        if not reason.startswith(("missing", "unpaired", "running"))
    )
    now = Counter(excluded.itertuples(index=False, name=None))
    return pd.DataFrame(sorted((then | now).elements()), columns=excluded.columns)


def _tuning(selection: Selection, reads: Mapping[str, Sequence]) -> pd.DataFrame:
    """What the rates are chosen by, and no more: no test score of a tuning run ever enters a report."""
    rows = []
    for run, name in zip(*_ordered(selection.tuning, reads), strict=True):
        found = {CHOSEN_BY: math.nan}
        if run.status == "complete":
            found |= {key: value for key, value in final_metrics(run).items() if key.startswith("val/")}
        rows.append({**_identity(run, name, reads), **found, **_origin(run)})
    return pd.DataFrame(rows)


def _ordered(runs: Sequence[TrackedRun], reads: Mapping[str, Sequence]) -> tuple[list[TrackedRun], list[str]]:
    others_first = Grid({name: allowed for name, allowed in reads.items() if name != "seed"})
    runs = sorted(runs, key=lambda run: (others_first.cell(run), float(setting(run, "seed"))))
    return runs, _unique_names(runs)


def to_files(evidence: Evidence) -> dict[str, bytes]:
    """One CSV per frame, by file name: runs in full precision, series to 6 significant digits and compressed."""
    files = {}
    for file in FILES:
        name = file.partition(".")[0]
        frame = getattr(evidence, name)
        if name not in BY_RUN:
            files[file] = _compressed(_series_csv(frame))
        elif file != TUNING or len(frame):
            files[file] = frame.to_csv(index=False, lineterminator="\n").encode()
    return files


def _compressed(texts: Iterable[str]) -> bytes:
    content = BytesIO()
    # Without the time and the name of a file, equal rows give equal bytes.
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=6, mtime=0, filename="") as file:
        for text in texts:
            file.write(text.encode())
    return content.getvalue()


def _series_csv(frame: pd.DataFrame) -> Iterator[str]:
    """What pandas writes, part by part and in a quarter of the time; names that need quotes are left to it."""
    if frame.empty or frame["run"].astype("category").cat.categories.str.contains('[,"\n\r]').any():
        yield frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        return
    line = ",".join("%.6g" if pd.api.types.is_float_dtype(kind) else "%s" for kind in frame.dtypes) + "\n"
    yield ",".join(frame.columns) + "\n"
    for start in range(0, len(frame), LINES_AT_ONCE):
        part = frame.iloc[start : start + LINES_AT_ONCE]
        cells = zip(*(part[column].tolist() for column in part), strict=True)
        yield (line * len(part) % tuple(chain.from_iterable(cells))).replace(",nan", ",")


def from_files(files: Mapping[str, bytes]) -> Evidence:
    """Read what ``to_files`` wrote.

    Raises:
        DataError: a file is torn or altered.
    """
    frames = {}
    for file, content in files.items():
        with undamaged(file):
            frames[file.partition(".")[0]] = _frame(file, content)
    return Evidence(**frames)


@contextmanager
def undamaged(file: str) -> Iterator[None]:
    """What can't be read within is a ``DataError`` that names the file."""
    try:
        yield
    except (EOFError, KeyError, OSError, ValueError, zlib.error) as error:
        reason = str(error).strip()
        raise DataError(f"the rows in {file} are damaged ({reason}): take them from git again") from error


def read(report: Path) -> dict[str, bytes]:
    """The files of rows kept in the folder of a report.

    Raises:
        ConfigError: the folder lacks one.
    """
    folder = report / FOLDER
    try:
        files = [file for file in FILES if file != TUNING or (folder / file).exists()]
        return {file: (folder / file).read_bytes() for file in files}
    except FileNotFoundError as error:
        raise ConfigError(
            f"{error.filename} does not exist: --from and --adding take an earlier report's folder"
        ) from None


def _frame(file: str, content: bytes) -> pd.DataFrame:
    name, compression = file.partition(".")[0], "gzip" if file.endswith(".gz") else None
    header = pd.read_csv(BytesIO(content), compression=compression, nrows=0).columns
    # Text stays as written: a digest such as 12e4567 is no number, and an empty tag no NaN.
    identity = [column for column in header if not _is_number(column)]
    as_text = {"excluded": [*header], "runs": identity, "tuning": identity}.get(name, ["run"])
    numbers = [c for c in header if c not in as_text]
    # The series repeat the names of their runs many times over.
    kind = str if name in BY_RUN else "category"
    return pd.read_csv(
        BytesIO(content),
        compression=compression,
        dtype=dict.fromkeys(as_text, kind),
        keep_default_na=False,
        na_values={column: [""] for column in numbers},
        float_precision="round_trip",
    )


def _is_number(column: str) -> bool:
    return "/" in column or column in NUMBERS


def final_metrics(run) -> dict[str, float]:
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
