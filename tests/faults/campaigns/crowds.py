"""Many processes at once on one store: the same run, other runs, two sweeps, reports while a sweep goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.conftest import TINY
from tests.faults.campaign import Campaign, Outcome, folder_with_store, new_store
from tests.faults.campaigns.reports import contents
from tests.faults.children import End, at_once, command, run
from tests.faults.left_behind import differences, left_in

PROCESSES = 16
SWEEP = ("-m", "loss=softmax_ce,mse", "seed=0,1,2,3,4", *TINY)
REPORTS = 10


def together(calls: list[Callable[[], End]]) -> list[End]:
    """Commands in processes of their own, at the same time."""
    return list(at_once(lambda number: calls[number](), range(len(calls)), at_a_time=len(calls)))


def many_runs(every: int) -> Iterator[Outcome]:
    """Sixteen runs begin at once, in a folder where even the store is still to be made; then one after the other."""
    words = [(*TINY, f"seed={seed}") for seed in range(PROCESSES // every)]
    with folder_with_store(None) as alone, folder_with_store(None) as crowded:
        for one in words:
            run(one, alone)
        ends = together([lambda one=one: run(one, crowded) for one in words])
        wrong = differences(left_in(alone).state, left_in(crowded).state)
        for end in ends:
            yield Outcome("many runs", tuple(wrong) + (() if end.code == 0 else (f"{end.code}: {end.said[-300:]}",)))


def one_run(every: int) -> Iterator[Outcome]:
    """Sixteen calls of one run: one trains it, the others say who does."""
    with folder_with_store(new_store()) as folder:
        ends = together([lambda: run(TINY, folder)] * (PROCESSES // every))
        runs = len(left_in(folder).state["store"])
        for end in ends:
            told = end.code == 0 or (end.code == 6 and "is being written by " in end.said)
            wrong = [] if told else [f"ended with {end.code}: {end.said[-300:]}"]
            yield Outcome("one run", tuple(wrong + ([f"{runs} runs in the store"] if runs != 1 else [])))


def two_sweeps(every: int) -> Iterator[Outcome]:
    """The same sweep twice at once, then once more; and reports meanwhile."""
    store = new_store()
    with folder_with_store(store) as alone, folder_with_store(store) as folder:
        run(SWEEP, alone)
        words = ["--losses", "softmax_ce,mse", "--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"]
        report = [lambda: command("report.py", [*words, "--output", folder / "report"])] * (REPORTS // every)
        for end in together([*report, lambda: run(SWEEP, folder), lambda: run(SWEEP, folder)]):
            told = end.code in (0, 6, 8) and "Traceback" not in end.said  # too few runs, or held by the other sweep
            yield Outcome("a sweep or report meanwhile", () if told else (f"ended with {end.code}: {end.said[-300:]}",))
        again = run(SWEEP, folder)
        left, expected = left_in(folder), left_in(alone)
        wrong = [] if again.code == 0 else [f"ended with {again.code}: {again.said[-300:]}"]
        wrong += differences(of_cells(expected.state), of_cells(left.state))
        yield Outcome("two sweeps", tuple(wrong), left.lost(expected), left.doubled(expected))


def two_reports(every: int) -> Iterator[Outcome]:
    """Reports into one folder at once."""
    with folder_with_store(new_store()) as folder:
        run(SWEEP, folder)
        words = ["--losses", "softmax_ce,mse", "--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"]

        def into(output: Path) -> End:
            return command("report.py", [*words, "--output", output])

        into(folder / "alone")
        for end in together([lambda: into(folder / "shared")] * (REPORTS // every)):
            wrong = [] if end.code == 0 else [f"ended with {end.code}: {end.said[-300:]}"]
            if contents(folder / "shared") != contents(folder / "alone"):
                wrong.append("another report")
            yield Outcome("reports at once", tuple(wrong))


def of_cells(state: dict) -> dict:
    """Two sweeps are two parent runs in the store."""
    return {**state, "store": [run for run in state["store"] if "config_hash" in run["tags"]]}


CAMPAIGNS = {
    "many_runs": Campaign("16 processes at once on a store that is still to be made", many_runs),
    "one_run": Campaign("16 processes at once on one run", one_run),
    "two_sweeps": Campaign("two sweeps at once, and reports meanwhile", two_sweeps),
    "two_reports": Campaign("10 reports at once into one folder", two_reports),
}
