"""A sweep under up to 25 random SIGKILLs ends like an undisturbed one. Some minutes: ``make test-kills``."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking.store import open_store
from tests.conftest import ROOT

KILLS = 25  # at most; on a quick machine the sweep is through before
KILLS_AT_LEAST = 10
SECONDS_UNTIL_A_KILL = (1, 5)
SWEEP = (
    "-m",
    "loss=softmax_ce,mse",
    "model=mlp,softmax_regression",
    "seed=0,1,2,3,4",
    "optimizer=adam",
    "learning_rate=0.01",
    "epochs=60",
)


def sweep(runs_dir):
    command = [sys.executable, "run.py", *SWEEP, f"runs_dir={runs_dir}"]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def processes(session):
    """Every process of a sweep: the launching one, workers, cells, resource trackers."""
    found = []
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            if os.getsid(pid) == session:
                found.append(pid)
        except ProcessLookupError:
            pass
    return found


def everything(runs_dir):
    """Per config hash, all that its runs left on disk and in the store."""
    client = open_store(f"sqlite:///{runs_dir / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "single_runs"]
    runs = {}
    for path in runs_dir.glob("*-*/outcome.json"):
        records = RunDirectory(path.parent).journal().records
        runs.setdefault(path.parent.name.partition("-")[0], []).append(
            {
                "outcome": json.loads(path.read_text()),
                "journal": [{key: value for key, value in r.items() if key != "time_ms"} for r in records],
                "artifacts": {f.name: f.read_bytes() for f in (path.parent / "artifacts").iterdir()},
            }
        )
    for run in client.search_runs([experiment.experiment_id], "tags.study = 'single_runs'"):
        points = {
            key: sorted((p.step, p.value) for p in client.get_metric_history(run.info.run_id, key))
            for key in run.data.metrics
        }
        status = (run.info.status, run.data.tags["status"])
        runs.setdefault(run.data.tags["config_hash"], []).append({"status": status, "points": points})
    return runs


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="cells are forks on Linux alone")
def test_random_kills_change_nothing(tmp_path):
    rng = random.Random(int(os.environ.get("KILL_SEED", "0")))
    disturbed, straight = tmp_path / "disturbed", tmp_path / "straight"
    assert sweep(straight).wait() == 0
    killed, program = [], None
    while len(killed) < KILLS and (program is None or program.poll() != 0):
        if program is None or program.poll() is not None:
            program = sweep(disturbed)
        time.sleep(rng.uniform(*SECONDS_UNTIL_A_KILL))
        if program.poll() is None:
            victim = rng.choice(processes(program.pid))
            os.kill(victim, signal.SIGKILL)
            killed.append("the sweep" if victim == program.pid else "a child")
            done = len(list(disturbed.glob("*-*/outcome.json")))
            print(f"kill {len(killed)}: {killed[-1]}; {done} cells done", flush=True)
    program.wait()
    assert len(killed) >= KILLS_AT_LEAST
    assert sweep(disturbed).wait() == 0
    after, expected = everything(disturbed), everything(straight)
    assert set(after) == set(expected)
    assert len(expected) == 20
    for config_hash, (on_disk, in_store) in expected.items():
        assert after[config_hash] == [on_disk, in_store]
        assert in_store["status"] == ("FINISHED", "complete")
