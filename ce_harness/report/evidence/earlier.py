"""The runs in the rows of an earlier report, beside those of a store: a study goes on without training them again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ce_harness.errors import ConfigError
from ce_harness.report.evidence import rows
from ce_harness.report.verdicts.tuning import CHOSEN_BY

if TYPE_CHECKING:
    from ce_harness.tracking.reading import TrackedRun


@dataclass(frozen=True)
class EarlierRun:
    """What rows hold of a run, under the names of ``tracking.TrackedRun``.

    Attributes:
        row: its name in the rows; ``name`` is the one it was tracked by.
        tags: all that is no metric.
        params: none. Of the settings, rows hold those that the study reads, batch size and epochs; others are unknown.
    """

    name: str
    row: str
    run_id: str
    status: str
    start_time: int
    tags: dict[str, str]
    metrics: dict[str, float]
    params: dict[str, str] = field(default_factory=dict)


def read(report: Path, study: str) -> dict[str, bytes]:
    """The row files of an earlier report. What another study left out, and why, stays in that study's report.

    Raises:
        ConfigError: the folder holds no report.
    """
    files = rows.read(report)
    if _study(report) != study:
        del files["excluded.csv"]
    return files


def _study(report: Path) -> str:
    try:
        return json.loads((report / "report.json").read_bytes())["study"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{report / 'report.json'} does not say which study the rows are of ({error})") from None


def runs_of(row_files: Mapping[str, bytes], tracked: Sequence[TrackedRun]) -> list[EarlierRun]:
    """The runs of the rows, those for tuning too, without the ones that are also tracked.

    Raises:
        DataError: a file is torn or altered.
    """
    known = {run.run_id for run in tracked}
    found = []
    for file in ("runs.csv", rows.TUNING):
        if file not in row_files:
            continue
        with rows.undamaged(file):
            # As text: a rate keeps the digits that it was written with.
            frame = pd.read_csv(BytesIO(row_files[file]), dtype=str, keep_default_na=False)
            if not row_files[file].endswith(b"\n"):
                raise ValueError("the last line is torn")
            found += [_run(row) for row in frame.to_dict("records") if row["run_id"] not in known]
    return found


def _run(row: Mapping[str, str]) -> EarlierRun:
    tags = {name: value for name, value in row.items() if "/" not in name}
    return EarlierRun(
        name=row["run"].removesuffix(f"-{row['config_hash'][:8]}"),
        row=row["run"],
        run_id=row["run_id"],
        status="complete" if row[CHOSEN_BY] else "diverged",
        start_time=int(row["start_time"]),
        tags=tags,
        metrics={name: float(value) for name, value in row.items() if "/" in name and value},
    )
