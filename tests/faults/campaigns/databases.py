"""A SQLite store that is locked, read-only, full, gone, damaged or put back from a backup; then one that is well."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, folder_with_store, new_store
from tests.faults.children import RUN, command, run
from tests.faults.left_behind import left_in
from tests.faults.shim import Fault, Mode

NOBODY = 65534
# It may give what a run calls before it begins.
Trouble = Callable[[Path], AbstractContextManager[Callable[[], None] | None]]


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """By another program, all the time."""
    with closing(sqlite3.connect(store)) as other:
        other.execute("begin exclusive")
        yield


@contextmanager
def locked_for_a_while(store: Path) -> Iterator[None]:
    held = threading.Event()

    def hold() -> None:
        with locked(store):
            held.set()
            time.sleep(3)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    yield
    thread.join()


@contextmanager
def read_only(store: Path) -> Iterator[Callable[[], None]]:
    """For whoever isn't root, whom nothing is read-only to: so a run of root's is another user's first."""
    store.chmod(0o444)
    if os.getuid() == 0:
        os.chown(store.parent, NOBODY, NOBODY)
    yield lambda: None if os.getuid() else os.setuid(NOBODY)
    store.chmod(0o644)


@contextmanager
def replaced_by_a_folder(store: Path) -> Iterator[None]:
    aside = store.rename(f"{store}.aside")
    store.mkdir()
    yield
    store.rmdir()
    aside.rename(store)


def refuses(what: str) -> Trouble:
    """A trigger that refuses every row of a table: stands for a store that is full."""

    @contextmanager
    def during(store: Path) -> Iterator[None]:
        with closing(sqlite3.connect(store)) as other, other:
            other.execute(f"create trigger ill before insert on {what} begin select raise(abort, 'disk is full'); end")
        yield
        with closing(sqlite3.connect(store)) as other, other:
            other.execute("drop trigger ill")

    return during


TROUBLES: dict[str, Trouble] = {
    "locked all the time": locked,
    "locked for 3 seconds": locked_for_a_while,
    "read-only": read_only,
    "a folder in its place": replaced_by_a_folder,
    **{f"no more {table}": refuses(table) for table in ("experiments", "runs", "params", "tags", "metrics", "inputs")},
}


NOTED = 13  # calls on the file in which a run notes how far its store has come, at least


def ill(every: int) -> Iterator[Outcome]:
    """Each trouble while a run trains and ends, then one more call."""
    store = new_store()
    with folder_with_store(store) as folder:
        run(RUN, folder)
        expected = left_in(folder)
    for name, trouble in list(TROUBLES.items())[::every]:
        with folder_with_store(store) as folder:
            with trouble(folder / "mlflow.db") as before:
                first = run(RUN, folder, before=before)
            wrong = [] if first.is_clear else [f"ended with {first.code}: {first.said[-300:]}"]
            yield after_one_more_call(name, run(RUN, folder), left_in(folder), expected, 0, *wrong)


def put_back(every: int) -> Iterator[Outcome]:
    """A complete run whose store is gone, or put back to what it was at an earlier moment; then ``resend``.

    The moments are those at which the run noted how far the store had come.
    """
    store = new_store()
    for moment in range(0, NOTED, every):
        with folder_with_store(store) as folder:
            run(RUN, folder, Fault(folder, Mode.KILL, moment, part_of_path="mlflow.json.partial") if moment else None)
            backup = {path: path.read_bytes() for path in folder.glob("mlflow.db*")}
            run(RUN, folder)
            expected = left_in(folder)
            for path in folder.glob("mlflow.db*"):
                path.unlink()
            if moment:
                for path, content in backup.items():
                    path.write_bytes(content)
            again = command("-m ce_harness.tracking.resend", [folder])
            yield after_one_more_call(f"put back to moment {moment}", again, left_in(folder), expected)


CAMPAIGNS = {
    "store_ill": Campaign("a SQLite store locked, full or gone meanwhile", ill, sample=9),
    "store_put_back": Campaign("a SQLite store deleted, or put back from a backup", put_back),
}
