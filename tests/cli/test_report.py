"""``python report.py`` as a user meets it."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ce_harness.cli import report
from ce_harness.tracking import reading
from tests.report.synthetic import Run, runs


def test_an_unknown_study_names_the_nearest(capsys):
    assert report.main(["demoo"]) == 2
    assert capsys.readouterr().err == "error: no study 'demoo' comes with ce_harness; did you mean 'demo'?\n"


def test_help_lists_the_studies_with_their_questions(capsys):
    with pytest.raises(SystemExit):
        report.main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "demo On digits with LeNet-5, does softmax + cross-entropy beat MSE at the same learning rate?" in told
    assert "tutorial Do the source tutorial's own numbers come out?" in told


def test_every_tracked_run_of_a_study_is_a_line_of_one_csv_file(tracked, tmp_path, capsys):
    file = tmp_path / "all.csv"
    tracked[0].name = "=1+1"
    assert report.main(["--losses", "mse,builtin_ce", "--study", "mine", "--runs-csv", str(file)]) == 0
    frame = pd.read_csv(file)
    assert len(frame) == len(tracked) == 18
    assert frame.loc[0, "run"] == "'=1+1"  # text for a spreadsheet
    assert frame.groupby("loss")["test/accuracy"].mean()["mse"] == pytest.approx(0.90, abs=0.02)
    assert capsys.readouterr().out == f"18 runs  {file}\n"
    assert report.main(["demo", "--where", "seed=0", "--runs-csv", str(file)]) == 2
    assert "--runs-csv writes all runs as they are: give no --where" in capsys.readouterr().err


OWN = """
from ce_harness.report.study import Claim, Study

LOSSES = ["softmax_ce", "builtin_ce", "mse"]
STUDY = Study("Which?", {}, reads={"loss": LOSSES, "seed": range(6)}, claims=tuple(
    Claim(f"{loss} is as good", "test/accuracy", loss, "softmax_ce", "equal", 0.01) for loss in LOSSES[1:]))
"""


def test_a_claim_about_a_loss_that_is_not_chosen_is_none_of_the_report(tracked, tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    chosen = [f"--where=loss={loss}" for loss in ("softmax_ce", "builtin_ce")]
    assert report.main([str(tmp_path / "mine.py"), *chosen, "--slides"]) == 0
    verdicts = pd.read_csv(tmp_path / "results" / "mine" / "verdicts.csv")
    assert verdicts["claim"].tolist() == ["builtin_ce is as good"]
    assert "mine.py --slides --where=loss=softmax_ce" in (tmp_path / "results" / "mine" / "index.html").read_text()


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
        "from ce_harness.report import build\n"
        "from ce_harness.report.output import terminal\n"
        "import experiments.demo, experiments.tutorial\n"
        "print({'tensorflow', 'keras', 'mlflow', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_a_lost_artifact_is_a_tracking_error(monkeypatch, capsys):
    tracked = runs(["softmax_ce", "builtin_ce", "mse"], 2)
    monkeypatch.setattr(reading, "read_runs", lambda uri, study, must_exist=True: tracked)
    monkeypatch.setattr(Run, "content", lambda run, name: Path("/no", name).read_bytes())
    assert report.main(["demo"]) == 5
    assert "/no/epochs.csv" in capsys.readouterr().err


@pytest.fixture
def tracked(monkeypatch):
    found = runs(["softmax_ce", "builtin_ce", "mse"], 6, mse={"accuracy": 0.90})
    monkeypatch.setattr(reading, "read_runs", lambda uri, study, must_exist=True: found if study == "mine" else [])
    return found


@pytest.mark.slow
def test_any_losses_are_compared_without_a_study_file(tracked, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    losses = ["--losses", "mse,builtin_ce"]
    assert report.main([*losses, "--study", "mine", "--output", str(first)]) == 0
    verdicts = pd.read_csv(first / "verdicts.csv").set_index("claim")
    assert verdicts.loc["mse is more accurate than builtin_ce", "mean"] == pytest.approx(-0.05, abs=1e-3)
    assert set(pd.read_csv(first / "rows" / "runs.csv")["loss"]) == {"builtin_ce", "mse"}
    assert not (first / "excluded.md").exists()
    assert f"python report.py --losses mse,builtin_ce --study mine --from {first}" in (first / "index.html").read_text()
    assert report.main([*losses, "--from", str(first), "--output", str(again)]) == 0
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert [name for name in files if (first / name).read_bytes() != (again / name).read_bytes()] == []


def test_losses_are_compared_each_at_its_best_values_of_any_keys(monkeypatch, tmp_path, capsys):
    """Cross-entropy is best at momentum .9 and has no scale; MSE on logits at momentum 0 and a scale of 5."""
    momentum, scale = "optimizer.momentum", "loss.target_scale"
    best = {"softmax_ce": (0.9, None), "mse_logits": (0.0, 5.0)}
    tried = [Run(loss, seed, 0.9 + 0.03 * ((m == best[loss][0]) + (s == best[loss][1])), name=f"{loss}{m}{s}{seed}",
                 params={momentum: str(m)} | ({scale: str(s)} if s else {}))
             for loss in best for m in (0.0, 0.9) for s in ((1.0, 5.0) if loss == "mse_logits" else (None,))
             for seed in range(8)]  # fmt: skip
    monkeypatch.setattr(reading, "read_runs", lambda uri, study, must_exist=True: tried)
    losses = ["--losses", "mse_logits,softmax_ce"]
    assert report.main([*losses, "--output", str(tmp_path)]) == 2
    mend = f"tune it: --tunes learning_rate,{scale} with --losses"
    assert mend in capsys.readouterr().err
    asked = [*losses, "--tunes", f"{momentum},{scale}"]
    assert report.main([*asked, "--output", str(tmp_path / "first")]) == 0
    chosen = pd.read_csv(tmp_path / "first" / "learning_rates.csv").set_index("loss")
    assert chosen.loc["mse_logits", [momentum, scale]].tolist() == [0.0, 5.0]
    assert chosen.loc["softmax_ce", momentum] == 0.9
    verdicts = pd.read_csv(tmp_path / "first" / "verdicts.csv").set_index("claim")
    assert verdicts.loc["mse_logits is more accurate than softmax_ce", "n"] == 8
    told = f"--losses mse_logits,softmax_ce --tunes {momentum},{scale} --from"
    assert told in (tmp_path / "first" / "index.html").read_text()


def test_a_loss_that_was_never_run_names_those_that_were(tracked, tmp_path, capsys):
    assert report.main(["--losses", "mse,focal", "--study", "mine"]) == 8
    assert "no run of loss 'focal'; tracked losses: builtin_ce, mse, softmax_ce" in capsys.readouterr().err
    assert report.main(["--losses", "mse,focal"]) == 8
    assert "study 'single_runs' has no run of loss 'mse'; tracked losses: none" in capsys.readouterr().err
    assert report.main(["--losses", "mse,focal", "--config-dir", str(tmp_path)]) == 8
    assert f"run.py --config-dir {tmp_path} -m study=single_runs loss=mse,focal" in capsys.readouterr().err


def test_too_few_runs_of_two_losses_say_how_to_train_them(tracked, capsys):
    tracked[:] = [run for run in tracked if run.seed == 0]
    assert report.main(["--losses", "mse,builtin_ce", "--study", "mine"]) == 8
    assert "python run.py -m study=mine loss=mse,builtin_ce seed=0,1,2" in capsys.readouterr().err


@pytest.mark.parametrize("losses", ["mse", "mse,mse", "a,b,a", "../a,b", ""])
def test_different_losses_are_asked_for(losses, capsys):
    with pytest.raises(SystemExit) as stop:
        report.main(["--losses", losses])
    assert stop.value.code == 2
    assert "different losses are compared" in capsys.readouterr().err


def test_what_is_missing_before_any_run_is_the_whole_study(tmp_path, capsys):
    assert report.main(["demo", "--missing", "--tracking-uri", f"sqlite:///{tmp_path}/none.db"]) == 0
    (command,) = capsys.readouterr().out.splitlines()
    assert command.startswith("python run.py -m experiment=demo ")
    assert "loss=softmax_ce,builtin_ce,mse seed=0,1,2,3,4" in command
    assert command.endswith(f" tracking_uri=sqlite:///{tmp_path}/none.db")  # where this command looks for them
    assert not (tmp_path / "none.db").exists()
