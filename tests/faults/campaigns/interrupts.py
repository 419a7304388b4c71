"""Ctrl-C on a terminal at random moments of a run and of a sweep, every second time twice; then one more call."""

from __future__ import annotations

import fcntl
import os
import pty
import random
import select
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.conftest import ROOT
from tests.faults.campaign import Campaign, Outcome, folder_with_store, new_store
from tests.faults.children import at_once
from tests.faults.left_behind import differences, left_in

MOMENTS = 40
SHORT = ("model=softmax_regression", "dataset.limit=64", "batch_size=16", "threads=1", "log_every_n_steps=2")
COMMANDS = {"run": (*SHORT, "epochs=30"), "sweep": ("-m", "seed=0,1,2", *SHORT, "epochs=20")}
SECONDS_AT_MOST = 900
SECONDS_TO_LEAVE = 30  # for what joblib has started to see that the command has ended


@dataclass
class Terminal:
    """How a command ended on a terminal.

    Attributes:
        seconds: that it took.
        after_ctrl_c: seconds from the first Ctrl-C to the end; None if it ended before.
        wrong: what it did to the terminal, or left running.
    """

    code: int
    seconds: float
    said: bytes
    after_ctrl_c: float | None
    wrong: list[str] = field(default_factory=list)


def typed(words: tuple[str, ...], runs_dir: Path, ctrl_c_at: tuple[float, ...] = ()) -> Terminal:
    """``run.py`` on a terminal of its own, with Ctrl-C typed at these seconds."""
    ours, its = pty.openpty()
    before = termios.tcgetattr(its)

    def on_that_terminal() -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    start, said, first = time.monotonic(), b"", None
    command = [sys.executable, "run.py", *words, f"runs_dir={runs_dir}"]
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"} | {"TERM": "xterm"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=its, stdout=its, stderr=its,
        start_new_session=True, preexec_fn=on_that_terminal,
    )  # fmt: skip
    left = list(ctrl_c_at)
    while process.poll() is None or select.select([ours], [], [], 0.2)[0]:
        if select.select([ours], [], [], 0.05)[0]:
            said += os.read(ours, 65536)
        now = time.monotonic() - start
        if left and now > left[0] and process.poll() is None:
            first = first or now
            os.write(ours, b"\x03")
            left.pop(0)
        if now > SECONDS_AT_MOST:
            os.killpg(process.pid, signal.SIGKILL)
    seconds = time.monotonic() - start
    end = Terminal(process.wait(), seconds, said, None if first is None else seconds - first)
    if termios.tcgetattr(its) != before:
        end.wrong.append("the terminal's modes are changed")
    if said.rfind(b"\x1b[?25h") < said.rfind(b"\x1b[?25l"):
        end.wrong.append("the cursor is hidden")
    if b"Traceback" in said or b"Exception ignored" in said:
        end.wrong.append(f"a traceback: {said[-300:].decode(errors='replace')}")
    if running := left_of_session(process.pid):
        end.wrong.append(f"still running: {running}")
    os.close(ours)
    os.close(its)
    return end


def left_of_session(session: int) -> list[int]:
    """The processes that still run some time after their command has ended."""
    until = time.monotonic() + SECONDS_TO_LEAVE
    while (running := of_session(session)) and time.monotonic() < until:
        time.sleep(0.1)
    return running


def of_session(session: int) -> list[int]:
    """The processes that a command has started, and itself."""
    running = []
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            if os.getsid(pid) == session:
                running.append(pid)
        except ProcessLookupError:
            pass
    return running


def at_random_moments(what: str, every: int) -> Iterator[Outcome]:
    store, words, rng = new_store(), COMMANDS[what], random.Random(28)
    with folder_with_store(store) as folder:
        undisturbed = typed(words, folder)
        expected = left_in(folder)

    def at(moments: tuple[float, ...]) -> Outcome:
        with folder_with_store(store) as folder:
            first = typed(words, folder, moments)
            wrong = list(first.wrong)
            if first.code not in (130, 0):
                wrong.append(f"ended with {first.code}: {first.said[-300:]!r}")
            with closing(sqlite3.connect(folder / "mlflow.db")) as read:
                if read.execute("select 1 from runs where status = 'RUNNING'").fetchone():
                    wrong.append("a run is left RUNNING in MLflow")
            again = typed(words, folder)
            left = left_in(folder)
            wrong += again.wrong + differences(expected.state, left.state)
            if again.code:
                wrong.append(f"the next call ended with {again.code}")
            case = f"Ctrl-C at {', '.join(f'{m:.1f}' for m in moments)} s of {undisturbed.seconds:.1f}"
            return Outcome(case, tuple(wrong), left.lost(expected), left.doubled(expected))

    first_ones = [rng.uniform(0.2, undisturbed.seconds) for _ in range(MOMENTS)]
    all_moments = [(m, m + rng.uniform(0.05, 1.5)) if n % 2 else (m,) for n, m in enumerate(first_ones)]
    yield from at_once(at, all_moments[: MOMENTS // every])


CAMPAIGNS = {
    f"ctrl_c_{what}": Campaign(f"Ctrl-C at random moments of a {what}", partial(at_random_moments, what), sample)
    for what, sample in (("run", 40), ("sweep", None))
}
