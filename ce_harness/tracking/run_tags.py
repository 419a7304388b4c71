"""Tags that runs get when they are already in the store: the sweep they belong to, and the command that makes each."""

from __future__ import annotations

from collections.abc import Mapping

from mlflow.entities import RunTag

from ce_harness.tracking.store import has_run, open_store, tracking_errors

DESCRIPTION = "mlflow.note.content"  # Markdown, shown on a run's page


def tag_runs(tracking_uri: str, tags: Mapping[str, Mapping[str, str]]) -> None:
    """Sets tags of runs; one in the trash stays as it is.

    Args:
        tags: MLflow run id -> its tags, key -> value.

    Raises:
        TrackingError: the store can't be reached.
    """
    with tracking_errors(tracking_uri, "the runs could not be tagged", "the same command does it once it is back"):
        client = open_store(tracking_uri)
        for run_id, wanted in tags.items():
            if has_run(client, run_id):
                client.log_batch(run_id, tags=[RunTag(*tag) for tag in wanted.items()], synchronous=True)
