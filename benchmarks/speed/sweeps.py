"""What a sweep costs: beside bare Keras scripts one after another, for each run more, and when all of it is done."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import ce_harness.config  # noqa: F401  (registers the schema)
from benchmarks.speed.aims import aim
from benchmarks.speed.training import timed
from ce_harness.report.study import Table
from ce_harness.rundir.directory import RunDirectory
from ce_harness.sweep.plan import Cell, plan

LOSSES = ("softmax_ce", "builtin_ce", "mse")
EPOCHS, BATCH_SIZE, ROUNDS = 30, 64, 3
SEEDS, MORE_SEEDS, SEEDS_DONE = 4, 12, 334
SWEPT_AT_MOST = 0.12  # of the scripts' seconds
RUN_AT_MOST = 1.1  # core-seconds
AGAIN_AT_MOST = 6
DONE_AT_MOST = 2.5  # ms: 15 s to plan 10,000 cells, 10 s to see that all are finished


def sweeps() -> Table:
    """Whole processes, in turn."""
    runs, runs_done = len(LOSSES) * SEEDS, len(LOSSES) * SEEDS_DONE
    bare = [sys.executable, "-m", "benchmarks.speed.bare", "lenet5", str(EPOCHS), "digits", str(BATCH_SIZE)]
    scripts, swept, again, per_run, alone = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            scripts.append(sum(timed(bare)["process (s)"] for _ in range(runs)))
            few, second = _swept(SEEDS, f"{folder}/few{number}"), _swept(SEEDS, f"{folder}/few{number}")
            many = _swept(MORE_SEEDS, f"{folder}/many{number}")
            swept.append(few["process (s)"])
            again.append(second["process (s)"])
            more = many["processor time (core-s)"] - few["processor time (core-s)"]
            per_run.append(more / (len(LOSSES) * (MORE_SEEDS - SEEDS)))
            alone.extend(_trained_alone())
        trained = RunDirectory(next(Path(folder).glob("few0/*/outcome.json")).parent)
        _finish(planned(_combinations(SEEDS_DONE, f"{folder}/done")), trained)
        all_done = [_swept(SEEDS_DONE, f"{folder}/done")["process (s)"] for _ in range(ROUNDS)]
    done = float(np.median(np.array(all_done) - again)) / (runs_done - runs) * 1000
    ratio = float(np.median(np.array(swept) / np.array(scripts)))
    rows = [
        {"what": f"{runs} bare Keras scripts, one after another", "unit": "s", "median": np.median(scripts)},
        {"what": "the same as one sweep, from nothing", "unit": "s", "median": np.median(swept)},
        {"what": "sweep / scripts", "unit": "", "median": ratio} | aim(ratio, SWEPT_AT_MOST),
        {"what": "a run more in a sweep", "unit": "core-s", "median": np.median(per_run)}
        | aim(float(np.median(per_run)), RUN_AT_MOST),
        {"what": "of it, what the training alone takes", "unit": "core-s", "median": np.median(alone)},
        {"what": "the same command again, nothing to do", "unit": "s", "median": np.median(again)}
        | aim(float(np.median(again)), AGAIN_AT_MOST),
        {"what": f"{runs_done:,} cells that are done", "unit": "s", "median": np.median(all_done)},
        {"what": "a cell more that is done", "unit": "ms", "median": done} | aim(done, DONE_AT_MOST),
    ]
    frame = pd.DataFrame(rows).fillna("")
    return Table(
        f"What a sweep costs: digits, LeNet-5, {EPOCHS} epochs, {len(LOSSES)} losses",
        frame,
        frame.assign(median=frame["median"].map("{:.2f}".format)),
        (
            f"Whole processes, imports included, on all cores of this machine; medians of {ROUNDS} rounds, in turn. "
            "The sweep makes its MLflow store, and keeps gradient norms of every step, journals and artifacts; the "
            f"scripts keep nothing. A run more: processor time of a sweep of {MORE_SEEDS} seeds, less that of "
            f"{SEEDS}, per run. The training alone: {EPOCHS} calls into TensorFlow and the tracing, on as many cores "
            "as the sweep, without validation, norms or records (benchmarks/speed/alone.py). The "
            f"{runs_done:,} cells that are done are copies of one run.",
        ),
    )


def _swept(seeds: int, runs_dir: str) -> dict[str, float]:
    values = [f"loss={','.join(LOSSES)}", f"seed=range({seeds})", *_common(runs_dir)]
    return timed([sys.executable, "run.py", "-m", *values])


def _trained_alone() -> list[float]:
    """Core-seconds of one run on each core at the same time, as a sweep's cells run."""
    alone = [sys.executable, "-m", "benchmarks.speed.alone", "lenet5", str(EPOCHS), "digits", str(BATCH_SIZE), "1"]
    with ThreadPoolExecutor(joblib.cpu_count()) as pool:
        printed = [measured["printed"] for measured in pool.map(timed, [alone] * joblib.cpu_count())]
    return [float(words.split()[1]) for words in printed]


def _combinations(seeds: int, runs_dir: str) -> list[Sequence[str]]:
    return [(f"loss={loss}", f"seed={seed}", *_common(runs_dir)) for loss in LOSSES for seed in range(seeds)]


def _common(runs_dir: str) -> list[str]:
    return [f"epochs={EPOCHS}", f"batch_size={BATCH_SIZE}", "threads=1", f"runs_dir={runs_dir}"]


def planned(combinations: Iterable[Sequence[str]]) -> list[Cell]:
    """The cells of a sweep, as ``python run.py -m`` plans them."""
    with initialize_config_dir(str(Path("conf").absolute()), version_base="1.3"):
        config = compose("config", return_hydra_config=True)
        return plan(GlobalHydra.instance().hydra.config_loader, config, combinations)


def _finish(cells: Sequence[Cell], trained: RunDirectory) -> None:
    """Writes what a sweep looks at in runs that are complete and known to the store."""
    from ce_harness.tracking.store import experiment_id, open_store

    config = cells[0].config
    client = open_store(config["tracking_uri"])
    experiment = experiment_id(client, config["mlflow_experiment"])
    start, *rest = trained.journal().records
    for cell in cells:
        cell.run.artifacts.mkdir(parents=True)
        for artifact in trained.artifacts.iterdir():
            os.link(artifact, cell.run.artifacts / artifact.name)
        config_hash, code_digest = cell.run.path.name.split("-")
        journal = cell.run.journal()
        journal.append(start | {"tags": {"config_hash": config_hash, "code_digest": code_digest}}, *rest)
        cell.run.end("complete", metrics=trained.outcome["metrics"])
        position = cell.run.position(config["tracking_uri"], config["mlflow_experiment"])
        position.run_id, position.closed_as = client.create_run(experiment).info.run_id, "complete"
        client.set_terminated(position.run_id)
        position.sweep = "benchmark"
        position.save()
