"""The studies of experiments/ from the first command to the report, with two seeds of each run and hardly any data."""

import shlex
import subprocess
import sys

import pandas as pd
import pytest

from ce_harness.cli import report
from tests.conftest import ROOT

SMALL = "epochs=1 batch_size=32 dataset.limit=60 log_every_n_steps=100"
KEPT = {"model": ["softmax_regression"], "loss": ["softmax_ce", "mse"]}
# What else of each study is kept.
CASES = {
    "mse_vs_ce_2": {
        "dataset": ["digits"],
        "optimizer": ["sgd"],
        "model.head_stddev": [None],
        "learning_rate": [0.1, 0.5, 1.0],
    },
    "number_of_classes": {"dataset.num_classes": [2, 10], "learning_rate": [0.1, 0.5]},
    "label_noise": {"dataset": ["digits"], "dataset.label_noise": [0.4], "learning_rate": [0.1, 0.5]},
    "tuning_budget": {"dataset": ["digits"], "optimizer": ["sgd"]},
}
STUDY = """
from dataclasses import replace

from experiments.{name} import STUDY

reads = STUDY.reads | {kept!r} | {{"seed": list(STUDY.reads["seed"])[:2]}}
STUDY = replace(
    STUDY, reads=reads, tuning_seeds=list(STUDY.tuning_seeds)[:1], figures={{}}, train="experiment={name} {train}"
)
"""


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "report.json"}


@pytest.mark.slow  # two sweeps of up to eight runs, each in a process of its own
@pytest.mark.parametrize("name", CASES)
def test_missing_runs_are_trained_judged_and_rebuilt_from_their_rows(name, tmp_path, runs_dir, monkeypatch, capsys):
    study, output = tmp_path / f"{name}.py", tmp_path / "first"
    study.write_text(STUDY.format(name=name, kept=KEPT | CASES[name], train=f"{SMALL} runs_dir={runs_dir}"))
    monkeypatch.chdir(ROOT)
    store = ["--tracking-uri", f"sqlite:///{runs_dir}/mlflow.db"]

    def train_what_is_missing():
        assert report.main([str(study), "--missing", *store]) == 0
        lines = capsys.readouterr().out.splitlines()
        for line in lines:
            words = shlex.split(line)
            assert words[:2] == ["python", "run.py"]
            subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True)
        return lines

    assert train_what_is_missing()
    train_what_is_missing()  # at the chosen rates, where rates are chosen
    assert train_what_is_missing() == []
    assert report.main([str(study), *store, "--output", str(output)]) == 0
    assert report.main([str(study), "--from", str(output), "--output", str(tmp_path / "again")]) == 0
    assert contents(output).keys() == contents(tmp_path / "again").keys()
    pages = ("index.html",)  # names the command that made it
    assert [name for name, one in contents(output).items() if contents(tmp_path / "again")[name] != one] == [*pages]
    verdicts = pd.read_csv(output / "verdicts.csv")
    assert set(verdicts["verdict"]) <= {"inconclusive", "equivalent"}  # of two seeds
    assert verdicts["n"].max() == 2
