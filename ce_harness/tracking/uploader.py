"""What an MLflow store gets of a run: parameters, points, artifacts and how it ended; each of them once."""

from __future__ import annotations

import math
from typing import Any

from mlflow.entities import Dataset, DatasetInput, LifecycleStage, Metric, Param, ViewType

from ce_harness.rundir import step_norms
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking.store import experiment_id, has_run, open_store

POINTS_PER_CALL = 1000  # MLflow's limit for one log_batch
MLFLOW_STATUS = {"complete": "FINISHED", "diverged": "FAILED", "failed": "FAILED", "interrupted": "KILLED"}


class Sender:
    """Brings the store what it lacks of a run.

    Args:
        run: the run's directory, claimed by this process; its journal has begun.
        tracking_uri: the MLflow store.
        experiment: name of the MLflow experiment.
    """

    def __init__(self, run: RunDirectory, tracking_uri: str, experiment: str):
        self._run = run
        self._position = run.position(tracking_uri, experiment)
        self._journal = run.journal()
        if self._position.run_id is None:
            self._position.save()  # where the run is to go is known even if the store is away now
        self._client = open_store(tracking_uri)
        self._experiment = experiment

    def send(self) -> None:
        """Sends the records that are not in the store, and the run itself if it isn't there."""
        start = self._journal.records[0]
        if self._position.run_id and not has_run(self._client, self._position.run_id):
            self._position.start_again()
        if self._position.run_id is None:
            found = self._find(start)
            self._position.run_id = found or self._create(start)
            self._describe(start)
            self._position.save()
            if found:
                self._reopen()
        if self._position.closed_as and not self._run.outcome:
            self._reopen()
        records = self._journal.records[self._position.records :]
        points = [point for record in records for point in _points(record, self._run, start)]
        for i in range(0, len(points), POINTS_PER_CALL):
            self._client.log_batch(self._position.run_id, metrics=points[i : i + POINTS_PER_CALL])
        for record in records:
            if record["kind"] == "inexact_resume":
                self._client.set_tag(self._position.run_id, "inexact_resume", record["fingerprint"])
        if records:
            self._position.records += len(records)
            self._position.save()

    def _reopen(self) -> None:
        """A run that is closed in the store goes on."""
        self._client.update_run(self._position.run_id, status="RUNNING")
        self._client.set_tag(self._position.run_id, "status", "running")
        self._position.closed_as = None
        self._position.save()

    def _find(self, record: dict[str, Any]) -> str | None:
        """The MLflow run that was made for this directory, in the trash or not; not that of a directory since deleted.

        An earlier process may have died just after it made it, or the directory's runs may since have gone elsewhere.
        """
        wanted = " and ".join(f"tags.{key} = '{record['tags'][key]}'" for key in ("config_hash", "code_digest"))
        wanted += f" and attributes.start_time = {record['time_ms']}"
        found = self._client.search_runs(
            [experiment_id(self._client, self._experiment)], wanted, ViewType.ALL, max_results=1
        )
        if not found:
            return None
        if found[0].info.lifecycle_stage == LifecycleStage.DELETED:
            self._client.restore_run(found[0].info.run_id)
        return found[0].info.run_id

    def _create(self, record: dict[str, Any]) -> str:
        return self._client.create_run(
            experiment_id(self._client, self._experiment),
            start_time=record["time_ms"],
            run_name=record["name"],
            tags={**record["tags"], "status": "running"},
        ).info.run_id

    def _describe(self, record: dict[str, Any]) -> None:
        """Parameters and dataset; a run that was found may lack them."""
        params = [Param(key, value) for key, value in record["params"].items()]
        self._client.log_batch(self._position.run_id, params=params)
        self._client.log_inputs(self._position.run_id, datasets=[DatasetInput(Dataset(**record["dataset"]), [])])

    def close(self, status_without_outcome: str) -> None:
        """Sends the artifacts and closes the run in the store with its outcome."""
        outcome = self._run.outcome
        status = outcome["status"] if outcome else status_without_outcome
        if self._position.closed_as == status or self._position.run_id is None:
            return
        run_id = self._position.run_id
        if outcome:
            self._client.log_artifacts(run_id, str(self._run.artifacts))
        self._client.set_tag(run_id, "status", "failed" if status == "interrupted" else status)
        self._client.set_terminated(run_id, MLFLOW_STATUS[status])
        self._position.closed_as = status
        self._position.save()


def _points(record: dict[str, Any], run: RunDirectory, start: dict[str, Any]) -> list[Metric]:
    """The points of a journal record; an epoch brings every n-th of its steps, and the run's very first."""
    when = record["time_ms"]
    if record["kind"] not in ("epoch", "test"):
        return []
    points = [Metric(key, _storable(value), when, record["epoch"]) for key, value in record["metrics"].items()]
    if record["kind"] == "test":
        return points
    evaluations = record.get("evaluations", ())
    for evaluation in evaluations if len(evaluations) > 1 else ():  # a single one is that of the epoch
        scores = {key: value for key, value in evaluation.items() if key != "step"}
        points += [Metric(f"step/{k}", _storable(v), when, evaluation["step"]) for k, v in scores.items()]
    rows = step_norms.load(run, record["epoch"])
    first = record["step"] - len(rows) + 1
    for step, row in enumerate(rows, first):
        if step == 1 or step % start["log_every_n_steps"] == 0:
            names = ("step/loss", *start["columns"][1:])
            points += [Metric(n, _storable(v), when, step) for n, v in zip(names, row.tolist(), strict=True)]
    return points


def _storable(value: float) -> float:
    """MLflow would keep an infinite value as 1.8e308, which looks like a number; NaN stays what it is."""
    return value if math.isfinite(value) else math.nan
