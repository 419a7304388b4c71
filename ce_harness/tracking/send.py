"""Sends what dead processes left unsent and closes the runs they left open in the store.

``python -m ce_harness.tracking.send [RUNS_DIR [TRACKING_URI]]`` does so for every run of a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ce_harness.errors import DiskError, HarnessError, LockedError
from ce_harness.record.run_directory import RunDirectory
from ce_harness.tracking.feed import Feed


def send_rest(run: RunDirectory, tracking_uri: str, experiment: str) -> bool:
    """Brings the store up to date with a run that no process is working on.

    A run without an outcome is closed as KILLED, for that is what happened to it; when it goes on it is opened again.

    Returns:
        Whether there was something to do.

    Raises:
        TrackingError: the store can't be reached.
    """
    closed_as, outcome = run.position().closed_as, run.outcome
    if closed_as and (outcome is None or closed_as == outcome["status"]):
        return False
    try:
        with run.claimed():
            Feed(run, tracking_uri, experiment).finish("interrupted")
    except LockedError:
        return False  # its process lives
    return True


def send_all(runs_dir: Path, tracking_uri: str) -> tuple[int, list[DiskError]]:
    """Does so for every run of a folder, each in the experiment of its study.

    Returns:
        For how many it was needed, and what is wrong with those whose record is damaged.

    Raises:
        TrackingError: the store can't be reached.
    """
    sent, damaged = 0, []
    for path in sorted(runs_dir.glob("*/journal.jsonl")):
        run = RunDirectory(path.parent)
        try:
            started = run.journal().of_kind("start")
            if started:
                sent += send_rest(run, tracking_uri, started[0]["tags"]["study"])
        except DiskError as error:
            damaged.append(error)
    return sent, damaged


def main(runs_dir: str = "runs", tracking_uri: str | None = None) -> None:
    try:
        sent, errors = send_all(Path(runs_dir), tracking_uri or f"sqlite:///{Path(runs_dir) / 'mlflow.db'}")
        print(f"{sent} run{'' if sent == 1 else 's'} brought up to date")
    except HarnessError as error:
        errors = [error]
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        sys.exit(errors[0].exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
