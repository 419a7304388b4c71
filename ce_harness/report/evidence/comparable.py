"""Which runs may stand beside one another: same code, same data, and for each seed the same split.

The run that decides what is the same is the newest one of the code as it is now. Without one, it is the newest.
So a clock that was set back changes nothing as long as the code of the runs is the code that is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from ce_harness.report.evidence.run import GROUPS, Run, value

HARNESS = "harness_digest"
ENOUGH_SEEDS = 3  # with a source of its own each, to tell that data are drawn by the seed
Reason = str | None  # why a run is left out
Key = tuple[str, str]


def codes(run: Run) -> dict[Key, str]:
    """The digests of a run's code: the harness's, and of each part the one of its option.

    Runs compare if the digests under equal keys are equal: an own loss may have code that a built-in one lacks.
    Runs of earlier versions have one digest for all.
    """
    digests = {(HARNESS, ""): run.tags.get(HARNESS) or run.tags.get("code_digest", "")}
    for group in GROUPS:
        if digest := run.tags.get(f"{group}_code"):
            digests[group, run.tags.get(group, "")] = digest
    return digests


def of_other_code(runs: Sequence[Run], now: str = "") -> Callable[[Run], Reason]:
    """Why a run is of other code than the newest of these, or None.

    Args:
        now: the digest of the harness as it is now.
    """
    current = {(HARNESS, ""): now}
    by_age = sorted(runs, key=lambda run: (codes(run)[HARNESS, ""] == now, run.start_time))
    if by_age:
        current[HARNESS, ""] = codes(by_age[-1])[HARNESS, ""]
    for run in by_age:
        if codes(run)[HARNESS, ""] == current[HARNESS, ""]:
            current |= codes(run)

    def reason(run: Run) -> Reason:
        for (part, option), digest in codes(run).items():
            if current.get((part, option), digest) != digest:
                changed = f", {part}={option} has changed" if option else ""
                return f"other code: not that of the newest run{changed}"
        return None

    return reason


def of_other_data(runs: Iterable[Run], data_set: Callable[[Run], object]) -> Callable[[Run], Reason]:
    """Why a run is of other data than the newest of its data set, or None. Splits of one source are one data set.

    Some data are drawn anew for each seed, so each seed has a source of its own. These are told by their sources, if
    there are enough of them: data that were edited between two seeds look the same.

    Args:
        data_set: equal for the runs that are to have one data set.
    """
    newest: dict[object, dict[str, str]] = defaultdict(dict)  # by data set and seed
    for run in runs:
        of_seeds = newest[data_set(run)]
        of_seeds.pop(value(run, "seed"), None)  # the last is the newest
        of_seeds[value(run, "seed")] = _source(run)

    def reason(run: Run) -> Reason:
        of_seeds = newest.get(data_set(run)) or {value(run, "seed"): _source(run)}
        drawn_by_seed = len(of_seeds) >= ENOUGH_SEEDS and len(set(of_seeds.values())) == len(of_seeds)
        seed = value(run, "seed") if drawn_by_seed else next(reversed(of_seeds))
        return None if _source(run) == of_seeds[seed] else "other data: not those of the newest run"

    return reason


def of_other_split(runs: Iterable[Run], pair: Callable[[Run], object]) -> Callable[[Run], Reason]:
    """Why a run has another split than the newest of its pair, or None: pairs share their examples.

    Args:
        pair: equal for the runs that are compared with one another.
    """
    newest = {pair(run): _split(run) for run in runs}

    def reason(run: Run) -> Reason:
        if _split(run) == newest.get(pair(run), _split(run)):
            return None
        return "other split: not that of the newest run of its setting and seed"

    return reason


def _source(run: Run) -> str:
    return run.tags.get("source_digest") or _split(run)


def _split(run: Run) -> str:
    return run.tags.get("dataset_digest", "")
