"""Runs whose wall clock jumps, stands at 1970 or in 2100, or differs between the calls of one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, folder_with_store, new_store
from tests.faults.children import RUN, at_once, run
from tests.faults.left_behind import left_in
from tests.faults.shim import Fault, Mode, move_clock

HOUR, DAY, YEAR = 3600, 86400, 31_556_952


def at(seconds_since_1970: float) -> Callable[[], None]:
    return lambda: move_clock(seconds_since_1970 - time.time())


CLOCKS: dict[str, Callable[[], None]] = {
    "an hour back after a second": partial(move_clock, 0, -HOUR, 1),
    "an hour back after two seconds": partial(move_clock, 0, -HOUR, 2),
    "an hour on after a second": partial(move_clock, 0, HOUR, 1),
    "thirty years back after a second": partial(move_clock, 0, -30 * YEAR, 1),
    "the first seconds of 1970": at(5),
    "the first hour of 1970": at(HOUR / 2),
    "1969": at(-DAY),
    "1980": at(10 * YEAR),
    "2100": at(130 * YEAR),
    "2200": at(230 * YEAR),
}
# Of the call that is killed, and of the one that goes on.
TWO_CLOCKS = {
    "begun tomorrow, continued today": (partial(move_clock, DAY), partial(move_clock, 0)),
    "begun today, continued in 1970": (partial(move_clock, 0), at(HOUR)),
    "begun in 1970, continued today": (at(HOUR), partial(move_clock, 0)),
}


def tried(every: int) -> Iterator[Outcome]:
    """Each clock; then one more call at the true time."""
    store = new_store()
    with folder_with_store(store) as folder:
        run(RUN, folder)
        expected = left_in(folder)

    def under(name: str) -> Outcome:
        with folder_with_store(store) as folder:
            if name in CLOCKS:
                first = run(RUN, folder, before=CLOCKS[name])
                again, wrong = run(RUN, folder), [] if first.is_clear else [f"ended with {first.code}: {first.said}"]
            else:
                begun, continued = TWO_CLOCKS[name]
                third_checkpoint = Fault(folder, Mode.KILL, 2, part_of_path="epoch-000003.ckpt")
                run(RUN, folder, third_checkpoint, before=begun)
                again, wrong = run(RUN, folder, before=continued), []
            return after_one_more_call(name, again, left_in(folder), expected, 0, *wrong)

    yield from at_once(under, [*CLOCKS, *TWO_CLOCKS][::every])


CAMPAIGNS = {"clocks": Campaign("the wall clock set wrongly", tried, sample=7)}
