"""What an MLflow store gets of a run: parameters, points, artifacts and how it ended; each of them once."""

from __future__ import annotations

from typing import Any

from mlflow.entities import Dataset, DatasetInput, LifecycleStage, Param, ViewType
from mlflow.exceptions import MlflowException

from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.upload_state import MLFLOW_STATUS, sqlite_path
from ce_harness.tracking.artifacts import send_artifacts
from ce_harness.tracking.names import storable
from ce_harness.tracking.points import points, timestamp
from ce_harness.tracking.store import experiment_id, has_run, kept_run, open_store

POINTS_PER_CALL = 1000  # MLflow's limit for one log_batch


class Uploader:
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
        self._over_a_network = sqlite_path(tracking_uri) is None

    def send(self) -> None:
        """Sends the records that are not in the store, and the run itself if it isn't there."""
        start = self._journal.records[0]
        if self._position.run_id and not has_run(self._client, self._position.run_id):
            self._position.start_again()
        if self._position.run_id is None:
            known = self._known(start)
            self._position.run_id = known[0] if known else self._create(start)
            self._position.save()
            if known:
                self._reopen()
        if self._position.closed_as and not self._run.outcome:
            self._reopen()
        if not self._position.records:
            self._describe(start)
        records = list(self._journal.records)  # the training thread appends to it meanwhile
        unsent = points(self._run, records, self._position.records)
        for i in range(0, len(unsent), POINTS_PER_CALL):
            self._client.log_batch(self._position.run_id, unsent[i : i + POINTS_PER_CALL], synchronous=True)
        for record in records[self._position.records :]:
            if record["kind"] == "inexact_resume":
                self._client.set_tag(self._position.run_id, "inexact_resume", record["fingerprint"], synchronous=True)
        if len(records) > self._position.records:
            self._position.records = len(records)
            self._position.points += len(unsent)
            self._position.save()

    def _reopen(self) -> None:
        """A run that is closed in the store goes on."""
        self._client.update_run(self._position.run_id, status="RUNNING")
        self._client.set_tag(self._position.run_id, "status", "running", synchronous=True)
        self._position.closed_as = None
        self._position.save()

    def _known(self, record: dict[str, Any]) -> list[str]:
        """The MLflow runs that were made for this directory, in the trash or not; not those of one since deleted.

        An earlier process may have died just after it made one, or the answer was lost on its way. The directory's
        runs may since have gone elsewhere, too.
        """
        wanted = " and ".join(f"tags.{key} = '{record['tags'][key]}'" for key in ("config_hash", "code_digest"))
        wanted += f" and attributes.start_time = {timestamp(record)}"
        runs = self._client.search_runs([experiment_id(self._client, self._experiment)], wanted, ViewType.ALL)
        if runs and runs[0].info.lifecycle_stage == LifecycleStage.DELETED:
            self._client.restore_run(runs[0].info.run_id)
        return [run.info.run_id for run in runs]

    def _create(self, record: dict[str, Any]) -> str:
        run_id = self._client.create_run(
            experiment_id(self._client, self._experiment),
            start_time=timestamp(record),
            run_name=record["name"],
            tags={**record["tags"], "status": "running"},
        ).info.run_id
        if not run_id:
            raise MlflowException("the server says OK and makes no run")
        return run_id

    def _describe(self, record: dict[str, Any]) -> None:
        """Parameters and dataset; a run that was found may lack them."""
        params = [Param(key, value) for key, value in self._params(record).items()]
        self._client.log_batch(self._position.run_id, params=params, synchronous=True)
        self._client.log_inputs(self._position.run_id, datasets=[DatasetInput(Dataset(**record["dataset"]), [])])

    def _params(self, record: dict[str, Any]) -> dict[str, str]:
        keys = storable(record["params"])
        return {keys[name]: value for name, value in record["params"].items()}

    def close(self, status_without_outcome: str) -> None:
        """Sends the artifacts and closes the run in the store with its outcome."""
        outcome = self._run.outcome
        status = outcome["status"] if outcome else status_without_outcome
        if self._position.closed_as == status or self._position.run_id is None:
            return
        run_id = self._position.run_id
        if outcome:
            send_artifacts(self._client, run_id, self._run.artifacts)
            if self._over_a_network:
                self._verify()
        self._client.set_tag(run_id, "status", "failed" if status == "interrupted" else status, synchronous=True)
        self._client.set_terminated(run_id, MLFLOW_STATUS[status])
        if self._over_a_network and kept_run(self._client, run_id).info.status != MLFLOW_STATUS[status]:
            raise MlflowException("the server says OK and does not close the run")
        self._position.closed_as = status
        self._position.save()

    def _verify(self) -> None:
        """Asks a server once for all that it was sent: one that answered OK need not have kept it.

        Raises:
            MlflowException: it does not keep what it is sent.
        """
        self._delete_twins()
        if self._lacks() and not self._sent_again():
            raise MlflowException(f"the server says OK and does not keep {', '.join(self._lacks())}")

    def _sent_again(self) -> bool:
        self._position.records = self._position.points = 0
        self.send()
        return not self._lacks()

    def _delete_twins(self) -> None:
        """A run whose creation seemed to fail, and was tried again, may be there after all."""
        for run_id in self._known(self._journal.records[0]):
            if run_id != self._position.run_id:
                self._client.delete_run(run_id)

    def _lacks(self) -> list[str]:
        """Kinds of what was sent and is not there."""
        run_id, start = self._position.run_id or "", self._journal.records[0]
        kept = kept_run(self._client, run_id)
        here = sum(len(self._client.get_metric_history(run_id, key)) for key in kept.data.metrics)
        artifacts = {file.path for file in self._client.list_artifacts(run_id)}
        checks = {
            "parameters": kept.data.params.keys() >= self._params(start).keys(),
            "tags": kept.data.tags.keys() >= start["tags"].keys(),
            "dataset": bool(kept.inputs.dataset_inputs),
            "points": here >= self._position.points,
            "artifacts": artifacts >= {path.name for path in self._run.artifacts.iterdir()},
        }
        return [kind for kind, is_whole in checks.items() if not is_whole]
