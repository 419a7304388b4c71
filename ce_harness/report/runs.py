"""Which tracked runs a study reads, and why each of the others is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from ce_harness.errors import ConfigError, TooFewRunsError

if TYPE_CHECKING:
    from ce_harness.tracking import TrackedRun

# Where and how a run was executed, not what was trained.
NOT_SETTINGS = frozenset(
    ("runs_dir", "tracking_uri", "mlflow_experiment", "log_every_n_steps", "threads", "study", "dataset.path")
)


def select(
    runs: Sequence[TrackedRun], reads: Mapping[str, Sequence], study: str, train: str = ""
) -> tuple[list, pd.DataFrame]:
    """Keep one complete run for every combination of ``reads``; list every other run with the reason.

    Runs of other code or other data never mix: the code and data of the newest run are kept. Runs that differ
    in a setting ``reads`` does not name are refused.

    Args:
        train: what follows ``python run.py -m`` to train the runs; "" for ``experiment=STUDY``.

    Returns:
        (runs kept, frame with columns ``run`` and ``reason``). A run whose partner of another loss is missing
        is kept and listed as unpaired.

    Raises:
        ConfigError: the runs differ in a setting the study does not name.
        TooFewRunsError: fewer than two losses (one, if the study reads one) have two usable runs.
    """
    excluded: list[tuple[str, str]] = []

    def keep_if(candidates, reason_against):
        kept = []
        for run in candidates:
            reason = reason_against(run)
            if reason:
                excluded.append((run.name, reason))
            else:
                kept.append(run)
        return kept

    grid = Grid(reads)
    kept = keep_if(runs, lambda run: (stray := grid.stray(run)) and f"foreign: {stray} is not part of the study")
    kept = keep_if(kept, lambda run: None if run.status == "complete" else run.status)
    kept.sort(key=lambda run: run.start_time)
    newest_code = kept[-1].tags["code_digest"] if kept else ""
    kept = keep_if(
        kept,
        lambda run: "other code: not that of the newest run" if run.tags["code_digest"] != newest_code else None,
    )
    newest_data = {run.tags["dataset"]: run.tags["dataset_digest"] for run in kept}
    kept = keep_if(
        kept,
        lambda run: (
            "other data: arrays or split are not those of the newest run"
            if run.tags["dataset_digest"] != newest_data[run.tags["dataset"]]
            else None
        ),
    )
    _refuse_mixed_settings(kept, reads, study)
    last = {grid.cell(run): run.run_id for run in kept}
    kept = keep_if(kept, lambda run: None if last[grid.cell(run)] == run.run_id else "duplicate of a later run")
    seeds = Counter(run.tags["loss"] for run in kept)
    if sum(count >= 2 for count in seeds.values()) < min(2, len(reads["loss"])):
        raise TooFewRunsError(_too_few(study, train or f"experiment={study}", runs, kept, excluded))
    excluded += _unpaired_and_missing({grid.cell(run): run.name for run in kept}, set(map(grid.cell, runs)), reads)
    return kept, pd.DataFrame(sorted(excluded), columns=["run", "reason"])


def setting(run: TrackedRun, name: str) -> str:
    """The value of a tag or param as MLflow keeps it: text."""
    return run.tags[name] if name in run.tags else run.params.get(name, "")


class Grid:
    """The combinations of ``reads``, and which of them a run is."""

    def __init__(self, reads: Mapping[str, Sequence]):
        self._positions = {name: {_key(one): i for i, one in enumerate(allowed)} for name, allowed in reads.items()}

    def cell(self, run: TrackedRun) -> tuple[int, ...]:
        """The run's combination, as indices; -1 where its value is not allowed."""
        return tuple(self._position(name, setting(run, name)) for name in self._positions)

    def stray(self, run: TrackedRun) -> str | None:
        """The first ``name=value`` of a run that the grid does not hold."""
        for name in self._positions:
            if self._position(name, setting(run, name)) < 0:
                return f"{name}={setting(run, name)}"
        return None

    def _position(self, name: str, text: str) -> int:
        positions = self._positions[name]
        if text in positions:
            return positions[text]
        try:
            return positions.get(float(text), -1)
        except ValueError:
            return -1


def _key(allowed) -> str | float:
    """Numbers are compared as numbers, all else (text, True, None) as the text MLflow keeps."""
    return str(allowed) if isinstance(allowed, str | bool | None) else float(allowed)


def _refuse_mixed_settings(runs, reads, study) -> None:
    for name in sorted({name for run in runs for name in run.params} - set(reads) - NOT_SETTINGS):
        group = name.split(".")[0]  # model.head_stddev may differ between models, not within one
        examples: dict[str, dict[str, str]] = {}
        for run in runs:
            owner = run.tags.get(group, "") if "." in name else ""
            examples.setdefault(owner, {}).setdefault(setting(run, name), run.name)
        for values in examples.values():
            if len(values) > 1:
                found = " and ".join(f"{value or 'none'} ({run})" for value, run in sorted(values.items())[:2])
                raise ConfigError(
                    f"runs of study {study!r} differ in {name}: {found}; "
                    f"name the values to read under {name!r} in `reads` of experiments/{study}.py"
                )


def _too_few(study, train, runs, kept, excluded) -> str:
    if not runs:
        return f"study {study!r} has no runs; train them first: python run.py -m {train}"
    reasons = Counter(reason.split(":")[0] for _, reason in excluded)
    left_out = "".join(f", {count} {reason}" for reason, count in reasons.items())
    return (
        f"study {study!r} has {len(runs)} runs ({len(kept)} usable{left_out}), but a comparison needs two "
        f"losses with two seeds each; train them first: python run.py -m {train}"
    )


def _unpaired_and_missing(present, tried, reads) -> list[tuple[str, str]]:
    """Runs without their partner of another loss, and combinations that were never run."""
    names = list(reads)
    losses = range(len(reads["loss"]))
    at = names.index("loss")
    rows = []
    for expected in product(*(range(len(allowed)) for allowed in reads.values())):
        partners = {i: (*expected[:at], i, *expected[at + 1 :]) for i in losses}
        if expected in present:
            absent = [reads["loss"][i] for i, partner in partners.items() if partner not in present]
            if absent:
                reason = f"unpaired: no usable run of {', '.join(absent)}; left out of pairs only"
                rows.append((present[expected], reason))
        elif expected not in tried:
            values = " ".join(f"{name}={reads[name][i]}" for name, i in zip(names, expected, strict=True))
            rows.append((values, "missing: never run"))
    return rows
