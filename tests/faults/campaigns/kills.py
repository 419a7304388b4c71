"""SIGKILL before every call that changes a file of a run, and in the middle of every write; then one more call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, counted, folder_with_store, new_store
from tests.faults.children import RUN, at_once, run
from tests.faults.left_behind import left_in
from tests.faults.shim import Fault, Mode

DIVERGES = (*RUN, "loss=mse_logits", "learning_rate=1e20")


def everywhere(mode: Mode, words: Sequence[str], with_store: bool, every: int) -> Iterator[Outcome]:
    """A run killed at each of its calls.

    Args:
        mode: ``KILL`` before each, or ``SHORTEN_AND_KILL`` within each write.
        with_store: whether the MLflow store is there; else its making is part of the run.
    """
    store = new_store() if with_store else None
    with folder_with_store(store) as folder:
        log = folder.with_suffix(".log")
        undisturbed = run(words, folder, Fault(folder, log=log))
        expected, calls = left_in(folder), counted(log)
        log.unlink()

    def killed_at(number: int) -> Outcome:
        with folder_with_store(store) as folder:
            run(words, folder, Fault(folder, mode, number))
            again = run(words, folder)
            case = f"{mode.name} at {number}, {' '.join(calls[number - 1])}"
            return after_one_more_call(case, again, left_in(folder), expected, undisturbed.code or 0)

    numbers = [n for n, (call, _) in enumerate(calls, 1) if mode == Mode.KILL or call == "write"]
    yield from at_once(killed_at, numbers[::every])


CAMPAIGNS = {
    "kill": Campaign("killed before every file call", partial(everywhere, Mode.KILL, RUN, True), sample=120),
    "kill_in_write": Campaign("killed within every write", partial(everywhere, Mode.SHORTEN_AND_KILL, RUN, True), 120),
    "kill_new_store": Campaign("the same while the store is made", partial(everywhere, Mode.KILL, RUN, False)),
    "kill_diverging": Campaign("the same of a run that diverges", partial(everywhere, Mode.KILL, DIVERGES, True)),
}
