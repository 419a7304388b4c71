"""A disk that refuses, or takes half, at every file call of a run; then one more call on a disk that is well."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import partial

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, counted, folder_with_store, new_store
from tests.faults.children import RUN, at_once, run
from tests.faults.left_behind import differences, left_in
from tests.faults.shim import Fault, Kind, Mode


def everywhere(mode: Mode, error: int, kind: Kind, every: int) -> Iterator[Outcome]:
    """A run whose n-th call goes wrong, for each n.

    Args:
        error: of ``errno``.
        kind: which calls, those that change files or those that read.
    """
    store = new_store()
    with folder_with_store(store) as folder:
        log = folder.with_suffix(".log")
        run(RUN, folder, Fault(folder, kind=kind, log=log))
        expected, calls = left_in(folder), counted(log)
        log.unlink()

    def fails_at(number: int) -> Outcome:
        with folder_with_store(store) as folder:
            first = run(RUN, folder, Fault(folder, mode, number, error, kind))
            wrong = [] if first.is_clear else [f"ended with {first.code}: {first.said[-300:]}"]
            if first.code == 0:  # then nothing may be missing
                wrong += differences(expected.state, left_in(folder).state)
            again = run(RUN, folder)
            case = f"{mode.name} {errno.errorcode.get(error, '')} at {number}, {' '.join(calls[number - 1])}"
            return after_one_more_call(case, again, left_in(folder), expected, 0, *wrong)

    shortened = {Kind.CHANGE: "write", Kind.READ: "read"}[kind]
    numbers = [n for n, (call, _) in enumerate(calls, 1) if mode != Mode.SHORTEN or call == shortened]
    yield from at_once(fails_at, numbers[::every])


def campaign(trouble: str, mode: Mode, error: int = 0, kind: Kind = Kind.CHANGE, sample: int | None = None) -> Campaign:
    return Campaign(trouble, partial(everywhere, mode, error, kind), sample)


CAMPAIGNS = {
    "full_once": campaign("disk full for one call", Mode.FAIL_ONCE, errno.ENOSPC),
    "full_from": campaign("disk full from one call on", Mode.FAIL_FROM, errno.ENOSPC, sample=150),
    "broken": campaign("I/O error when a file is changed", Mode.FAIL_ONCE, errno.EIO),
    "unreadable": campaign("I/O error when a file is read", Mode.FAIL_ONCE, errno.EIO, Kind.READ, sample=150),
    "half_written": campaign("half of what is written is taken", Mode.SHORTEN),
    "half_read": campaign("half of what is read is given", Mode.SHORTEN, kind=Kind.READ),
    "interrupted": campaign("a call is interrupted (EINTR)", Mode.FAIL_ONCE, errno.EINTR),
}
