"""The store: opened by many at once, away, locked, or left with runs of dead processes. No training here."""

import json
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from ce_harness.errors import DiskError, TrackingError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from ce_harness.rundir.step_norms import StepNorms, checksum
from ce_harness.tracking import background_uploader, resend, store, uploader
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.tracking.reading import read_runs
from ce_harness.tracking.store import open_store
from tests.conftest import ROOT
from tests.tracking.server import free_port, serve

COLUMNS = ["loss", "grad_norm/global"]


def recorded(runs_dir, epochs=2, name="a", ended=True, rows_of_an_epoch=None, **tags):
    """A run of two steps an epoch, as training leaves it on the disk."""
    run = RunDirectory(runs_dir / f"{name}-code")
    run.artifacts.mkdir(parents=True)
    tags = {"study": "demo", "config_hash": name, "code_digest": "code", **tags}
    dataset = {"name": "digits", "digest": "1", "source_type": "code", "source": "{}"}
    journal = run.journal()
    journal.append(
        Journal.record(
            "start", name=name, columns=COLUMNS, log_every_n_steps=1, params={"seed": "0"}, tags=tags, dataset=dataset
        )
    )
    for epoch in range(1, epochs + 1):
        rows = np.full((2, 2), float(epoch)) if rows_of_an_epoch is None else rows_of_an_epoch
        record_epoch(run, journal, epoch, rows)
    (run.artifacts / "epochs.csv").write_text("epoch,step\n")
    if ended:
        journal.append(Journal.record("test", epoch=epochs, metrics={"test/accuracy": 0.5}))
        run.end("complete")
    return run


def record_epoch(run, journal, epoch, rows):
    """Leaves what an epoch of two steps does, and the artifact that a run's end makes of it."""
    norms = StepNorms(run, COLUMNS)
    norms.append(2 * epoch - 1, rows)
    facts = {"metrics": {"train/loss": 1.0 / epoch}, "steps_crc32": checksum(rows)}
    journal.append(Journal.record("epoch", epoch=epoch, step=2 * epoch, **facts))
    norms.pack(journal.of_kind("epoch"))


def only_run(uri):
    """Status, and every point of the one run of the store."""
    client = open_store(uri)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    points = {
        key: [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, key)] for key in run.data.metrics
    }
    return run.info.status, {key: sorted(values) for key, values in points.items()}


ALL_POINTS = {
    "train/loss": [(1, 1.0), (2, 0.5)],
    "step/loss": [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0)],
    "grad_norm/global": [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0)],
    "test/accuracy": [(2, 0.5)],
}


@pytest.mark.slow
def test_eight_processes_may_be_the_first(tmp_path):
    program = f"""
import os
from ce_harness.tracking.store import experiment_id, open_store
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        print(experiment_id(open_store("sqlite:///{tmp_path}/mlflow.db"), "demo"), flush=True)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["1"] * 8, done.stderr[-2000:]


def test_a_folder_whose_name_says_something_in_a_uri_is_that_folder(tmp_path):
    folder = tmp_path / "50%20 #1?"
    uri = store.store_in(folder)
    BackgroundUploader(recorded(folder), uri, "demo").finish()
    assert only_run(uri) == ("FINISHED", ALL_POINTS)
    assert all(folder in path.parents for path in tmp_path.rglob("*") if path.is_file())
    assert list(folder.glob("artifacts/demo/*/artifacts/epochs.csv"))


def test_what_a_sqlite_store_commits_outlasts_a_power_loss(tmp_path):
    client = open_store(f"sqlite:///{tmp_path}/mlflow.db")
    with client._tracking_client.store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3  # EXTRA: the folder is synced, too


@pytest.mark.parametrize("database", ["postgresql", "postgresql+psycopg", "mysql", "mssql"])
def test_a_database_that_nobody_serves_is_told_at_once(database):
    with pytest.raises(ConnectionRefusedError):
        open_store(f"{database}://127.0.0.1:{free_port()}/mlflow")


def test_a_database_that_never_answers_is_told_within_seconds(monkeypatch):
    """As behind a firewall that swallows all packets; the client of the database would wait for minutes."""
    monkeypatch.setattr(store, "SECONDS_FOR_DATABASE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TimeoutError):
            open_store(f"postgresql://{address}/mlflow")


def test_a_locked_database_is_waited_for(runs_dir, monkeypatch):
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.1)
    run, uri = recorded(runs_dir), f"sqlite:///{runs_dir / 'mlflow.db'}"
    other = sqlite3.connect(runs_dir / "mlflow.db", check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(BackgroundUploader(run, uri, "demo").finish)
        time.sleep(1)
        assert not sending.done()
        other.rollback()
        sending.result()
    assert only_run(uri) == ("FINISHED", ALL_POINTS)


def test_a_full_disk_is_one_line_and_loses_nothing(runs_dir, monkeypatch, capfd):
    """The operating system refuses to let the database grow; MLflow would log a traceback for each try."""
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.0)
    run, uri = recorded(runs_dir, epochs=100), f"sqlite:///{runs_dir / 'mlflow.db'}"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((runs_dir / "mlflow.db").stat().st_size, hard))
    try:
        with pytest.raises(TrackingError, match=r"the store does not take the points .*disk I/O error.*same command"):
            BackgroundUploader(run, uri, "demo").finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert capfd.readouterr().err == ""
    BackgroundUploader(run, uri, "demo").finish()
    status, points = only_run(uri)
    assert (status, len(points["step/loss"])) == ("FINISHED", 200)


def test_a_store_that_refuses_points_is_told_though_mlflow_is_to_log_in_the_background(runs_dir, monkeypatch):
    """In the background MLflow would swallow the refusal."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.0)
    run, uri = recorded(runs_dir), f"sqlite:///{runs_dir / 'mlflow.db'}"
    with closing(sqlite3.connect(runs_dir / "mlflow.db")) as other:
        other.execute("CREATE TRIGGER ill BEFORE INSERT ON metrics BEGIN SELECT raise(ABORT, 'no more'); END")
        with pytest.raises(TrackingError, match="the store does not take the points .*no more"):
            BackgroundUploader(run, uri, "demo").finish()
        other.execute("DROP TRIGGER ill")
    BackgroundUploader(run, uri, "demo").finish()
    assert only_run(uri) == ("FINISHED", ALL_POINTS)


def test_training_never_waits_for_a_store_that_hangs(runs_dir, monkeypatch):
    """The feed's thread is stuck in the store; telling it of news takes no time, and leaving waits for it."""
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.1)
    monkeypatch.setattr(background_uploader, "SECONDS_BEFORE_FIRST_SEND", 0.0)
    run, uri = recorded(runs_dir, ended=False), f"sqlite:///{runs_dir / 'mlflow.db'}"
    stuck, calls = [True], []

    def hanging(uri):
        calls.append(time.monotonic())
        while stuck[0]:
            time.sleep(0.01)
        return open_store(uri)

    monkeypatch.setattr(uploader, "open_store", hanging)
    with BackgroundUploader(run, uri, "demo") as fed:
        fed.notify()
        while not calls:
            time.sleep(0.01)
        for _ in range(100):
            fed.notify()
        run.end("complete")
        assert len(calls) == 1
        stuck[0] = False
    assert only_run(uri)[0] == "FINISHED"


@pytest.mark.parametrize("away", [{1}, {2}, {3}, {1, 2, 3}])
def test_a_store_that_comes_and_goes_gets_each_point_once(runs_dir, monkeypatch, away):
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.01)
    run, uri = recorded(runs_dir), f"sqlite:///{runs_dir / 'mlflow.db'}"
    calls = iter(range(1, 100))

    def unreliable(uri):
        if next(calls) in away:
            raise ConnectionError("connection refused")
        return open_store(uri)

    monkeypatch.setattr(uploader, "open_store", unreliable)
    for _ in range(3):
        try:
            BackgroundUploader(run, uri, "demo").finish()
        except TrackingError:
            assert away == {1, 2, 3}
    assert only_run(uri) == ("FINISHED", ALL_POINTS)


def test_what_a_dead_process_left_is_closed_with_the_truth(runs_dir, capsys):
    uri = f"sqlite:///{runs_dir / 'mlflow.db'}"
    ghost = recorded(runs_dir, ended=False)
    uploader.Uploader(ghost, uri, "demo").send()
    assert only_run(uri)[0] == "RUNNING"
    resend.main([str(runs_dir)])
    status, points = only_run(uri)
    assert status == "KILLED"
    assert points == {key: values for key, values in ALL_POINTS.items() if key != "test/accuracy"}
    (tracked,) = read_runs(uri, "demo")
    assert tracked.status == "failed"
    resend.main([str(runs_dir)])
    assert capsys.readouterr().out == "1 run brought up to date\n0 runs brought up to date\n"


def test_a_run_trained_again_in_a_new_directory_is_another_run_in_mlflow(runs_dir):
    uri = f"sqlite:///{runs_dir / 'mlflow.db'}"
    first = recorded(runs_dir, ended=False)
    BackgroundUploader(first, uri, "demo").finish()
    shutil.rmtree(first.path)
    BackgroundUploader(recorded(runs_dir), uri, "demo").finish()
    client = open_store(uri)
    found = client.search_runs([client.get_experiment_by_name("demo").experiment_id])
    assert sorted(run.info.status for run in found) == ["FAILED", "FINISHED"]


def test_a_damaged_record_is_named_and_the_other_runs_are_sent(runs_dir, capsys):
    uri = f"sqlite:///{runs_dir / 'mlflow.db'}"
    recorded(runs_dir, ended=False)
    damaged = runs_dir / "damaged" / "journal.jsonl"
    damaged.parent.mkdir()
    damaged.write_text('{"kind": "start", "crc32": 1}\n')
    assert resend.main([str(runs_dir)]) == DiskError.exit_code
    printed = capsys.readouterr()
    assert printed.out == "1 run brought up to date\n"
    assert str(damaged) in printed.err
    assert printed.err.count("\n") == 1
    assert only_run(uri)[0] == "KILLED"


def test_damaged_steps_are_named_and_the_store_is_not_blamed(runs_dir):
    run = recorded(runs_dir)
    run.packed_steps.write_bytes(b"")
    with pytest.raises(DiskError, match=r"steps\.npz: is damaged"):
        BackgroundUploader(run, f"sqlite:///{runs_dir / 'mlflow.db'}", "demo").finish()


def test_a_run_that_is_being_written_is_left_alone(runs_dir):
    uri = f"sqlite:///{runs_dir / 'mlflow.db'}"
    run = recorded(runs_dir, ended=False)
    uploader.Uploader(run, uri, "demo").send()
    program = f"""
from pathlib import Path
from ce_harness.rundir.directory import RunDirectory
with RunDirectory(Path({str(run.path)!r})).claimed():
    print("claimed", flush=True)
    input()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "claimed\n"
    assert resend.resend_all(runs_dir, uri) == (0, [])
    holder.communicate("\n")
    assert only_run(uri)[0] == "RUNNING"


@pytest.mark.slow
def test_what_a_server_missed_arrives_when_it_is_back(runs_dir, migrated_store, tmp_path, monkeypatch):
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.01)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    (tmp_path / "server.db").write_bytes(migrated_store.read_bytes())
    run = recorded(runs_dir)
    with pytest.raises(TrackingError, match=rf"{address}.*the run is safe in .*; the same command sends it"):
        BackgroundUploader(run, address, "demo").finish()
    with serve(tmp_path, port):
        resend.main([str(runs_dir), address])
        assert only_run(address) == ("FINISHED", ALL_POINTS)
        (tracked,) = read_runs(address, "demo")
        assert list(tracked.epochs().columns) == ["epoch", "step"]  # the artifact, over HTTP
        assert json.loads((run.path / "mlflow.json").read_text())["closed_as"] == "complete"

        assert resend.resend_all(runs_dir, address) == (0, [])
        open_store(address).delete_run(tracked.run_id)  # on purpose: it stays in the trash
        assert run.settled(address, "demo")
        assert resend.resend_all(runs_dir, address) == (0, [])
        assert read_runs(address, "demo") == []
        backend = SqlAlchemyStore(f"sqlite:///{tmp_path / 'server.db'}", "artifacts")
        backend._hard_delete_run(tracked.run_id)  # as `mlflow gc` does it, behind our back: the server is asked
        assert resend.resend_all(runs_dir, address) == (1, [])
        assert only_run(address) == ("FINISHED", ALL_POINTS)
