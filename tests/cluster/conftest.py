"""What the tests against real engines share: eight cells, how they end on this machine alone, and how to compare."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from ce_harness.tracking.store import open_store
from tests.conftest import ROOT

SECONDS = 600  # for anything that a test waits for; far more than it takes


def command(runs_dir, *arguments):
    words = ["--config-dir=tests/cluster/conf", *arguments, "experiment=held", f"runs_dir={runs_dir}"]
    return [sys.executable, "run.py", *words]


def run(runs_dir, *arguments, **variables):
    """A call from beginning to end; what it showed is printed, for ``pytest -s`` and for failures."""
    ended = subprocess.run(
        command(runs_dir, *arguments), cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True
    )
    print(ended.stderr)
    return ended


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """The runs of two losses and four seeds, swept on this machine; ``threads`` is what one of two cores means."""
    runs_dir = tmp_path_factory.mktemp("local")
    swept = run(runs_dir, "-m", "loss=softmax_ce,mse", "seed=0,1,2,3", "threads=1")
    assert swept.returncode == 0
    return runs_dir


def weights(runs_dir):
    """Config hash -> SHA-256 of the final weights, of every run that is complete."""
    outcomes = {path.parent.name.partition("-")[0]: json.loads(path.read_text()) for path in _outcomes(runs_dir)}
    assert all(outcome["status"] == "complete" for outcome in outcomes.values())
    return {config_hash: outcome["weights"] for config_hash, outcome in outcomes.items()}


def _outcomes(runs_dir):
    return runs_dir.glob("*-*/outcome.json")


def points(tracking_uri):
    """Config hash -> status, and metric -> (step, value) of every point, of the runs in a store."""
    client = open_store(tracking_uri)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()], "tags.study = 'held'")
    return {
        run.data.tags["config_hash"]: (
            run.info.status,
            {
                key: sorted((p.step, p.value) for p in client.get_metric_history(run.info.run_id, key))
                for key in run.data.metrics
            },
        )
        for run in runs
    }


def epochs(runs_dir):
    """How many epochs each run has in its journal."""
    return [path.read_text().count('"kind": "epoch"') for path in sorted(runs_dir.glob("*-*/journal.jsonl"))]


def until(condition, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def free_port():
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return candidate.getsockname()[1]
