"""The per-run rows behind a report: made from tracked runs, kept as CSV, read back.

Everything in a report is made from the rows as read back, so that the files alone rebuild it byte for byte. The long
ones, series, are compressed: those of 900 runs would be 15 MB.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from ce_harness.errors import ConfigError, DataError, DiskError
from ce_harness.report.csv_text import as_written, harmless
from ce_harness.report.evidence import images, series
from ce_harness.report.evidence.grid import Grid
from ce_harness.report.evidence.run import GROUPS, Run, final_metrics, scores, tuning_scores, value
from ce_harness.report.evidence.selection import Selection
from ce_harness.report.study import TUNES, Evidence

FOLDER = "rows"  # of a report
REPORT = "report.json"  # holds the checksums of all files of a report
REMEDY = "take the folder from git again, or make the report anew from the runs"
SCALARS = ("seed", "learning_rate", "batch_size", "epochs")
ORIGIN = ("config_hash", "git_commit", "git_dirty", "code_digest", "fingerprint", "dataset_digest", "num_classes")
# Of newer runs.
CODE = ("harness_digest", *(f"{group}_code" for group in GROUPS), "source_digest", "loss_label")
NUMBERS = (*SCALARS, "start_time", "early_grad_norm", "num_classes")
BY_RUN = ("runs", "tuning", "excluded")  # one line a run; the others are series
TEXT = ("run", "class", "predicted", "first", "second", "metric")  # columns of series that hold names
LINES_AT_ONCE = 20_000  # bounds the memory for writing series
FRAMES = [item.name for item in fields(Evidence) if item.default_factory is pd.DataFrame]
FILES = tuple(f"{name}.csv" if name in BY_RUN else f"{name}.csv.gz" for name in FRAMES)
OPTIONAL = ("tuning.csv", "confusion.csv.gz", "test_images.csv.gz")  # not written if there is nothing to say


class DamagedRowsError(DataError):
    """The rows in a report are not as they were written."""

    page = DiskError.page


def from_runs(selection: Selection, reads: Mapping[str, Sequence[Any]], tunes: Sequence[str] = TUNES) -> Evidence:
    """Rows of the selected runs, diverged ones without a score, in the order of ``reads``, seeds last.

    Args:
        tunes: see ``Study``.
    """
    runs, names = _ordered([*selection.runs, *selection.diverged], reads)
    complete = {name: run for run, name in zip(runs, names, strict=True) if run.status == "complete"}
    frames, norms = series.read(list(complete.values()), list(complete))
    early = dict(zip(complete, norms, strict=True))
    measured = sorted({metric for run in complete.values() for metric in scores(run)})
    rows = []
    for run, name in zip(runs, names, strict=True):
        # Metrics are columns of the first row, too: what stands before them is the config.
        finals = dict.fromkeys(measured, math.nan) | (scores(run) if name in complete else {})
        told = {"early_grad_norm": early.get(name, math.nan), "status": run.status}
        rows.append({**_identity(run, name, reads), **finals, **told, **_origin(run)})
    of_runs = pd.DataFrame(rows)
    return Evidence(
        runs=of_runs,
        **frames,
        test_images=images.read(complete, of_runs, tunes),
        tuning=_tuning(selection, reads),
        excluded=selection.excluded,
    )


def _tuning(selection: Selection, reads: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """What the rates are chosen by, and no more: no test score of a tuning run ever enters a report."""
    rows = []
    for run, name in zip(*_ordered(selection.tuning, reads), strict=True):
        rows.append({**_identity(run, name, reads), **tuning_scores(run), **_origin(run)})
    return pd.DataFrame(rows)


def _ordered(runs: Sequence[Run], reads: Mapping[str, Sequence[Any]]) -> tuple[list[Run], list[str]]:
    others_first = Grid({name: allowed for name, allowed in reads.items() if name != "seed"})
    runs = sorted(runs, key=lambda run: (others_first.position(run), float(value(run, "seed"))))
    return runs, _unique_names(runs, list(reads))


def to_files(evidence: Evidence) -> dict[str, bytes]:
    """One CSV per frame, by file name: runs in full precision, series to 6 significant digits and compressed."""
    files = {}
    for file in FILES:
        name = file.partition(".")[0]
        frame = getattr(evidence, name)
        if frame.empty and file in OPTIONAL:
            continue
        if name not in BY_RUN:
            files[file] = _compressed(_series_csv(harmless(frame)))
        else:
            files[file] = harmless(frame).to_csv(index=False, lineterminator="\n").encode()
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
    texts = [frame[column].astype("category").cat.categories for column in TEXT if column in frame]
    if frame.empty or any(names.str.contains('[,"\n\r]').any() for names in texts):
        yield frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        return
    line = ",".join("%.6g" if pd.api.types.is_float_dtype(kind) else "%s" for kind in frame.dtypes) + "\n"
    yield ",".join(frame.columns) + "\n"
    for start in range(0, len(frame), LINES_AT_ONCE):
        part = frame.iloc[start : start + LINES_AT_ONCE]
        cells = zip(*(part[column].tolist() for column in part), strict=True)
        yield (line * len(part) % tuple(chain.from_iterable(cells))).replace(",nan", ",")


def from_files(files: Mapping[str, bytes], tunes: Sequence[str] = TUNES) -> Evidence:
    """Read what ``to_files`` wrote.

    Args:
        tunes: see ``Study``.

    Raises:
        DamagedRowsError: a file is torn or altered.
    """
    frames = {}
    for file, content in files.items():
        with _undamaged(file):
            frames[file.partition(".")[0]] = _frame(file, content)
    return Evidence(**frames, tunes=tuple(tunes))


@contextmanager
def _undamaged(file: str) -> Iterator[None]:
    """What can't be read within is a ``DamagedRowsError`` that names the file."""
    try:
        yield
    except (EOFError, KeyError, OSError, ValueError, zlib.error) as error:
        reason = str(error).strip()
        raise DamagedRowsError(f"the rows in {file} are damaged ({reason}): {REMEDY}") from error


def read(report: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of rows kept in the folder of a report, and the commands that made it.

    Raises:
        ConfigError: the folder lacks one, or what says how they were.
        DamagedRowsError: a file is not as it was written.
    """
    try:
        facts = json.loads(_content(report / REPORT))
        checksums: dict[str, str] = facts.get("files", {})
        files = [file for file in FILES if file not in OPTIONAL or (report / FOLDER / file).exists()]
        row_files = {file: _content(report / FOLDER / file) for file in files}
    except FileNotFoundError as error:
        raise ConfigError(f"{error.filename} does not exist: --from takes the folder of an earlier report") from None
    except (ValueError, AttributeError) as error:
        raise DamagedRowsError(f"{report / REPORT} is damaged ({error}): {REMEDY}") from error
    known = {name.removeprefix(f"{FOLDER}/") for name in checksums if name.startswith(f"{FOLDER}/")}
    for file in sorted(row_files.keys() | known) if checksums else ():
        if checksum(row_files.get(file, b"")) != checksums.get(f"{FOLDER}/{file}"):
            raise DamagedRowsError(f"{report / FOLDER / file} is not as it was written: {REMEDY}")
    return row_files, facts.get("commands", {})


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is a pipe, a device or a folder, not a file: {REMEDY}")
    return path.read_bytes()


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_all(runs: Sequence[Run], file: Path) -> None:
    """Every run as one line of a CSV file: what it is, its tags, parameters and last metrics.

    Raises:
        DiskError: the file can't be written.
    """
    lines = []
    for run in runs:
        tags = {key: one for key, one in run.tags.items() if not key.startswith("mlflow.")}
        told = {"run": run.name, "run_id": run.run_id, "status": run.status, "start_time": run.start_time}
        lines.append({**told, **tags, **run.params, **final_metrics(run)})
    try:
        harmless(pd.DataFrame(lines)).to_csv(file, index=False, lineterminator="\n")
    except OSError as error:
        raise DiskError(f"{file} can't be written: {error}") from error


def _frame(file: str, content: bytes) -> pd.DataFrame:
    name, compression = file.partition(".")[0], "gzip" if file.endswith(".gz") else None
    header = pd.read_csv(BytesIO(content), compression=compression, nrows=0).columns
    # Text stays as written: a digest such as 12e4567 is no number, and an empty tag no NaN.
    identity = [column for column in header if not _is_number(column)]
    as_text = {"excluded": [*header], "runs": identity, "tuning": identity}.get(
        name, [column for column in header if column in TEXT]
    )
    numbers = [c for c in header if c not in as_text]
    # The series repeat the names of their runs many times over.
    kind = str if name in BY_RUN else "category"
    frame = pd.read_csv(
        BytesIO(content),
        compression=compression,
        dtype=dict.fromkeys(as_text, kind),
        keep_default_na=False,
        na_values={column: [""] for column in numbers},
        float_precision="round_trip",
    )
    return as_written(frame)


def _is_number(column: str) -> bool:
    return "/" in column or column in NUMBERS


def _identity(run: Run, name: str, reads: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    return {"run": name} | {key: value(run, key) for key in dict.fromkeys((*GROUPS, *SCALARS, *reads))}


def _origin(run: Run) -> dict[str, object]:
    tags = {tag: run.tags.get(tag, "") for tag in ORIGIN} | {tag: run.tags[tag] for tag in CODE if tag in run.tags}
    return {"run_id": run.run_id, "start_time": run.start_time} | tags


def _unique_names(runs: Sequence[Run], keys: Sequence[str]) -> list[str]:
    """The runs' names; where some are equal, with the values that set these apart, and last of all their hash."""
    names = [run.name for run in runs]
    for key in (*keys, "config_hash"):
        alike: dict[str, set[str]] = {}
        for name, run in zip(names, runs, strict=True):
            alike.setdefault(name, set()).add(value(run, key))
        if len(alike) == len(names):
            break
        names = [
            f"{name}-{key.rpartition('.')[2]}={value(run, key)}" if len(alike[name]) > 1 else name
            for name, run in zip(names, runs, strict=True)
        ]
    return names
