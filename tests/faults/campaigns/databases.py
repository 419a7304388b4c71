"""A SQLite store that is locked, read-only, full, gone, damaged or put back from a backup; then one that is well."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from tests.faults.campaign import Campaign, Outcome, after_one_more_call, folder_with_store, new_store
from tests.faults.children import RUN, End, command, run
from tests.faults.left_behind import left_in


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
def replaced_by_a_folder(store: Path) -> Iterator[None]:
    aside = store.rename(f"{store}.aside")
    store.mkdir()
    yield
    store.rmdir()
    aside.rename(store)


def refuses(what: str) -> Callable[[Path], AbstractContextManager[None]]:
    """A trigger that refuses every row of a table: stands for a store that is full or whose rights are missing."""

    @contextmanager
    def during(store: Path) -> Iterator[None]:
        with closing(sqlite3.connect(store)) as other, other:
            other.execute(f"create trigger ill before insert on {what} begin select raise(abort, 'disk is full'); end")
        yield
        with closing(sqlite3.connect(store)) as other, other:
            other.execute("drop trigger ill")

    return during


TROUBLES = {
    "locked all the time": locked,
    "locked for 3 seconds": locked_for_a_while,
    "a folder in its place": replaced_by_a_folder,
    **{f"no more {table}": refuses(table) for table in ("experiments", "runs", "params", "tags", "metrics", "inputs")},
}


def ill(every: int) -> Iterator[Outcome]:
    """Each trouble while a run trains and ends, then one more call."""
    store = new_store()
    with folder_with_store(store) as folder:
        run(RUN, folder)
        expected = left_in(folder)
    for name, trouble in list(TROUBLES.items())[::every]:
        with folder_with_store(store) as folder:
            with trouble(folder / "mlflow.db"):
                first = run(RUN, folder)
            wrong = [] if first.is_clear else [f"ended with {first.code}: {first.said[-300:]}"]
            yield after_one_more_call(name, run(RUN, folder), left_in(folder), expected, 0, *wrong)


def put_back(every: int) -> Iterator[Outcome]:
    """A complete run whose store is put back to an earlier day, is deleted, or has lost some rows; ``resend``."""
    store = new_store()
    losses: dict[str, Callable[[Path], None]] = {
        "the store of before the run": lambda path: shutil.copy(store, path) and None,
        "no store": Path.unlink,
        **{f"without its {table}": _without(table) for table in ("metrics", "params", "tags", "inputs", "runs")},
    }
    for name, lose in list(losses.items())[::every]:
        with folder_with_store(store) as folder:
            run(RUN, folder)
            expected = left_in(folder)
            lose(folder / "mlflow.db")
            again: End = command("-m ce_harness.tracking.resend", [folder])
            yield after_one_more_call(name, again, left_in(folder), expected)


def _without(table: str) -> Callable[[Path], None]:
    def lose(path: Path) -> None:
        with closing(sqlite3.connect(path)) as store, store:
            store.execute("pragma foreign_keys = off")
            store.execute(f"delete from {table}")
            if table == "metrics":
                store.execute("delete from latest_metrics")

    return lose


CAMPAIGNS = {
    "store_ill": Campaign("a SQLite store locked, full or gone meanwhile", ill, sample=5),
    "store_put_back": Campaign("a SQLite store put back from a backup, or short of rows", put_back),
}
