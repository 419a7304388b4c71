"""A run whose store is another one than before, or lost it: all of it arrives, and nothing believes that it had."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from ce_harness.errors import ConfigError, TrackingError
from ce_harness.rundir import upload_state
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from ce_harness.rundir.sealed import seal, unseal
from ce_harness.rundir.upload_state import Position, stores_kept_open
from ce_harness.tracking import background_uploader, dashboard, resend
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.tracking.reading import read_runs
from ce_harness.tracking.run_tags import tag_runs
from ce_harness.tracking.store import open_store
from tests.tracking.test_store import ALL_POINTS, only_run, record_epoch, recorded

ALL = ("FINISHED", ALL_POINTS)


@pytest.fixture
def store(runs_dir):
    return f"sqlite:///{runs_dir / 'mlflow.db'}"


@pytest.fixture
def other(tmp_path, migrated_store):
    (tmp_path / "other").mkdir()
    shutil.copy(migrated_store, tmp_path / "other" / "mlflow.db")
    return f"sqlite:///{tmp_path / 'other' / 'mlflow.db'}"


def experiments(uri):
    """Experiment -> names of the runs in it."""
    client = open_store(uri)
    found = {e.name: client.search_runs([e.experiment_id]) for e in client.search_experiments()}
    return {name: [run.info.run_name for run in runs] for name, runs in found.items() if runs}


def test_a_run_that_went_to_one_store_goes_whole_to_another(runs_dir, store, other):
    run = recorded(runs_dir, ended=False)
    BackgroundUploader(run, store, "demo").finish()
    run.journal().append(Journal.record("test", epoch=2, metrics={"test/accuracy": 0.5}))
    run.end("complete")
    for uri in (other, store):  # which has a part of it
        assert not run.settled(uri, "demo")
        BackgroundUploader(run, uri, "demo").finish()
        assert run.settled(uri, "demo")
        assert only_run(uri) == ALL


def test_a_run_goes_to_another_experiment_as_a_run_of_its_own(runs_dir, store):
    run = recorded(runs_dir)
    BackgroundUploader(run, store, "demo").finish()
    assert not run.settled(store, "mine")
    BackgroundUploader(run, store, "mine").finish()
    assert experiments(store) == {"demo": ["a"], "mine": ["a"]}


def begin_the_file_anew(store, migrated_store):
    shutil.copy(migrated_store, store.removeprefix("sqlite:///"))  # as another run would make it


def put_the_run_into_the_trash(store):
    """As the UI does it; returns the run's id."""
    client = open_store(store)
    (run,) = client.search_runs([client.get_experiment_by_name("demo").experiment_id])
    client.delete_run(run.info.run_id)
    return run.info.run_id


def empty_the_trash(store, _):
    run_id = put_the_run_into_the_trash(store)
    SqlAlchemyStore(store, "artifacts")._hard_delete_run(run_id)  # as `mlflow gc` does it


@pytest.mark.parametrize("lose", [begin_the_file_anew, empty_the_trash])
def test_what_a_store_has_lost_arrives_again(runs_dir, store, migrated_store, lose):
    run = recorded(runs_dir)
    BackgroundUploader(run, store, "demo").finish()
    assert run.settled(store, "demo")
    lose(store, migrated_store)
    assert not run.settled(store, "demo")
    assert resend.resend_all(runs_dir, store) == (1, [])
    assert only_run(store) == ALL
    (runs_dir / "mlflow.db").unlink()
    assert not run.settled(store, "demo")


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_that_somebody_deleted_in_the_store_stays_in_its_trash(runs_dir, store, ended, monkeypatch):
    run = recorded(runs_dir, ended=ended)
    BackgroundUploader(run, store, "demo").finish("interrupted")
    run_id = put_the_run_into_the_trash(store)
    assert run.settled(store, "demo")
    assert resend.main([str(runs_dir)]) == 0
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # as the dashboard does for good
    monkeypatch.setattr(os, "execv", lambda *_: None)  # becomes the server
    dashboard.main([str(runs_dir)])
    assert experiments(store) == {}
    tag_runs(store, {run_id: {"sweep": "demo-1"}})
    assert experiments(store) == {}
    assert "sweep" not in open_store(store).get_run(run_id).data.tags


def test_a_run_that_goes_on_leaves_the_trash(runs_dir, store):
    run = recorded(runs_dir, ended=False)
    BackgroundUploader(run, store, "demo").finish("interrupted")
    run_id = put_the_run_into_the_trash(store)
    run.journal().append(Journal.record("test", epoch=2, metrics={"test/accuracy": 0.5}))
    run.end("complete")
    assert not run.settled(store, "demo")
    BackgroundUploader(run, store, "demo").finish()
    assert only_run(store) == ALL
    assert run.sent()["run_id"] == run_id


def test_what_is_unsent_goes_to_the_experiment_it_was_meant_for(runs_dir, store, monkeypatch):
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError):
        BackgroundUploader(recorded(runs_dir), "http://127.0.0.1:9", "mine").finish()
    recorded(runs_dir, name="b")  # of which no store was ever told
    assert resend.main([str(runs_dir)]) == 0
    assert experiments(store) == {"demo": ["b"]}  # the other is not this store's
    assert resend.main([str(runs_dir), store]) == 0
    assert experiments(store) == {"mine": ["a"], "demo": ["b"]}


def test_runs_and_their_store_may_move_together(runs_dir, store):
    BackgroundUploader(recorded(runs_dir), store, "demo").finish()
    moved = runs_dir.rename(runs_dir.with_name("moved"))
    assert resend.resend_all(moved, f"sqlite:///{moved / 'mlflow.db'}") == (0, [])


def test_a_position_of_an_earlier_version_counts_if_the_store_has_the_run(runs_dir, store, other):
    run = recorded(runs_dir)
    BackgroundUploader(run, store, "demo").finish()
    path = run.path / "mlflow.json"
    state = unseal(path.read_bytes(), str(path))
    path.write_bytes(seal({key: state[key] for key in ("run_id", "records", "closed_as")}))
    assert run.settled(store, "demo")
    assert not any(run.settled(*place) for place in ((store, "mine"), (other, "demo"), ("http://127.0.0.1:9", "demo")))


def test_a_position_names_a_server_and_not_who_asks_it(tmp_path):
    path = tmp_path / "mlflow.json"
    position = Position(path, "https://me:hunter2@host/mlflow?password=hunter2", "demo")
    position.run_id = "a"
    position.save()
    assert json.loads(path.read_text())["store"] == "https://host/mlflow"
    assert Position(path, "https://you:hunter3@host/mlflow", "demo").run_id == "a"
    assert Position(path, "https://host/other", "demo").run_id is None


@pytest.mark.parametrize("command", [resend.main, dashboard.main])
def test_a_store_that_cannot_be_opened_is_one_line(tmp_path, command, capsys):
    (tmp_path / "mlflow.db").mkdir()
    assert command([str(tmp_path)]) == TrackingError.exit_code
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: tracking_uri=sqlite:///{tmp_path}/mlflow.db: the store can't be opened (")
    assert shown.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_line(tmp_path, capsys):
    assert resend.main([str(tmp_path / "rums")]) == ConfigError.exit_code
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "rums").exists()


def test_a_deleted_experiment_is_named_in_one_line(runs_dir, store, monkeypatch, capsys):
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.0)
    BackgroundUploader(recorded(runs_dir), store, "demo").finish()
    client = open_store(store)
    client.delete_experiment(client.get_experiment_by_name("demo").experiment_id)
    assert resend.main([str(runs_dir)]) == 0
    recorded(runs_dir, name="b")
    assert resend.main([str(runs_dir)]) == TrackingError.exit_code
    printed = capsys.readouterr()
    assert "the experiment demo is deleted; `mlflow experiments restore --experiment-id 1`, or set" in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_artifacts_lie_beside_the_store_wherever_it_is(runs_dir, store, move):
    run = recorded(runs_dir, ended=False)
    BackgroundUploader(run, store, "demo").finish()
    BackgroundUploader(recorded(runs_dir, name="b"), store, "demo").finish()
    moved = runs_dir.with_name("moved")
    move(runs_dir, moved)
    there = f"sqlite:///{moved / 'mlflow.db'}"
    RunDirectory(moved / run.path.name).end("complete")
    assert resend.resend_all(moved, there) == (1, [])
    for tracked in read_runs(there, "demo"):
        assert tracked.content("epochs.csv") == b"epoch,step\n"
    written = [path.relative_to(moved) for path in moved.glob("artifacts/demo/*/artifacts/epochs.csv")]
    assert len(written) == 2
    if runs_dir.exists():  # the original of a copy is as it was
        assert len(list(runs_dir.glob("artifacts/demo/*/artifacts/epochs.csv"))) == 1
        assert [run.status for run in read_runs(store, "demo")] == ["failed", "complete"]


def test_a_store_put_back_from_a_backup_gets_what_it_lacks(runs_dir, store, tmp_path):
    run = recorded(runs_dir, ended=False)
    BackgroundUploader(run, store, "demo").finish()
    shutil.copy(runs_dir / "mlflow.db", tmp_path / "backup.db")
    record_epoch(run, run.journal(), 3, np.full((2, 2), 3.0))
    run.end("complete")
    BackgroundUploader(run, store, "demo").finish()
    whole = only_run(store)
    shutil.copy(tmp_path / "backup.db", runs_dir / "mlflow.db")
    assert only_run(store) != whole
    assert not run.settled(store, "demo")
    BackgroundUploader(run, store, "demo").finish()
    assert only_run(store) == whole
    open_store(store).update_run(run.sent()["run_id"], status="RUNNING")  # of which all points are there
    assert not run.settled(store, "demo")
    assert resend.resend_all(runs_dir, store) == (1, [])
    assert only_run(store) == whole


def test_looks_in_turn_share_a_connection_and_see_what_changes(runs_dir, store, monkeypatch):
    run = recorded(runs_dir)
    BackgroundUploader(run, store, "demo").finish()
    opened = []
    connect = upload_state._connect
    monkeypatch.setattr(upload_state, "_connect", lambda database: opened.append(database) or connect(database))
    with stores_kept_open():
        assert [run.settled(store, "demo") for _ in range(3)] == [True] * 3
        open_store(store).update_run(run.sent()["run_id"], status="RUNNING")
        assert not run.settled(store, "demo")
    assert opened == [runs_dir / "mlflow.db"]
    assert not run.settled(store, "demo")
    assert len(opened) == 2


def test_names_that_a_store_cannot_take_are_translated(runs_dir, store):
    keys = {
        "top@5": "top_5",
        "top_5": "top_5_2",
        "weight(norm)": "weight_norm_",
        "a,b": "a_b",
        "a=b": "a_b_2",
        "a'b": "a_b_3",
        "": "_",
        ".": "__2",
        "../up": "__/up",
        "a//b/": "a/b",
        "kopf é": "kopf é",
        "a:b": "a:b",
        "x" * 251: f"{'x' * 230}_{hashlib.sha256(b'x' * 251).hexdigest()[:8]}",
    }
    run = recorded(runs_dir, epochs=0, ended=False)
    run.journal().append(Journal.record("test", epoch=0, metrics={name: float(i) for i, name in enumerate(keys)}))
    run.end("complete")
    BackgroundUploader(run, store, "demo").finish()
    _, points = only_run(store)
    assert points == {key: [(0, float(i))] for i, key in enumerate(keys.values())}
