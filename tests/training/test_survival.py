"""A run that is killed, wherever, continues as if nothing had happened: the same points, files and scores."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from benchmarks.survival.kill_points import POINTS, kill
from ce_harness.config import checked
from ce_harness.errors import ConfigError, DiskError, LockedError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking import background_uploader, store
from ce_harness.tracking.store import open_store
from ce_harness.training import saving, train_and_evaluate
from ce_harness.training.saving import SaveEpochs
from tests.conftest import ROOT, TINY

RUN = ("optimizer=adam", "learning_rate=0.01", "log_every_n_steps=2")
RECORDS = ("artifacts", "journal.jsonl", "lock", "mlflow.json", "outcome.json")


@pytest.fixture(autouse=True)
def every_epoch_is_saved(monkeypatch):
    """These runs take less time than lies between two saves; a longer one is saved more often than never."""
    monkeypatch.setattr(saving, "SECONDS_BETWEEN_SAVES", 0.0)


def everything(config):
    """All that a run leaves: its outcome, its artifacts, its journal, and every point and tag in the store."""
    run = RunDirectory.of(checked(config))
    client = open_store(config.tracking_uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == config.mlflow_experiment]
    (stored,) = client.search_runs([experiment.experiment_id])
    points = {
        key: [(point.step, point.value) for point in client.get_metric_history(stored.info.run_id, key)]
        for key in stored.data.metrics
    }
    return {
        "outcome": run.outcome | {"journal": ""},  # which has times
        "leftovers": sorted(path.name for path in run.path.iterdir() if path.name not in RECORDS),
        "artifacts": {path.name: path.read_bytes() for path in run.artifacts.iterdir()},
        "stored artifacts": sorted(item.path for item in client.list_artifacts(stored.info.run_id)),
        "journal": [{k: v for k, v in record.items() if k != "time_ms"} for record in run.journal().records],
        "points": {key: sorted(values) for key, values in points.items()},
        "status": (stored.info.status, stored.data.tags["status"]),
    }


@pytest.fixture(scope="module")
def killed(tmp_path_factory, migrated_store):
    """Per kill point, the config of a run whose process was killed there."""
    configs = {}
    with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
        for name in POINTS:
            runs_dir = tmp_path_factory.mktemp("killed")
            shutil.copy(migrated_store, runs_dir / "mlflow.db")
            configs[name] = compose("config", [*TINY, *RUN, f"runs_dir={runs_dir}"])
    kill(configs)
    return configs


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, migrated_store):
    runs_dir = tmp_path_factory.mktemp("undisturbed")
    shutil.copy(migrated_store, runs_dir / "mlflow.db")
    with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
        config = compose("config", [*TINY, *RUN, f"runs_dir={runs_dir}"])
    train_and_evaluate(config)
    return everything(config)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_anywhere_ends_like_an_undisturbed_one(killed, undisturbed, point):
    train_and_evaluate(killed[point])
    after = everything(killed[point])
    for part, expected in undisturbed.items():
        assert after[part] == expected, part


def interrupted_after(config, epoch, monkeypatch, error=KeyboardInterrupt):
    """Stops a run the way Ctrl-C does, just after the given epoch is on disk."""
    original = SaveEpochs.on_epoch_end

    def stop(self, number, logs=None):
        original(self, number, logs)
        if number + 1 == epoch:
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(SaveEpochs, "on_epoch_end", stop)
        with pytest.raises(error):
            train_and_evaluate(config)


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("optimizer=sgd", "learning_rate=0.05"),  # with momentum
        (
            "model=convnet",  # with dropout
            "optimizer=adam",
            "learning_rate=0.003",
            "learning_rate_schedule=cosine",
            "warmup_epochs=1",
            "clip_norm=0.5",
            "precision=mixed_bfloat16",
            "early_stopping={metric: val/accuracy, patience: 2}",
            "dataset.augmentation={horizontal_flip: true, shift: 1}",
        ),
    ],
    ids=["momentum", "all options"],
)
def test_every_state_continues_bit_for_bit(composed, make_runs_dir, monkeypatch, overrides):
    straight, stopped = (composed(*overrides, f"runs_dir={make_runs_dir(name)}") for name in ("straight", "stopped"))
    train_and_evaluate(straight)
    interrupted_after(stopped, 2, monkeypatch)
    train_and_evaluate(stopped)
    assert everything(stopped) == everything(straight)


@pytest.mark.slow
def test_alone_in_a_sweep_or_again_it_is_the_same_run(undisturbed, runs_dir):
    """A sweep's worker computes the bits of a call from Python; then the run is complete for everybody, at once."""

    def command(*words):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = [sys.executable, "run.py", *words, *TINY, *RUN, f"runs_dir={runs_dir}"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    swept, _ = command("-m", "seed=0,1")
    assert swept.returncode == 0, swept.stderr
    outcomes = [json.loads(path.read_bytes()) for path in runs_dir.glob("*/outcome.json")]
    weights = [outcome["weights"] for outcome in outcomes]
    assert len(set(weights)) == 2
    assert undisturbed["outcome"]["weights"] in weights
    again, seconds = command("seed=0")
    assert (again.returncode, again.stderr) == (0, "")
    assert "was complete  test: accuracy" in again.stdout
    assert seconds < 2  # of CPU: the wall clock is the machine's


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "KILLED"), (RuntimeError, "FAILED")])
def test_mlflow_never_shows_a_ghost(composed, monkeypatch, error, status):
    config = composed(*RUN)
    interrupted_after(config, 1, monkeypatch, error)
    client = open_store(config.tracking_uri)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert (run.info.status, run.data.tags["status"]) == (status, "failed")
    train_and_evaluate(config)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "complete")


@pytest.mark.parametrize("damage", ["torn", "altered"])
def test_a_damaged_checkpoint_is_passed_over(composed, undisturbed, monkeypatch, damage):
    config = composed(*RUN)
    interrupted_after(config, 2, monkeypatch)
    newest = max(RunDirectory.of(checked(config)).checkpoints.glob("*.ckpt"))
    content = bytearray(newest.read_bytes())
    if damage == "torn":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    train_and_evaluate(config)
    assert everything(config) == undisturbed


KERAS_STOPS = {"_target_": "keras.callbacks.EarlyStopping", "monitor": "val_accuracy", "mode": "max", "patience": 2}


@pytest.mark.parametrize(("callbacks", "patience"), [({}, 2), ({"stop": KERAS_STOPS}, "null")])
def test_a_run_that_was_told_to_stop_ends_there(composed, monkeypatch, callbacks, patience):
    """Killed twice just before it was marked as complete; the second time its newest checkpoint is torn, too."""
    early_stopping = f"early_stopping={{metric: val/accuracy, patience: {patience}}}"
    config = composed("learning_rate=3", "epochs=40", early_stopping)
    config.callbacks = callbacks
    run = RunDirectory.of(checked(config))
    ends = []

    def killed(self, status, **fields):
        ends.append({"status": status, **fields})
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "end", killed)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                train_and_evaluate(config)
    newest = max(run.checkpoints.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    train_and_evaluate(config)
    known_at_the_end = {name: run.outcome[name] for name in ("run", "journal", "artifacts")}
    assert [end | known_at_the_end for end in ends] == [run.outcome] * 2
    assert 3 <= len(run.journal().of_kind("epoch")) < 40


def test_an_altered_journal_is_refused_in_one_line_and_nothing_is_touched(composed, undisturbed, monkeypatch):
    config = composed(*RUN)
    interrupted_after(config, 2, monkeypatch)
    path = RunDirectory.of(checked(config)).path / "journal.jsonl"
    whole = path.read_bytes()
    damaged = whole.replace(b"0.", b"1.", 1)
    path.write_bytes(damaged)
    with pytest.raises(DiskError, match=r"journal.jsonl: line \d: is not what was written; restore the file"):
        train_and_evaluate(config)
    assert path.read_bytes() == damaged
    path.write_bytes(whole)
    train_and_evaluate(config)
    assert everything(config) == undisturbed


@pytest.mark.parametrize("lost", ["epochs", "norms", "checkpoints"])
def test_what_the_disk_has_lost_is_trained_again(composed, undisturbed, monkeypatch, lost):
    """As after a power loss: the epochs' records, the steps' norms, or the checkpoints are gone."""
    config = composed(*RUN)
    interrupted_after(config, 2, monkeypatch)
    run = RunDirectory.of(checked(config))
    if lost == "epochs":
        journal = run.journal().path
        journal.write_bytes(journal.read_bytes().partition(b"\n")[0] + b"\n")
    elif lost == "norms":
        run.steps.unlink()
    else:
        shutil.rmtree(run.checkpoints)
    train_and_evaluate(config)
    assert everything(config) == undisturbed


def test_a_resume_under_another_fingerprint_needs_a_clear_word(composed, monkeypatch):
    config = composed(*RUN)
    interrupted_after(config, 1, monkeypatch)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # stands in the fingerprint
    with pytest.raises(ConfigError, match="the run began under .*onednn=default.*allow_inexact_resume=true"):
        train_and_evaluate(config)
    config.allow_inexact_resume = True
    train_and_evaluate(config)
    client = open_store(config.tracking_uri)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert "onednn=0" in run.data.tags["inexact_resume"]


def test_a_second_process_is_told_who_holds_the_run(composed):
    config = checked(composed(*RUN))
    with (
        RunDirectory.of(config).claimed(),
        pytest.raises(LockedError, match=rf"is being written by process {os.getpid()} on "),
    ):
        train_and_evaluate(config)


def test_a_store_that_is_away_loses_nothing(composed, undisturbed, monkeypatch):
    """The store can't be written while training goes on and when it ends; the next call sends everything."""
    from ce_harness.errors import TrackingError

    config = composed(*RUN)
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.1)
    folder, away = Path(config.runs_dir), Path(f"{config.runs_dir}/away")
    (folder / "mlflow.db").rename(away)
    (folder / "mlflow.db").mkdir()  # SQLite can't open a folder
    with pytest.raises(TrackingError, match="the run is safe in .*; the same command sends it"):
        train_and_evaluate(config)
    (folder / "mlflow.db").rmdir()
    away.rename(folder / "mlflow.db")
    train_and_evaluate(config)
    assert everything(config) == undisturbed


def test_a_store_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    """MLflow takes seconds to make its tables, and can't go on from half of them."""
    path = tmp_path / "mlflow.db"

    def killed_half_way(uri):
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"half of the tables")
        raise SystemExit

    monkeypatch.setattr(store, "MlflowClient", killed_half_way)
    for _ in range(2):  # the second starts from scratch
        with pytest.raises(SystemExit):
            open_store(f"sqlite:///{path}")
        assert not path.exists()


def test_what_a_kill_left_of_making_a_store_is_cleared_away(tmp_path, monkeypatch):
    """The tables are in their place, and the folder in which they were made is still there."""
    path, aside = tmp_path / "mlflow.db", tmp_path / "mlflow.db.new"
    with monkeypatch.context() as patched:
        patched.setattr(store.shutil, "rmtree", lambda *_, **__: None)
        open_store(f"sqlite:///{path}")
    assert path.exists()
    assert aside.exists()
    open_store(f"sqlite:///{path}")
    assert not aside.exists()


def test_a_full_disk_is_one_line_and_costs_nothing(composed, undisturbed, monkeypatch):
    """The operating system refuses to let any file grow beyond 6 kB, as a full disk would."""

    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.1)
    config = composed(*RUN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(DiskError, match=r"can't be written \(File too large\); make room, or set runs_dir=FOLDER"):
            train_and_evaluate(config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    train_and_evaluate(config)
    assert everything(config) == undisturbed


@pytest.mark.slow
def test_sigterm_ends_a_command_with_130_and_the_truth_in_mlflow(composed):
    """Also: while the command runs, a second one is told by which process the run is held."""
    config = composed(*RUN, "epochs=100000")
    overrides = [*TINY, *RUN, "epochs=100000", f"runs_dir={config.runs_dir}"]
    command = subprocess.Popen([sys.executable, "run.py", *overrides], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    journal = RunDirectory.of(checked(config)).path / "journal.jsonl"
    while command.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < 3):
        time.sleep(0.1)
    with pytest.raises(LockedError, match=f"process {command.pid} on "):
        train_and_evaluate(config)
    command.terminate()
    _, printed = command.communicate(timeout=60)
    assert (command.returncode, printed) == (130, "interrupted; the same command continues\n")
    client = open_store(config.tracking_uri)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "KILLED"


class StopAtOnce(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = True


def test_only_whole_epochs_are_kept_even_if_someone_stops_within_one(composed):
    config = composed("batch_size=1")  # 64 steps, of which 50 are done when the callback is asked
    config.callbacks = {"stop": {"_target_": "tests.training.test_survival.StopAtOnce"}}
    train_and_evaluate(config)
    with np.load(RunDirectory.of(checked(config)).artifacts / "steps.npz") as steps:
        assert steps["values"].shape[0] == 64
        assert steps["values"].all()


def test_steps_are_measured_through_a_resume(composed, monkeypatch):
    config = composed(*RUN)
    interrupted_after(config, 2, monkeypatch)
    train_and_evaluate(config)
    with np.load(RunDirectory.of(checked(config)).artifacts / "steps.npz") as steps:
        assert steps["values"].shape[0] == 12
