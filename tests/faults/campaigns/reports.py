"""A report that is killed, or whose disk is full, at every file call: the old one is there all the time, or the new."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.conftest import TINY
from tests.faults import two_losses
from tests.faults.campaign import Campaign, Outcome, counted, folder_with_store, new_store
from tests.faults.children import at_once, command, run
from tests.faults.shim import Fault, Mode


def runs_of_two_losses(folder: Path) -> list[str]:
    """Trains the study's runs in a folder; the words of its report."""
    reads = two_losses.STUDY.reads or {}
    of_study = (*TINY, "study=two_losses")
    cells = [(*of_study, f"loss={loss}", f"seed={seed}") for loss in reads["loss"] for seed in reads["seed"]]
    list(at_once(lambda words: run(words, folder), cells))
    return [two_losses.__file__, "--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"]


def disturbed(mode: Mode, every: int) -> Iterator[Outcome]:
    """A report at each of whose calls something goes wrong, then one more report."""
    with folder_with_store(new_store()) as folder:
        log = folder / "log"
        new_report = folder / "first/out"
        command("report.py", [*runs_of_two_losses(folder), "--output", new_report])
        new = contents(new_report)
        old = {**new, "index.html": "of the old report"}
        # From its rows, since what is tried is how a report is written: a second less, hundreds of times.
        words = [two_losses.__file__, "--from", new_report]
        prepare(new_report, folder / "counted/out")
        command("report.py", [*words, "--output", folder / "counted/out"], Fault(folder / "counted", log=log))
        calls = counted(log)

        def at(number: int) -> Outcome:
            place = folder / f"at-{number}"
            prepare(new_report, place / "out")
            fault = Fault(place, mode, number, errno.ENOSPC)
            first = command("report.py", [*words, "--output", place / "out"], fault)
            now = contents(place / "out")
            wrong = [] if now in (new, old) else ["neither the old report nor the new is there"]
            if mode != Mode.KILL and (first.code not in (0, 7) or "Traceback" in first.said):
                wrong.append(f"ended with {first.code}: {first.said[-300:]}")
            again = command("report.py", [*words, "--output", place / "out"])
            if again.code or contents(place / "out") != new:
                wrong.append(f"the next report ended with {again.code}: {again.said[-300:]}")
            left = sorted(path.name for path in place.iterdir() if path.name != "out")
            if left:
                wrong.append(f"left over: {left}")
            shutil.rmtree(place)
            return Outcome(f"{mode.name} at {number}, {' '.join(calls[number - 1])}", tuple(wrong))

        yield from at_once(at, range(1, len(calls) + 1, every))


def prepare(report: Path, output: Path) -> None:
    """Puts an old report there: the new one with another page, which its list of files names."""
    shutil.copytree(report, output)
    (output / "index.html").write_text("of the old report")


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a report, but the page and the list, which hold the folder's name."""
    if not folder.exists():
        return {}
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    page = files.get("index.html", b"")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "report.json"}
    return {**digests, "index.html": "of the old report" if page == b"of the old report" else "new"}


CAMPAIGNS = {
    "report_kill": Campaign("a report killed before every file call", partial(disturbed, Mode.KILL)),
    "report_full": Campaign("disk full from a file call of a report on", partial(disturbed, Mode.FAIL_FROM)),
}
