"""Sweeps in MLflow: a run that stands for all runs of a command, with that command, and later the report, on it.

Runs point to it by a tag and a link. They are not nested under it: MLflow's table and charts leave nested runs out
until somebody unfolds each parent by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import RunTag

from ce_harness.errors import TrackingError
from ce_harness.tracking.store import experiment_id, open_store

DESCRIPTION = "mlflow.note.content"  # Markdown, shown on a run's page


@dataclass(frozen=True)
class Sweep:
    """What the run that stands for a sweep says.

    Attributes:
        key: the same for the same command; every run of the sweep has it as the tag ``sweep``.
        name: for people.
        study: as in the config.
        command: makes these runs.
        start_time: of the first of them, milliseconds since 1970.
    """

    key: str
    name: str
    study: str
    command: str
    start_time: int


def group(tracking_uri: str, experiment: str, sweep: Sweep, commands: Mapping[str, str], complete: bool) -> None:
    """Marks runs as belonging to a sweep, and makes the run that stands for it when the sweep is new.

    Args:
        commands: MLflow run id -> the command that makes just this run.
        complete: whether every run of the sweep is.

    Raises:
        TrackingError: the store can't be reached.
    """
    try:
        client = open_store(tracking_uri)
        experiment = experiment_id(client, experiment)
        parent = _parent(client, experiment, sweep)
        count = f"{len(commands)} run{'' if len(commands) == 1 else 's'}, tagged `sweep = {sweep.key}`"
        client.set_tag(parent, DESCRIPTION, f"`{sweep.command}`\n\n{count}")
        link = f"[{sweep.name}](#/experiments/{experiment}/runs/{parent})"
        for run_id, command in commands.items():
            tags = {"sweep": sweep.key, DESCRIPTION: f"`{command}`\n\nPart of the sweep {link}"}
            client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
        client.set_terminated(parent, "FINISHED" if complete else "FAILED")
    except Exception as error:
        raise TrackingError(
            f"tracking_uri={tracking_uri}: the runs could not be grouped ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); the same command does it once the store is back"
        ) from error


def _parent(client: MlflowClient, experiment: str, sweep: Sweep) -> str:
    # Not tagged with "study": that is how a report knows the runs it reads.
    tags = {"sweep": sweep.key, "sweep_of": sweep.study}
    found = client.search_runs([experiment], f"tags.sweep = '{sweep.key}' and tags.sweep_of = '{sweep.study}'")
    if found:
        return found[0].info.run_id
    return client.create_run(experiment, sweep.start_time, tags, sweep.name).info.run_id


def attach_report(tracking_uri: str, study: str, folder: Path) -> None:
    """Copies a study's tables, figures and verdicts to the run of its latest sweep, if it has been swept.

    Raises:
        TrackingError: the store can't be reached.
    """
    try:
        client = open_store(tracking_uri)
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        latest_first = ["attributes.start_time DESC"]
        found = client.search_runs(experiments, f"tags.sweep_of = '{study}'", 1, 1, latest_first)
        if found:
            client.log_artifacts(found[0].info.run_id, str(folder), "report")
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise TrackingError(f"tracking_uri={tracking_uri}: the report could not be attached ({reason})") from error
