"""A real sweep in which everything goes wrong that can: each cell pays for itself alone."""

import os
import subprocess
import sys

import pytest

from ce_harness.tracking import read_runs
from ce_harness.tracking.store import open_store
from ce_harness.tracking.sweeps import attach_report
from tests.conftest import ROOT, TINY

MODELS = """
import os, signal, sys, threading
from ce_harness.models import softmax_regression

class UnpicklableError(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()

def bad(input_shape, num_classes, how):
    print("how:", how)
    if how == "raises":
        raise UnpicklableError
    if how == "exits":
        sys.exit(3)
    if how == "is_killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return softmax_regression(input_shape, num_classes)
"""
HOW = "fine,raises,exits,is_killed"


def run(tmp_path, runs_dir, how, *flags):
    arguments = ["--config-dir", str(tmp_path / "conf"), *flags, "model=bad", *TINY[1:], f"runs_dir={runs_dir}"]
    return subprocess.run(
        [sys.executable, "run.py", *arguments, f"model.how={how}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory, migrated_store):
    tmp_path, runs_dir = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("runs")
    (tmp_path / "own_models.py").write_text(MODELS)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "bad.yaml").write_text("_target_: own_models.bad\nname: bad\nhow: ???\n")
    (runs_dir / "mlflow.db").write_bytes(migrated_store.read_bytes())
    return tmp_path, runs_dir


@pytest.fixture(scope="module")
def swept(folders):
    return run(*folders, HOW, "-m")


def test_a_failing_cell_costs_that_cell_only(swept):
    assert swept.returncode == 1
    assert "model.how=fine  complete  test: accuracy" in swept.stderr
    assert swept.stderr.endswith("error: 1 of 4 cells complete; the same command runs what is not complete\n")


@pytest.mark.parametrize(
    ("how", "exit_code", "reason"),
    [("raises", "2", "holds a lock"), ("exits", "1", "SystemExit: 3"), ("is_killed", "137", "killed by SIGKILL")],
)
def test_the_summary_names_cell_reason_and_command(swept, folders, how, exit_code, reason):
    (row,) = [line for line in swept.stderr.splitlines() if f"model.how={how} " in line and "│" in line]
    assert exit_code in row.split()
    assert reason in row
    command = f"python run.py --config-dir={folders[0] / 'conf'} model=bad {' '.join(TINY[1:])}"
    assert f"{command} runs_dir={folders[1]} model.how={how}\n" in swept.stderr


def test_what_a_cell_prints_goes_to_its_own_file(swept, folders):
    logs = {log.read_text().partition("\n")[0]: log for log in folders[1].glob("sweeps/*/cells/*.log")}
    assert set(logs) == {f"how: {how}" for how in HOW.split(",")}
    assert "UnpicklableError: holds a lock" in logs["how: raises"].read_text()
    assert "how:" not in swept.stdout + swept.stderr


def test_the_store_has_the_runs_and_one_that_says_how_they_were_made(swept, folders):
    client = open_store(f"sqlite:///{folders[1] / 'mlflow.db'}")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    sweep, run = sorted(runs, key=lambda run: "config_hash" in run.data.tags)
    assert (run.info.status, run.data.params["model.how"]) == ("FINISHED", "fine")
    assert run.data.tags["sweep"] == sweep.data.tags["sweep"]
    assert run.data.tags["mlflow.note.content"].splitlines()[0].endswith("model.how=fine`")
    assert (sweep.info.run_name, sweep.info.status) == ("single_runs: model.how", "FAILED")
    assert sweep.info.start_time <= run.info.start_time
    command = f"`python run.py --config-dir={folders[0] / 'conf'} -m model=bad {' '.join(TINY[1:])}"
    assert sweep.data.tags["mlflow.note.content"].startswith(f"{command} runs_dir={folders[1]} model.how={HOW}`")
    assert [tracked.run_id for tracked in read_runs(client.tracking_uri, "single_runs")] == [run.info.run_id]


def test_a_report_goes_to_the_run_of_the_sweep(swept, folders):
    uri = f"sqlite:///{folders[1] / 'mlflow.db'}"
    (folders[0] / "report").mkdir()
    (folders[0] / "report" / "verdicts.md").write_text("supported")
    attach_report(uri, "single_runs", folders[0] / "report")
    attach_report(uri, "never swept", folders[0] / "report")
    client = open_store(uri)
    (sweep,) = client.search_runs(
        [e.experiment_id for e in client.search_experiments()], "tags.sweep_of = 'single_runs'"
    )
    assert [item.path for item in client.list_artifacts(sweep.info.run_id, "report")] == ["report/verdicts.md"]


def test_with_nothing_to_do_it_answers_without_tensorflow(swept, folders):
    tmp_path, runs_dir = folders
    for module in ("tensorflow", "mlflow"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')")
    answer = run(tmp_path, runs_dir, "fine", "-m")
    assert (answer.returncode, answer.stderr) == (
        0,
        "1 cell: 1 ran before, 0 to run\n1 of 1 cells complete\n",
    )
