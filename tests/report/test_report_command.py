"""``python report.py`` as a user meets it."""

import subprocess
import sys

import pandas as pd
import pytest
from synthetic import Run, runs

import report
from ce_harness import tracking


def test_an_unknown_study_names_the_nearest(capsys):
    assert report.main(["demoo"]) == 2
    assert capsys.readouterr().err == "error: no study 'demoo' in experiments/; did you mean 'demo'?\n"


def test_the_traceback_only_when_asked_for(monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(report.ConfigError):
        report.main(["demoo"])


def test_no_store_is_a_tracking_error(tmp_path, capsys):
    assert report.main(["demo", "--tracking-uri", f"sqlite:///{tmp_path / 'none.db'}"]) == 5
    assert capsys.readouterr().err.count("\n") == 1


def test_an_empty_store_has_too_few_runs(runs_dir, capsys):
    assert report.main(["demo", "--tracking-uri", f"sqlite:///{runs_dir / 'mlflow.db'}"]) == 8
    assert "python run.py -m experiment=demo" in capsys.readouterr().err


def test_from_needs_rows(tmp_path, capsys):
    assert report.main(["demo", "--from", str(tmp_path)]) == 2
    assert "--from takes the folder of an earlier report" in capsys.readouterr().err


def test_neither_tensorflow_nor_mlflow_is_needed_to_rebuild():
    code = (
        "import sys, report\n"
        "from ce_harness.report import build, terminal\n"
        "import experiments.demo, experiments.tutorial\n"
        "print({'tensorflow', 'keras', 'mlflow', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_a_lost_artifact_is_a_tracking_error(monkeypatch, capsys):
    tracked = runs(["softmax_ce", "builtin_ce", "mse"], 2)
    monkeypatch.setattr(tracking, "read_runs", lambda uri, study: tracked)
    monkeypatch.setattr(Run, "steps", lambda run: pd.read_csv("/no/steps.npz"))
    assert report.main(["demo"]) == 5
    assert "/no/steps.npz" in capsys.readouterr().err
