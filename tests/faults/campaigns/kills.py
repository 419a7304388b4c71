"""SIGKILL before every call that changes a file of a run, and in the middle of every write; then one more call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, counted, folder_with_store, new_store
from tests.faults.children import RUN, at_once, run
from tests.faults.left_behind import left_in
from tests.faults.shim import Fault, Mode

DIVERGES = (*RUN, "loss=mse_logits", "learning_rate=1e20")
ALIKE = 250  # calls, of which one is tried

Calls = Sequence[tuple[str, str]]  # (name, path)
Places = Callable[[Calls], Sequence[int]]  # the numbers of calls, from 1


def every_call(calls: Calls) -> Sequence[int]:
    return range(1, len(calls) + 1)


def every_write(calls: Calls) -> Sequence[int]:
    return [number for number, (call, _) in enumerate(calls, 1) if call == "write"]


def until_the_store_is_made(calls: Calls) -> Sequence[int]:
    """MLflow makes its tables in a file aside, by hundreds of calls that are alike; few of these."""
    made = calls.index(("rename", "/mlflow.db"))
    aside = [number for number in range(1, made + 1) if ".new/" in calls[number - 1][1]]
    passed_over = {*aside} - {*aside[::ALIKE], aside[-1]}
    return [number for number in range(1, made + 3) if number not in passed_over]


def killed(mode: Mode, words: Sequence[str], with_store: bool, places: Places, every: int) -> Iterator[Outcome]:
    """A run killed at each of these places.

    Args:
        mode: ``KILL`` before the call, or ``SHORTEN_AND_KILL`` within the write.
        with_store: whether the MLflow store is there; else its making is part of the run.
    """
    store = new_store() if with_store else None
    with folder_with_store(store) as folder:
        log = folder.with_suffix(".log")
        undisturbed = run(words, folder, Fault(folder, log=log))
        expected, calls = left_in(folder), counted(log)
        log.unlink()

    def at(number: int) -> Outcome:
        with folder_with_store(store) as folder:
            run(words, folder, Fault(folder, mode, number))
            again = run(words, folder)
            case = f"{mode.name} at {number}, {' '.join(calls[number - 1])}"
            return after_one_more_call(case, again, left_in(folder), expected, undisturbed.code or 0)

    yield from at_once(at, places(calls)[::every])


def campaign(
    trouble: str,
    mode: Mode = Mode.KILL,
    words: Sequence[str] = RUN,
    with_store: bool = True,
    places: Places = every_call,
    sample: int | None = None,
) -> Campaign:
    return Campaign(trouble, partial(killed, mode, words, with_store, places), sample)


CAMPAIGNS = {
    "kill": campaign("killed before every file call", sample=120),
    "kill_in_write": campaign("killed within every write", Mode.SHORTEN_AND_KILL, places=every_write, sample=120),
    "kill_new_store": campaign("killed while the store is made", with_store=False, places=until_the_store_is_made),
    "kill_diverging": campaign("a run that diverges, killed before every file call", words=DIVERGES),
}
