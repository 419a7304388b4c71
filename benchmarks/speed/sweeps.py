"""What a sweep costs: beside bare Keras scripts one after another, and when all of it is done."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import ce_harness.config  # noqa: F401  (registers the schema)
from benchmarks.speed.aims import aim
from benchmarks.speed.training import BATCH_SIZE, EPOCHS, timed
from ce_harness.report.study import Table
from ce_harness.rundir.directory import RunDirectory
from ce_harness.sweep.plan import Cell, plan

LOSSES = ("softmax_ce", "builtin_ce", "mse")
SEEDS, SEEDS_DONE = 4, 100
SWEPT_AT_MOST = 0.35  # of the scripts' seconds
AGAIN_AT_MOST, DONE_AT_MOST = 6, 10


def sweeps() -> Table:
    """Seconds of whole processes, once each."""
    runs, runs_done = len(LOSSES) * SEEDS, len(LOSSES) * SEEDS_DONE
    bare = [sys.executable, "-m", "benchmarks.speed.bare", "lenet5", str(EPOCHS), "digits"]
    with tempfile.TemporaryDirectory() as folder:
        scripts = sum(timed(bare)["process (s)"] for _ in range(runs))
        swept, again = _swept(SEEDS, folder), _swept(SEEDS, folder)
        trained = RunDirectory(next(Path(folder).glob("*/outcome.json")).parent)
        _finish(planned(_combinations(SEEDS_DONE, f"{folder}/done")), trained)
        done = _swept(SEEDS_DONE, f"{folder}/done")
    rows = [
        {"what": f"{runs} bare Keras scripts, one after another", "seconds": scripts} | aim(scripts, None),
        {"what": "the same as one sweep, from nothing", "seconds": swept} | aim(swept, SWEPT_AT_MOST * scripts),
        {"what": "the same command again, nothing to do", "seconds": again} | aim(again, AGAIN_AT_MOST),
        {"what": f"{runs_done} cells that are done, nothing to do", "seconds": done} | aim(done, DONE_AT_MOST),
    ]
    frame = pd.DataFrame(rows)
    return Table(
        f"What a sweep costs: digits, LeNet-5, {EPOCHS} epochs, {len(LOSSES)} losses",
        frame,
        frame.assign(seconds=frame["seconds"].map("{:.1f}".format)),
        (
            "Whole processes, imports included, once each, on all cores of this machine. The sweep makes its MLflow "
            "store, and keeps gradient norms of every step, journals and checkpoints; the scripts keep nothing. The "
            f"records of the {runs_done} cells are copies of one run's. The sweep from nothing is to take at most "
            f"{SWEPT_AT_MOST} of the scripts' time.",
        ),
    )


def _swept(seeds: int, runs_dir: str) -> float:
    values = [f"loss={','.join(LOSSES)}", f"seed=range({seeds})", *_common(runs_dir)]
    return timed([sys.executable, "run.py", "-m", *values])["process (s)"]


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
        cell.run.path.mkdir(parents=True)
        config_hash, code_digest = cell.run.path.name.split("-")
        journal = cell.run.journal()
        for record in (start | {"tags": {"config_hash": config_hash, "code_digest": code_digest}}, *rest):
            journal.append(record)
        cell.run.end("complete", metrics=trained.outcome["metrics"])
        position = cell.run.position(config["tracking_uri"], config["mlflow_experiment"])
        position.run_id, position.closed_as = client.create_run(experiment).info.run_id, "complete"
        position.sweep = "benchmark"
        position.save()
