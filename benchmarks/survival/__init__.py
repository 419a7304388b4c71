"""A run that is killed, or trained in another way: does it end with the same points and the same weights?

Command: python -m benchmarks survival    (2 to 3 minutes on 2 cores)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from ce_harness.config import checked, config_hash
from ce_harness.report.study import Table
from ce_harness.rundir.directory import RunDirectory
from ce_harness.startup import import_tensorflow

# Dropout and Adam have a state that a checkpoint must hold.
SETTINGS = ("model=convnet", "optimizer=adam", "learning_rate=0.003", "dataset.limit=64", "batch_size=16", "epochs=3",
            "log_every_n_steps=2", "threads=1")  # fmt: skip
WHAT = "64 digits, convnet with dropout, Adam, 3 epochs of 4 steps"


def killed_runs() -> Table:
    """A run for each point at which it is killed: what its death left, and what the second call made of it."""
    import_tensorflow()
    from benchmarks.survival.kill_points import POINTS, kill
    from ce_harness.training import train_and_evaluate

    with tempfile.TemporaryDirectory() as folder:
        undisturbed = _config(folder, "undisturbed")
        train_and_evaluate(undisturbed)
        expected, weights = _points(undisturbed), _weights(undisturbed)
        killed = {point: _config(folder, point) for point in POINTS}
        kill(killed)
        rows = [{"killed": point, **_left_by(config)} for point, config in killed.items()]
        for row, config in zip(rows, killed.values(), strict=True):
            train_and_evaluate(config)
            found = _points(config)
            row["points in the end"] = found.total()
            row["differing points"] = ((found - expected) + (expected - found)).total()
            row["equal weights"] = _weights(config) == weights
    return Table(
        f"A run killed with SIGKILL at {len(rows)} points, and what the next call made of it",
        pd.DataFrame(rows),
        notes=(
            f"{WHAT}. Whole epochs (in the journal), checkpoints, outcome and points in MLflow are what was there when "
            "it had died. A thread feeds MLflow while the training goes on: how far it has come is chance.",
            f"A point is a metric of the run in MLflow at a step; the undisturbed run has {expected.total()}. "
            "One differs if it is missing, there twice, or of another value in any bit.",
        ),
    )


def equal_hashes() -> Table:
    """The same run, trained in four ways."""
    import_tensorflow()
    from benchmarks.survival.kill_points import kill
    from ce_harness.training import train_and_evaluate

    point = "in the middle of epoch 2"
    with tempfile.TemporaryDirectory() as folder:
        ways = {way: _config(folder, way) for way in ("alone", "in a sweep", f"killed {point}, resumed", "from Python")}
        alone, swept, resumed, called = ways.values()
        _run(alone)
        _run(swept, "-m", "seed=0,1")
        kill({point: resumed})
        _run(resumed)
        train_and_evaluate(called)
        expected = _points(alone)
        rows = [
            {
                "trained": way,
                "points": _points(config).total(),
                "equal to the first": _points(config) == expected,
                "SHA-256 of the weights": _weights(config),
            }
            for way, config in ways.items()
        ]
    return Table("One run, trained in four ways", pd.DataFrame(rows), notes=(f"{WHAT}.",))


def _config(folder: str, name: str) -> DictConfig:
    """Of a run in a folder and a store of its own; to make the tables of one takes MLflow seconds, a copy none."""
    from ce_harness.tracking.store import open_store

    fresh, runs_dir = Path(folder) / "mlflow.db", Path(folder) / name
    open_store(f"sqlite:///{fresh}")
    runs_dir.mkdir()
    shutil.copy(fresh, runs_dir)
    with initialize_config_dir(str(Path("conf").absolute()), version_base="1.3"):
        return compose("config", [*SETTINGS, f"runs_dir='{runs_dir}'"])


def _run(config: DictConfig, *words: str) -> None:
    command = [sys.executable, "run.py", *words, *SETTINGS, f"runs_dir='{config.runs_dir}'"]
    subprocess.run(command, check=True, capture_output=True)


def _left_by(config: DictConfig) -> dict[str, object]:
    run = RunDirectory.of(checked(config))
    return {
        "whole epochs": len(run.journal().of_kind("epoch")),
        "checkpoints": len(list(run.checkpoints.glob("*.ckpt"))),
        "outcome": (run.outcome or {}).get("status", "none"),
        "points in MLflow": _points(config).total(),
    }


def _points(config: DictConfig) -> Counter:
    """How often MLflow holds each (metric, step, value) of the run, however many MLflow runs it has."""
    from ce_harness.tracking.store import open_store

    client = open_store(config.tracking_uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    wanted = f"tags.config_hash = '{config_hash(checked(config))}'"
    runs = client.search_runs(experiments, wanted)
    return Counter(
        (key, point.step, point.value)
        for run in runs
        for key in run.data.metrics
        for point in client.get_metric_history(run.info.run_id, key)
    )


def _weights(config: DictConfig) -> str:
    return RunDirectory.of(checked(config)).outcome["weights"]


TABLES = {"killed_runs": killed_runs, "equal_hashes": equal_hashes}
