"""Which tracked runs a study reads, and why each of the others is left out."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd

from ce_harness.errors import ConfigError, TooFewRunsError
from ce_harness.report.evidence import comparable, unnamed
from ce_harness.report.evidence.grid import Grid, Position, normal, words
from ce_harness.report.evidence.run import Run, tuning_scores, value
from ce_harness.report.study import Study
from ce_harness.report.verdicts.tuning import planned_runs, runs_at_chosen_rates

ENDED = {"diverged": "diverged: counts as chance in the verdicts, and in nothing else"}


@dataclass(frozen=True)
class Selection:
    """What became of the runs of a study.

    Attributes:
        runs: those to compare; one whose partner of another loss is missing is among them, and listed as unpaired.
        tuning: those that choose the learning rates, or what else is tuned; diverged ones too.
        excluded: ``run`` and ``reason`` of every run or combination that is left out or lacks a partner.
        missing: the expected combinations whose run has not ended, as key -> value.
        diverged: those that count as failed among the compared.
    """

    runs: list[Run]
    tuning: list[Run]
    excluded: pd.DataFrame
    missing: list[dict[str, object]]
    diverged: list[Run] = field(default_factory=list)


def select(
    runs: Sequence[Run],
    study: Study,
    name: str,
    train: str = "",
    mix: bool = False,
    code_now: str = "",
) -> Selection:
    """Keep one complete run for every combination that the study reads; list every other run with the reason.

    Runs of other code or other data don't mix, see ``comparable``. A run that differs from most in a key that
    ``reads`` does not name is left out.

    Args:
        study: one that reads runs.
        name: what the runs are tagged with.
        train: the command that trains the runs.
        mix: keep runs of other code and other data, too.
        code_now: the digest of the harness as it is now.

    Raises:
        ConfigError: the runs differ in a key that the study does not name, and no value is that of most.
        TooFewRunsError: no two losses have usable runs of two seeds in common (the one loss of two seeds, if the
            study reads one).
    """
    selection = survey(runs, study, name, mix, code_now)
    seeds = defaultdict(set)
    for run in selection.runs:
        seeds[run.tags["loss"]].add(value(run, "seed"))
    compared = combinations(seeds.values(), min(2, len((study.reads or {})["loss"])))
    if not any(len(set.intersection(*shared)) >= 2 for shared in compared):
        raise TooFewRunsError(_too_few(name, train, runs, selection, study.tuning_seeds))
    return selection


def survey(
    runs: Sequence[Run],
    study: Study,
    name: str,
    mix: bool = False,
    code_now: str = "",
) -> Selection:
    """What ``select`` keeps and leaves out, however few that are."""
    reads, tuning_seeds = study.reads or {}, study.tuning_seeds
    excluded: list[tuple[str, str]] = []

    def without(runs: Iterable[Run], reason_against: Callable[[Run], str | None]) -> list[Run]:
        kept = []
        for run in runs:
            if reason := reason_against(run):
                excluded.append((run.name, reason))
            else:
                kept.append(run)
        return kept

    grid = Grid({**reads, "seed": [*tuning_seeds, *reads["seed"]]}, study.where)
    apart = {"loss", *study.tunes} if tuning_seeds else {"loss"}  # in which the runs of a pair may differ

    def pair(run: Run) -> Position:
        return tuple(i for i, name in zip(grid.position(run), grid.names, strict=True) if name not in apart)

    def setting(run: Run) -> Position:
        names = ("loss", "seed", *study.tunes)
        return tuple(i for i, name in zip(grid.position(run), grid.names, strict=True) if name not in names)

    def data_set(run: Run) -> Position:
        """A study may vary how many classes the data have, or the size of its images."""
        position = zip(grid.position(run), grid.names, strict=True)
        return tuple(i for i, name in position if name.partition(".")[0] == "dataset")

    ours = without(runs, lambda run: (stray := grid.stray(run)) and f"foreign: {stray} is not part of the study")
    ours.sort(key=lambda run: (run.start_time, run.run_id))
    kept = without(ours, lambda run: None if run.status == "complete" else ENDED.get(run.status, run.status))
    diverged = [run for run in ours if run.status == "diverged"]
    if not mix:
        other_code = comparable.of_other_code(kept, code_now)
        kept = without(kept, other_code)
        diverged = [run for run in diverged if not other_code(run)]
        kept = without(kept, comparable.of_other_data(kept, data_set))
    few = {run.run_id: reason for run, reason in unnamed.of_the_few(kept, list(map(setting, kept)), reads, name)}
    kept = without(kept, lambda run: few.get(run.run_id))
    if not mix:
        kept = without(kept, comparable.of_other_split(kept, pair))
    last = {grid.position(run): run for run in kept}
    kept = without(kept, lambda run: None if last[grid.position(run)] is run else "duplicate of a later run")

    seed = grid.names.index("seed")

    def tunes(run: Run) -> bool:
        return grid.position(run)[seed] < len(tuning_seeds)

    # A rate at which a run diverges has been tried, too.
    diverged = list({grid.position(run): run for run in diverged if grid.position(run) not in last}.values())
    tuning = [*filter(tunes, kept), *filter(tunes, diverged)]
    kept = [run for run in kept if not tunes(run)]
    expected = list(planned_runs(study))
    if tuning_seeds:
        combinations_tried = [{name: str(one) for name, one in grid.combination(run).items()} for run in tuning]
        scores = [tried | tuning_scores(run) for tried, run in zip(combinations_tried, tuning, strict=True)]
        columns = dict.fromkeys([*grid.names, "num_classes", "val/accuracy", *study.tuned_for])
        expected += runs_at_chosen_rates(study, pd.DataFrame(scores, columns=columns))
    of_pairs = [*kept, *(run for run in diverged if not tunes(run))]
    by_position = {grid.position(run): run.name for run in of_pairs}
    done = {*by_position, *map(grid.position, tuning)}
    missing = [combination for combination in expected if grid.position_of(combination) not in done]
    tried = set(map(grid.position, runs))
    never = [combination for combination in missing if grid.position_of(combination) not in tried]
    excluded += _unpaired(expected, grid, by_position, study)
    excluded += [(words(combination), "missing: never run") for combination in never]
    return Selection(
        kept,
        tuning,
        pd.DataFrame(sorted(excluded), columns=["run", "reason"]),
        missing,
        of_pairs[len(kept) :],
    )


def chosen(
    reads: Mapping[str, Sequence[Any]], wanted: Mapping[str, Sequence[str]], runs: Sequence[Run] = ()
) -> dict[str, Sequence[Any]]:
    """``reads`` with fewer values, or with further keys.

    Args:
        wanted: the values to keep of each key, as typed.
        runs: of the study; what they were trained with decides which further keys and values there are.

    Raises:
        ConfigError: the study does not read such a value, or no run has such a key or value.
    """
    narrowed = dict(reads)
    for key, texts in wanted.items():
        if key in reads or runs:
            allowed = reads[key] if key in reads else _values(key, texts, runs)
            grid = Grid({key: allowed})
            for text in texts:
                if grid.index(key, text) < 0:
                    raise ConfigError(f"--where {key}={text}: allowed is one of {', '.join(map(str, allowed))}")
            narrowed[key] = [allowed[grid.index(key, text)] for text in texts]
        else:
            narrowed[key] = list(texts)
    return narrowed


def _values(key: str, texts: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """What the runs have of a key that the study does not name."""
    values = {value(run, key) for run in runs} - {""}
    if not values:
        known = {name for run in runs for name in (*run.tags, *run.params)}
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"--where {key}={texts[0]}: no run of the study has such a key{hint}")
    return sorted(values)


def _too_few(name: str, train: str, runs: Sequence[Run], selection: Selection, tuning_seeds: Sequence[int]) -> str:
    if not runs:
        return f"study {name!r} has no runs; train them first: {train}"
    reasons = Counter(reason.split(":")[0] for reason in selection.excluded["reason"])
    shown = [reason for reason in reasons if reason not in ("missing", "unpaired")]
    left_out = "".join(f", {reasons[reason]} {reason}" for reason in shown)
    tuned = f", {len(selection.tuning)} for tuning" if tuning_seeds else ""
    return (
        f"study {name!r} has {len(runs)} runs ({len(selection.runs)} usable{tuned}{left_out}), but a comparison needs "
        f"two losses with two seeds in common; train them first: {train}"
    )


def _unpaired(
    expected: Iterable[Mapping[str, object]],
    grid: Grid,
    by_position: Mapping[Position, str],
    study: Study,
) -> list[tuple[str, str]]:
    """Runs without their partner of another loss, of those that the study plans in the same setting."""
    reads, tuning_seeds = study.reads or {}, study.tuning_seeds
    apart = {"loss", *(study.tunes if tuning_seeds else ())}
    tuning = {normal(seed) for seed in tuning_seeds}
    planned: dict[Position, set[str]] = defaultdict(set)
    partners: dict[tuple[Position, str | float], dict[str, Position]] = defaultdict(dict)
    for combination in expected:
        loss, seed = str(combination["loss"]), normal(combination["seed"])
        position = grid.position_of(combination)
        in_grid = zip(position, grid.names, strict=True)
        setting = tuple(i for i, name in in_grid if name != "seed" and name not in apart)
        planned[setting].add(loss)
        if seed not in tuning:
            partners[setting, seed][loss] = position
    unpaired = []
    for (setting, _), group in partners.items():
        present = {loss: by_position[position] for loss, position in group.items() if position in by_position}
        absent = [loss for loss in reads["loss"] if loss in planned[setting] and loss not in present]
        if absent:
            reason = f"unpaired: no usable run of {', '.join(absent)}; left out of pairs only"
            unpaired += [(name, reason) for name in present.values()]
    return unpaired
