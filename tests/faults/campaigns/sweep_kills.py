"""Random SIGKILLs of a sweep's processes: the launching one, workers, cells, trackers; then one more call."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT
from tests.faults.campaign import Campaign, Outcome, folder_with_store, new_store
from tests.faults.campaigns.crowds import of_cells
from tests.faults.campaigns.interrupts import left_of_session, of_session
from tests.faults.children import SECONDS_AT_MOST
from tests.faults.left_behind import differences, left_in

KILLS = 100
KILLS_OF_A_SWEEP = 25  # then it may end
SECONDS_UNTIL_A_KILL = (1, 6)
SWEEP = (
    "-m", "loss=softmax_ce,mse", "model=mlp,softmax_regression", "seed=0,1,2", "dataset.limit=64", "batch_size=16",
    "threads=1", "optimizer=adam", "learning_rate=0.01", "epochs=60", "log_every_n_steps=2",
)  # fmt: skip


def started(runs_dir: Path) -> subprocess.Popen[bytes]:
    """The sweep, in a session of its own."""
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    with open(runs_dir.with_suffix(".said"), "ab") as said:
        command = [sys.executable, "run.py", *SWEEP, f"runs_dir={runs_dir}"]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said, start_new_session=True)


def random_kills(every: int) -> Iterator[Outcome]:
    rng, store, kills = random.Random(28), new_store(), 0
    with folder_with_store(store) as straight:
        if started(straight).wait(SECONDS_AT_MOST * 5):
            raise RuntimeError(straight.with_suffix(".said").read_text())
        expected = left_in(straight)
    while kills < KILLS // every:
        with folder_with_store(store) as folder:
            cases = list(_killed(folder, rng, min(KILLS_OF_A_SWEEP, KILLS // every - kills)))
            kills += len(cases)
            sweep = started(folder)
            code = sweep.wait(SECONDS_AT_MOST * 10)
            left = left_in(folder)
            wrong = differences(of_cells(expected.state), of_cells(left.state))
            if code:
                wrong.append(f"the next call ended with {code}")
            if running := left_of_session(sweep.pid):
                wrong.append(f"still running: {running}")
            yield from map(Outcome, cases[:-1])
            yield Outcome(cases[-1], tuple(wrong), left.lost(expected), left.doubled(expected))


def _killed(folder: Path, rng: random.Random, kills: int) -> Iterator[str]:
    sweep = started(folder)
    for number in range(kills):
        time.sleep(rng.uniform(*SECONDS_UNTIL_A_KILL))
        if sweep.poll() == 0:
            return
        if sweep.poll() is not None:
            sweep = started(folder)
            time.sleep(rng.uniform(*SECONDS_UNTIL_A_KILL))
        victim = rng.choice(of_session(sweep.pid) or [sweep.pid])
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
        yield f"kill {number + 1} of {'the sweep' if victim == sweep.pid else 'a process of it'}"
    sweep.wait(SECONDS_AT_MOST * 10)


CAMPAIGNS = {"sweep_kills": Campaign("a sweep's processes killed at random", random_kills)}
