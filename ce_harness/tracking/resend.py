"""Sends to a store what it lacks of the runs in a folder, and closes there those that dead processes left open."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mlflow import MlflowClient

from ce_harness.errors import ConfigError, DiskError, HarnessError, LockedError, TrackingError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.upload_state import sqlite_path
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.tracking.store import has_run, open_store, store_in, tracking_errors


def resend(run: RunDirectory, tracking_uri: str, experiment: str) -> bool:
    """Brings the store up to date with a run that no process is working on.

    A run without an outcome is closed as KILLED, for that is what happened to it; when it goes on it is opened again.

    Returns:
        Whether it could be done: not if a process is at work on the run after all.

    Raises:
        TrackingError: the store can't be reached.
    """
    try:
        with run.claimed():
            BackgroundUploader(run, tracking_uri, experiment).finish("interrupted")
    except LockedError:
        return False
    return True


def resend_all(runs_dir: Path, tracking_uri: str, foreign: bool = False) -> tuple[int, list[HarnessError]]:
    """Brings the store up to date with the runs of a folder, each in its own experiment.

    Args:
        foreign: also with those that went, or were to go, to another store.

    Returns:
        For how many it was needed, and what is wrong. That is a damaged record, or a store that would not take a run;
        then the others were not tried.

    Raises:
        TrackingError: the store can't be opened.
    """
    with tracking_errors(tracking_uri, "the store can't be opened"):
        client = open_store(tracking_uri)
    sent = 0
    errors: list[HarnessError] = []
    for path in sorted(runs_dir.glob("*/journal.jsonl")):
        run = RunDirectory(path.parent)
        if run.is_of_another_store(tracking_uri) and not foreign:
            continue
        try:
            for start in run.journal().of_kind("start"):
                experiment = run.sent().get("experiment") or start["tags"]["study"]
                if not _has_all(client, run, tracking_uri, experiment):
                    sent += resend(run, tracking_uri, experiment)
        except DiskError as error:
            errors.append(error)
        except TrackingError as error:
            errors.append(error)
            break
    return sent, errors


def _has_all(client: MlflowClient, run: RunDirectory, tracking_uri: str, experiment: str) -> bool:
    """Whether nothing of a run is unsent. A server is asked: it may have lost what it once had.

    What it has in its trash is not lost, and stays there.
    """
    if not run.settled(tracking_uri, experiment):
        return False
    with tracking_errors(tracking_uri, "the store can't be read"):
        return sqlite_path(tracking_uri) is not None or has_run(client, run.sent()["run_id"], in_trash=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m ce_harness.tracking.resend", description=__doc__)
    parser.add_argument("runs_dir", nargs="?", type=Path, default=Path("runs"), metavar="RUNS_DIR")
    parser.add_argument(
        "tracking_uri",
        nargs="?",
        metavar="TRACKING_URI",
        help="of all of them; default: the store in RUNS_DIR, of its own",
    )
    args = parser.parse_args(argv)
    try:
        if not args.runs_dir.is_dir():
            raise ConfigError(f"{args.runs_dir}: there is no such folder; give the one that the runs are in")
        sent, errors = resend_all(
            args.runs_dir, args.tracking_uri or store_in(args.runs_dir), foreign=args.tracking_uri is not None
        )
        print(f"{sent} run{'' if sent == 1 else 's'} brought up to date")
    except HarnessError as error:
        errors = [error]
    for problem in errors:
        print(problem.line, file=sys.stderr)
    return errors[0].exit_code if errors else 0


if __name__ == "__main__":
    sys.exit(main())
