"""``python run.py`` as a process of its own: what it answers without the heavy libraries, and its exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ce_harness.cli.run import told
from ce_harness.tracking.reading import read_runs
from ce_harness.tracking.store import open_store
from ce_harness.training import train_and_evaluate
from tests.conftest import ROOT, TINY

# Runs run.py and fails when it has imported a heavy library.
LIGHT = """
import runpy, sys

sys.argv[0] = {script!r}
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    heavy = {{"tensorflow", "keras", "mlflow"}} & set(sys.modules)
    if heavy:
        sys.exit(f"imported: {{heavy}}")
"""


def run(folder, *words, **environment):
    return subprocess.run(
        [sys.executable, "-c", LIGHT.format(script=os.path.join(ROOT, "run.py")), *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ROOT, **environment},
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--help"], "loss: builtin_ce, focal, "),
        (["--cfg", "job", "--help"], "loss: builtin_ce, focal, "),
        (["--cfg", "job", "loss=mse", "seed=3"], "class_reduction: sum"),
    ],
)
def test_help_and_the_config_are_shown_without_tensorflow_and_mlflow(tmp_path, words, shown):
    answer = run(tmp_path, *words)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert shown in answer.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_the_config_that_is_not_there_is_an_error_like_others(tmp_path):
    answer = run(tmp_path, "--cfg", "job", "-p", "nope")
    expected = "error: --package: package 'nope' not found in config; for example --cfg job -p dataset\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", expected)


def test_help_fits_a_screen_and_names_every_key():
    config = yaml.safe_load(Path(ROOT, "conf", "config.yaml").read_text())
    text = config["hydra"]["help"]["template"]
    keys = config.keys() - {"defaults", "hydra"}
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == set()
    groups = ["dataset", "experiment", "loss", "model", "optimizer"]
    assert len(text.splitlines()) + len(groups) <= 25  # a line for each group takes the place of their variable


def test_a_reader_who_has_enough_is_no_error(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, os.path.join(ROOT, "run.py"), "--help"]
    answer = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(writing)
    assert (answer.returncode, answer.stderr) == (141, b"")


def test_a_complete_run_that_was_deleted_in_the_store_answers_without_mlflow_and_stays_deleted(composed, runs_dir):
    train_and_evaluate(composed())
    client = open_store(f"sqlite:///{runs_dir / 'mlflow.db'}")
    (tracked,) = read_runs(client.tracking_uri, "single_runs")
    client.delete_run(tracked.run_id)
    answer = run(runs_dir, *TINY, f"runs_dir={runs_dir}")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "was complete  test: accuracy" in answer.stdout
    assert client.get_run(tracked.run_id).info.lifecycle_stage == "deleted"


def test_a_network_that_only_names_the_most_frequent_class_is_told():
    scores = {"test/accuracy": 0.4576, "test/nll": 1.01, "test/brier": 0.61, "test/majority_accuracy": 0.4576}
    line = "test: accuracy 0.4576  nll 1.0100  brier 0.6100"
    assert told(scores) == f"{line}  (no more accurate than always naming the most frequent class)"
    assert told(scores | {"test/majority_accuracy": 0.4575}) == line


def test_a_refusal_is_one_line_and_the_contracts_exit_code(tmp_path):
    answer = run(tmp_path, "-m", "learning_rate=0.1,-1")
    assert answer.returncode == 2
    assert answer.stderr == (
        "error: learning_rate=-1: allowed is a finite number above 0; for example learning_rate=0.05\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_traceback_comes_when_asked_for_and_holds_no_password(tmp_path):
    uri = "tracking_uri=ftp://me:hunter2@host"
    answer = run(tmp_path, uri, HYDRA_FULL_ERROR="1")
    assert answer.returncode == 2
    assert answer.stderr.startswith("Traceback")
    assert answer.stderr.splitlines()[-1].startswith("error: tracking_uri=ftp://***@host: allowed is ")
    assert "hunter2" not in answer.stderr + answer.stdout


def test_a_password_is_not_among_the_values_that_hydra_shows_and_keeps(tmp_path):
    answer = run(tmp_path, "--cfg", "job", "tracking_uri=http://me:hunter2@host")
    assert "tracking_uri: ${oc.env:MLFLOW_TRACKING_URI}" in answer.stdout
    assert "hunter2" not in answer.stdout
