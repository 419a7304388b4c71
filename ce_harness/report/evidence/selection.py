"""Which tracked runs a study reads, and why each of the others is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from ce_harness.errors import ConfigError, TooFewRunsError
from ce_harness.report.verdicts.tuning import CHOSEN_BY, Where, expected_runs

if TYPE_CHECKING:
    from ce_harness.report.evidence.earlier import EarlierRun
    from ce_harness.tracking.reading import TrackedRun

# Where and how a run was executed, not what was trained.
NOT_SETTINGS = frozenset(
    ("runs_dir", "tracking_uri", "mlflow_experiment", "log_every_n_steps", "threads", "study", "dataset.path")
)


@dataclass(frozen=True)
class Selection:
    """What became of the runs of a study.

    Attributes:
        runs: those to compare; one whose partner of another loss is missing is among them, and listed as unpaired.
        tuning: those that choose the learning rates, diverged ones too.
        excluded: ``run`` and ``reason`` of every run or combination that is left out or lacks a partner.
        missing: the expected combinations whose run has not ended, as column -> value.
    """

    runs: list[TrackedRun]
    tuning: list[TrackedRun]
    excluded: pd.DataFrame
    missing: list[dict[str, object]]


def select(
    runs: Sequence[TrackedRun | EarlierRun],
    reads: Mapping[str, Sequence],
    study: str,
    train: str = "",
    tuning_seeds: Sequence[int] = (),
    where: Where | None = None,
    mix: bool = False,
) -> Selection:
    """Keep one complete run for every combination of ``reads``; list every other run with the reason.

    Runs of other code or other data don't mix: the code and data of the newest run are kept. Runs that differ
    in a setting ``reads`` does not name are refused.

    Args:
        train: what follows ``python run.py -m`` to train the runs; "" for ``experiment=STUDY``.
        tuning_seeds, where: see ``Study``.
        mix: keep runs of other code and other data, too.

    Raises:
        ConfigError: the runs differ in a setting the study does not name.
        TooFewRunsError: no two losses have usable runs of two seeds in common (the one loss of two seeds, if the
            study reads one).
    """
    found = survey(runs, reads, study, tuning_seeds, where, mix)
    seeds = defaultdict(set)
    for run in found.runs:
        seeds[run.tags["loss"]].add(setting(run, "seed"))
    compared = combinations(seeds.values(), min(2, len(reads["loss"])))
    if not any(len(set.intersection(*shared)) >= 2 for shared in compared):
        raise TooFewRunsError(_too_few(study, train or f"experiment={study}", runs, found, tuning_seeds))
    return found


def survey(
    runs: Sequence[TrackedRun | EarlierRun],
    reads: Mapping[str, Sequence],
    study: str,
    tuning_seeds: Sequence[int] = (),
    where: Where | None = None,
    mix: bool = False,
) -> Selection:
    """What ``select`` keeps and leaves out, however few that are."""
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

    grid = Grid({**reads, "seed": [*tuning_seeds, *reads["seed"]]}, where)
    # A row that the study does not read is no foreign run: nobody filed it under the study's name.
    candidates = [run for run in runs if is_tracked(run) or not grid.stray(run)]
    ours = keep_if(candidates, lambda run: (stray := grid.stray(run)) and f"foreign: {stray} is not part of the study")
    ours.sort(key=lambda run: run.start_time)
    kept = keep_if(ours, lambda run: None if run.status == "complete" else run.status)
    newest_code = kept[-1].tags["code_digest"] if kept else ""

    def of_newest_code(run):
        return mix or run.tags["code_digest"] == newest_code

    kept = keep_if(kept, lambda run: None if of_newest_code(run) else "other code: not that of the newest run")
    newest_data = {run.tags["dataset"]: run.tags["dataset_digest"] for run in kept}
    kept = keep_if(
        kept,
        lambda run: (
            None
            if mix or run.tags["dataset_digest"] == newest_data[run.tags["dataset"]]
            else "other data: arrays or split are not those of the newest run"
        ),
    )
    _refuse_mixed_settings(kept, reads, study)
    last = {grid.cell(run): run for run in kept}
    kept = keep_if(kept, lambda run: None if last[grid.cell(run)] is run else "duplicate of a later run")

    seed = list(grid.names).index("seed")
    tuning = [run for run in kept if grid.cell(run)[seed] < len(tuning_seeds)]
    kept = [run for run in kept if grid.cell(run)[seed] >= len(tuning_seeds)]
    # A rate at which a run diverges has been tried, too.
    diverged = [run for run in ours if run.status == "diverged" and of_newest_code(run)]
    diverged = [run for run in diverged if grid.cell(run) not in last]
    tuning += [run for run in diverged if grid.cell(run)[seed] < len(tuning_seeds)]
    cells = expected_runs(reads, where, tuning_seeds, tuning_frame(tuning, grid))
    by_cell = {grid.cell(run): run.name for run in kept}
    done = {*by_cell, *map(grid.cell, tuning), *map(grid.cell, diverged)}
    unpaired, missing = _unpaired_and_missing(list(cells), grid, by_cell, done, tuning_seeds, reads["loss"])
    tried = set(map(grid.cell, runs))
    never = [cell for cell in missing if grid.index(cell) not in tried]
    excluded += unpaired
    excluded += [(" ".join(f"{k}={v}" for k, v in cell.items()), "missing: never run") for cell in never]
    return Selection(kept, tuning, pd.DataFrame(sorted(excluded), columns=["run", "reason"]), missing)


def setting(run: TrackedRun, name: str) -> str:
    """The value of a tag or param as MLflow keeps it: text."""
    return run.tags[name] if name in run.tags else run.params.get(name, "")


def is_tracked(run: TrackedRun | EarlierRun) -> bool:
    """Whether a run is from a store, not from the rows of an earlier report: only the latter has a row."""
    return not hasattr(run, "row")


class Grid:
    """The combinations of ``reads``, and which of them a run is."""

    def __init__(self, reads: Mapping[str, Sequence], where: Where | None = None):
        self._reads = reads
        self._where = where
        self._positions = {name: {_key(one): i for i, one in enumerate(allowed)} for name, allowed in reads.items()}

    @property
    def names(self) -> Sequence[str]:
        return list(self._reads)

    def cell(self, run: TrackedRun) -> tuple[int, ...]:
        """The run's combination, as indices; -1 where its value is not allowed."""
        return tuple(self._position(name, setting(run, name)) for name in self._positions)

    def index(self, values: Mapping[str, object]) -> tuple[int, ...]:
        """The same of a combination as ``reads`` writes it."""
        return tuple(positions[_key(values[name])] for name, positions in self._positions.items())

    def values(self, run: TrackedRun) -> dict[str, object]:
        """The run's combination as ``reads`` writes it."""
        return {name: self._reads[name][i] for name, i in zip(self._positions, self.cell(run), strict=True)}

    def stray(self, run: TrackedRun) -> str | None:
        """The first ``name=value`` of a run that the grid does not hold, or its whole combination."""
        for name in self._positions:
            if self._position(name, setting(run, name)) < 0:
                return f"{name}={setting(run, name)}"
        if self._where and not self._where(self.values(run)):
            return " ".join(f"{name}={value}" for name, value in self.values(run).items())
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


def tuning_frame(runs: Sequence[TrackedRun], grid: Grid) -> pd.DataFrame:
    """The runs for ``tuning.choose``."""
    scores = [run.metrics.get(CHOSEN_BY) if run.status == "complete" else None for run in runs]
    frame = pd.DataFrame([grid.values(run) for run in runs], columns=grid.names)
    return frame.assign(**{CHOSEN_BY: pd.Series(scores, dtype=float)})


def _refuse_mixed_settings(runs, reads, study) -> None:
    # Epochs may differ between datasets, not among the runs that are compared; loss.scale may differ between losses.
    compared = [name for name in reads if name not in ("loss", "seed", "learning_rate")]
    cells = [tuple(setting(run, name) for name in compared) for run in runs]
    for name in sorted({name for run in runs for name in run.params} - set(reads) - NOT_SETTINGS):
        group = name.split(".")[0]
        examples: dict[tuple, dict[str, str]] = {}
        for run, cell in zip(runs, cells, strict=True):
            if not is_tracked(run) and name not in run.tags:
                continue  # not known of a run of an earlier report
            owner = (*cell, run.tags.get(group, "") if "." in name else "")
            examples.setdefault(owner, {}).setdefault(setting(run, name), run.name)
        for values in examples.values():
            if len(values) > 1:
                found = " and ".join(f"{value or 'none'} ({run})" for value, run in sorted(values.items())[:2])
                raise ConfigError(
                    f"runs of study {study!r} differ in {name}: {found}; "
                    f"name the values to read under {name!r} in `reads` of experiments/{study}.py"
                )


def _too_few(study, train, runs, found, tuning_seeds) -> str:
    if not runs:
        return f"study {study!r} has no runs; train them first: python run.py -m {train}"
    reasons = Counter(reason.split(":")[0] for reason in found.excluded["reason"])
    reasons = {reason: count for reason, count in reasons.items() if reason not in ("missing", "unpaired")}
    left_out = "".join(f", {count} {reason}" for reason, count in reasons.items())
    tuned = f", {len(found.tuning)} for tuning" if tuning_seeds else ""
    how = f"python report.py {study} --missing prints how" if tuning_seeds else f"python run.py -m {train}"
    return (
        f"study {study!r} has {len(runs)} runs ({len(found.runs)} usable{tuned}{left_out}), but a comparison needs two "
        f"losses with two seeds in common; train them first: {how}"
    )


def _unpaired_and_missing(cells, grid, by_cell, done, tuning_seeds, losses):
    """Runs without their partner of another loss, and expected combinations whose run has not ended."""
    names = grid.names
    apart = [names.index("loss"), *([names.index("learning_rate")] if tuning_seeds else [])]
    tuning = {float(seed) for seed in tuning_seeds}
    partners: dict[tuple, dict[str, tuple]] = {}
    unpaired, missing = [], []
    for cell in cells:
        index = grid.index(cell)
        if index not in done:
            missing.append(cell)
        if float(cell["seed"]) not in tuning:
            shared = tuple(i for position, i in enumerate(index) if position not in apart)
            partners.setdefault(shared, {})[cell["loss"]] = index
    for group in partners.values():
        present = {loss: by_cell[index] for loss, index in group.items() if index in by_cell}
        # Without tuning, a loss that was to have rates of its own lacks no partner at this one.
        absent = [loss for loss in losses if loss not in present and (tuning_seeds or loss in group)]
        if absent:
            reason = f"unpaired: no usable run of {', '.join(absent)}; left out of pairs only"
            unpaired += [(name, reason) for name in present.values()]
    return unpaired, missing
