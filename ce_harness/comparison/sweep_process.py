"""The sweep behind a comparison: the run command in a process of its own, with a bar that shows how far it is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from ce_harness.errors import DivergedError, HarnessError

COMMAND = (sys.executable, "-c", "from ce_harness.cli.commands import run; run()", "-m")
ENDED = re.compile(r"\[(\d+)/(\d+)\] ")  # begins the line of each run that has ended, see `sweep.progress`
SECONDS_TO_CLOSE = 5.0  # of an interrupted sweep, before it is told once more


def train(words: Sequence[str], title: str) -> None:
    """Trains what is not complete. A run that diverges is no error here: its end is part of the answer.

    Raises:
        HarnessError: the command failed; with its message and exit code.
    """
    printed: list[str] = []
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as process:
        try:
            assert process.stderr is not None
            with _bar() as bar:
                task = bar.add_task(title, total=None)
                for line in process.stderr:
                    printed.append(line.rstrip())
                    if ended := ENDED.match(line):
                        bar.update(task, completed=int(ended[1]), total=int(ended[2]))
                    elif "trained elsewhere" in line:  # so nobody trains what a server has without knowing
                        bar.console.print(Text(printed[-1]))
        except KeyboardInterrupt:
            _wait_for_the_end(process)
            raise
    if process.returncode not in (0, DivergedError.exit_code):
        raise _error(process.returncode, printed)


def _bar() -> Progress:
    """In a notebook, a terminal or, as one line at the end, a file."""
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def _environment() -> dict[str, str]:
    """Lets the runs import what this process can: modules in the folder of the notebook or script."""
    beside = dict.fromkeys((str(Path.cwd()), sys.path[0] or str(Path.cwd()), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, beside))}


def _wait_for_the_end(process: subprocess.Popen[str]) -> None:
    """A terminal and Jupyter interrupt the sweep, too; whoever interrupts this process alone does not."""
    try:
        process.wait(SECONDS_TO_CLOSE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()


def _error(exit_code: int, printed: Sequence[str]) -> HarnessError:
    told = [line.removeprefix("error: ") for line in printed if line.startswith("error: ")]
    failed = [line for line in printed if ENDED.match(line) and "FAILED" in line]
    kinds = {kind.exit_code: kind for kind in HarnessError.__subclasses__()}
    message = "; ".join([*failed[:1], *(told[-1:] or printed[-1:])])
    return kinds.get(exit_code, HarnessError)(message or f"the sweep ended with exit code {exit_code}")
