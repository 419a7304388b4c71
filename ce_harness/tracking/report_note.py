"""A study's answer where people look at its runs: in the description of its experiment in MLflow."""

from __future__ import annotations

from pathlib import Path

from ce_harness.tracking.store import open_store, tracking_errors

LONGEST = 20_000  # characters of an experiment's tag


def note_report(tracking_uri: str, study: str, folder: Path) -> None:
    """Makes the answer of a study's latest report, and its table of verdicts, its experiments' description.

    Args:
        folder: of the report.

    Raises:
        TrackingError: the store can't be reached.
    """
    said = [folder / name for name in ("answer.md", "verdicts.md")]
    text = "\n".join(file.read_text() for file in said if file.exists())
    with tracking_errors(tracking_uri, "the report could not be noted"):
        client = open_store(tracking_uri)
        for experiment in client.search_experiments():
            if client.search_runs([experiment.experiment_id], f"tags.study = '{study}'", max_results=1):
                note = f"{text}\nThe whole report: `{folder / 'index.html'}`"[:LONGEST]
                client.set_experiment_tag(experiment.experiment_id, "mlflow.note.content", note)
