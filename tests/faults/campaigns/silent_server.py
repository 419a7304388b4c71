"""A tracking server that takes every connection and never answers, all the time and with Ctrl-C meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, folder_with_store, new_store
from tests.faults.children import RUN, at_once, run
from tests.faults.left_behind import left_in

SECONDS_OF_A_RUN = 30  # on a machine that does much else
SECONDS_UNTIL_NO = 40  # three tries of ten seconds, and the waits between them
SECONDS_AFTER_CTRL_C = 15  # the one call that is under way may take its ten
MOMENTS = (0.3, 0.6, 0.9, 1.2, 1.5, 2, 3, 5, 8, 13, 20, 30)  # seconds from the start


@contextmanager
def silent() -> Iterator[str]:
    """The address of a port at which connections queue up."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def never_answered(every: int) -> Iterator[Outcome]:
    """Each moment of Ctrl-C, and none; then one more call, with the store that is there."""
    store = new_store()
    with folder_with_store(store) as folder:
        run(RUN, folder)
        expected = left_in(folder)

    def at(moment: float | None) -> Outcome:
        def ctrl_c() -> None:
            if moment is not None:
                threading.Timer(moment, os.kill, (os.getpid(), signal.SIGINT)).start()

        with folder_with_store(store) as folder, silent() as address:
            start = time.monotonic()
            first = run([*RUN, f"tracking_uri={address}"], folder, before=ctrl_c)
            seconds = time.monotonic() - start
            most = SECONDS_OF_A_RUN + SECONDS_UNTIL_NO if moment is None else moment + SECONDS_AFTER_CTRL_C
            wrong = [] if seconds < most else [f"ended after {seconds:.0f} s"]
            if first.code not in ((5,) if moment is None else (5, 130)) or "Traceback" in first.said:
                wrong.append(f"ended with {first.code}: {first.said[-300:]}")
            again = run(RUN, folder)
            case = "never answers" if moment is None else f"never answers, Ctrl-C at {moment} s"
            return after_one_more_call(case, again, left_in(folder), expected, 0, *wrong)

    yield from at_once(at, [None, *MOMENTS][::every], at_a_time=4)  # they mostly wait


CAMPAIGNS = {"silent_server": Campaign("a tracking server that never answers, and Ctrl-C meanwhile", never_answered)}
