"""Sweeps in MLflow: a run that stands for all runs of a command, with that command, and later the report, on it.

Runs point to it by a tag and a link. They are not nested under it: MLflow's table and charts leave nested runs out
until somebody unfolds each parent by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import RunTag

from ce_harness.tracking.store import experiment_id, has_run, open_store, pages, tracking_errors

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
    remedy = "the same command does it once the store is back"
    with tracking_errors(tracking_uri, "the runs could not be grouped", remedy):
        client = open_store(tracking_uri)
        experiment = experiment_id(client, experiment)
        found = pages(client, [experiment], f"tags.sweep = '{sweep.key}'")
        tagged = {run.info.run_id: run.data.tags for page in found for run in page}
        # Not tagged with "study": that is how a report knows the runs it reads.
        own = {"sweep": sweep.key, "sweep_of": sweep.study}
        parent = next((run_id for run_id, tags in tagged.items() if tags.items() >= own.items()), None)
        if parent is None:
            parent = client.create_run(experiment, sweep.start_time, own, sweep.name).info.run_id
        count = f"{len(commands)} run{'' if len(commands) == 1 else 's'}, tagged `sweep = {sweep.key}`"
        client.set_tag(parent, DESCRIPTION, f"`{sweep.command}`\n\n{count}")
        link = f"[{sweep.name}](#/experiments/{experiment}/runs/{parent})"
        for run_id, command in commands.items():
            tags = {"sweep": sweep.key, DESCRIPTION: f"`{command}`\n\nPart of the sweep {link}"}
            if not tagged.get(run_id, {}).items() >= tags.items() and has_run(client, run_id):  # one in the trash stays
                client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
        client.set_terminated(parent, "FINISHED" if complete else "FAILED")


def attach_report(tracking_uri: str, study: str, folder: Path) -> None:
    """Copies a study's tables, figures and verdicts to the run of its latest sweep, if it has been swept.

    Raises:
        TrackingError: the store can't be reached.
    """
    with tracking_errors(tracking_uri, "the report could not be attached"):
        client = open_store(tracking_uri)
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        latest_first = ["attributes.start_time DESC"]
        found = client.search_runs(experiments, f"tags.sweep_of = '{study}'", 1, 1, latest_first)
        if found:
            client.log_artifacts(found[0].info.run_id, str(folder), "report")
