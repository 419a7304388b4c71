"""Power loss after every file call of a run, in four models of what is left; then one more call."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, folder_with_store, new_store
from tests.faults.children import AT_A_TIME, RUN, at_once, run
from tests.faults.left_behind import left_in
from tests.faults.power_loss import FileSystem, State, read_trace, write
from tests.faults.shim import Fault


def after_every_call(model: str, every: int) -> Iterator[Outcome]:
    """Each state that a model allows, once. Who tries a share of them has a folder of its own: the store names it."""
    store = new_store()
    shares = at_once(
        lambda first: list(_share(store, model, slice(first, None, every * AT_A_TIME))),
        range(0, every * AT_A_TIME, every),
    )
    yield from chain.from_iterable(shares)


def _share(store: Path, model: str, of_them: slice) -> Iterator[Outcome]:
    with folder_with_store(store) as folder:
        trace = folder.with_suffix(".trace")
        file_system = FileSystem(folder)
        run(RUN, folder, Fault(folder, trace=trace))
        expected = left_in(folder)
        states: dict[int, tuple[str, State]] = {}
        for number, call in enumerate(read_trace(trace), 1):
            file_system.apply(call)
            for state in file_system.left(model):
                states.setdefault(hash(frozenset(state.items())), (f"after {number}, {call.name} {call.path}", state))
        trace.unlink()
        for case, state in list(states.values())[of_them]:
            shutil.rmtree(folder)
            write(state)
            again = run(RUN, folder)
            yield after_one_more_call(case, again, left_in(folder), expected)


CAMPAIGNS = {
    "power_ordered": Campaign("power loss, names in order (ext4)", partial(after_every_call, "ordered"), sample=20),
    "power_all": Campaign("power loss, all names survive", partial(after_every_call, "all")),
    "power_posix": Campaign("power loss, names of synced folders survive", partial(after_every_call, "posix"), 20),
    "power_one_lost": Campaign("power loss, one name is lost", partial(after_every_call, "one lost"), 200),
}
