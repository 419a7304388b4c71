"""A real MLflow server that keeps its store in PostgreSQL: eight writers at once, and a server that comes and goes."""

import getpass
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

from ce_harness.tracking.store import open_store
from tests.cluster.conftest import SECONDS, command, epochs, free_port, points, run, until, weights
from tests.conftest import ROOT

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian has them
POSTGRES = PROGRAMS[-1] if PROGRAMS else Path(shutil.which("postgres") or "/nowhere/postgres").parent
LIGHT = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # as in docs/sweeps.md
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (POSTGRES / "postgres").exists(), reason="needs PostgreSQL (Debian: postgresql)"),
    pytest.mark.skipif(not importlib.util.find_spec("psycopg"), reason="needs psycopg: pip install '.[postgresql]'"),
]


@pytest.fixture(scope="module")
def database():
    """Starts PostgreSQL on a free port of the loopback device; the URI of an empty database."""
    port, owner = free_port(), "postgres" if getpass.getuser() == "root" else getpass.getuser()
    as_owner = {"user": owner} if owner != getpass.getuser() else {}
    with tempfile.TemporaryDirectory(prefix="postgresql-", dir="/tmp") as folder:
        shutil.chown(folder, owner)
        data = f"{folder}/data"
        initdb = [POSTGRES / "initdb", "--auth=trust", "--username=mlflow", "--no-sync", f"--pgdata={data}"]
        subprocess.run(initdb, check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_owner)
        with open(f"{folder}/log", "w") as log:
            server = subprocess.Popen(
                [POSTGRES / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder],
                cwd=folder,
                stdout=log,
                stderr=log,
                **as_owner,
            )
        create = [POSTGRES / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"]
        until(lambda: subprocess.run(create, capture_output=True).returncode == 0)
        yield f"postgresql://mlflow@127.0.0.1:{port}/mlflow"
        server.send_signal(signal.SIGINT)  # without waiting for clients
        server.wait()


class TrackingServer:
    """``mlflow server`` as docs/sweeps.md has it, on the loopback device, to be started and stopped."""

    def __init__(self, store, folder):
        self._port = free_port()
        self._folder = folder
        self._command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
        self._command += ["--artifacts-destination", str(folder / "artifacts"), "--workers", "2"]
        self._command += ["--host", "127.0.0.1", "--port", str(self._port)]
        self._command += ["--allowed-hosts", f"127.0.0.1:{self._port}"]
        self._process = None
        self.address = f"http://127.0.0.1:{self._port}"

    def start(self):
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(self._command, env=LIGHT, stdout=log, stderr=log, start_new_session=True)
        until(self._answers)

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.address}/health"):
                return True
        except OSError:
            return False

    def stop(self):
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    server = TrackingServer(database, tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


def test_eight_workers_write_at_once_what_a_local_store_has(server, tmp_path, local):
    server.start()
    swept = run(
        tmp_path,
        *("-m", "hydra.launcher.n_jobs=8", "loss=softmax_ce,mse", "seed=0,1,2,3", "threads=1"),
        f"tracking_uri={server.address}",
    )
    assert swept.returncode == 0
    assert weights(tmp_path) == weights(local)
    sent, expected = points(server.address), points(f"sqlite:///{local}/mlflow.db")
    print(sum(len(series) for _, metrics in sent.values() for series in metrics.values()), "points")
    assert len(sent) == 8
    assert sent == expected


def test_a_server_that_is_away_at_the_start_in_the_middle_and_at_the_end_gets_every_point_once(server, tmp_path):
    """The other cells of the study are in the store already; this run has a seed of its own."""
    reference, runs_dir, hold = tmp_path / "reference", tmp_path / "runs", tmp_path / "hold"
    assert run(reference, "seed=7", "threads=1").returncode == 0
    hold.mkdir()
    for epoch in (2, 4):
        (hold / str(epoch)).touch()
    ((config_hash, expected),) = points(f"sqlite:///{reference}/mlflow.db").items()

    def arrived():
        """Epochs of which the server knows."""
        sent = open_store(server.address).search_runs(["1"], f"tags.config_hash = '{config_hash}'")
        return len(open_store(server.address).get_metric_history(sent[0].info.run_id, "train/loss")) if sent else 0

    server.stop()
    training = subprocess.Popen(
        command(runs_dir, "seed=7", "threads=1", f"tracking_uri={server.address}"),
        cwd=ROOT,
        env={**os.environ, "HOLD": str(hold)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: epochs(runs_dir) == [1])
    server.start()
    (hold / "2").unlink()
    until(lambda: arrived() == 3)
    server.stop()
    (hold / "4").unlink()
    _, shown = training.communicate(timeout=SECONDS)
    print(shown)
    assert training.returncode == 5
    assert re.fullmatch(rf"error: tracking_uri={server.address}: .* the same command sends it .*\n", shown)
    assert weights(runs_dir) == weights(reference)

    server.start()
    assert arrived() == 3
    sending = subprocess.run(
        [sys.executable, "-m", "ce_harness.tracking.resend", runs_dir, server.address],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (sending.returncode, sending.stdout) == (0, "1 run brought up to date\n")
    assert points(server.address)[config_hash] == expected
