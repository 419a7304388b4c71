"""Reading tracked runs back from an MLflow store, for reports."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from ce_harness.errors import TrackingError
from ce_harness.rundir.upload_state import sqlite_path
from ce_harness.startup import keeping
from ce_harness.tracking.store import open_store, pages, tracking_errors


@dataclass(frozen=True)
class TrackedRun:
    """A run as the store holds it; the series are read from its artifacts when asked for.

    Attributes:
        status: the tag: ``complete``, ``diverged``, ``failed`` or ``running``.
        start_time: milliseconds since 1970.
        params: the flat config.
        metrics: last values; the ``test/*`` ones are the final scores.
    """

    name: str
    run_id: str
    status: str
    start_time: int
    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]
    _artifact: Callable[[str], Path] = field(repr=False, compare=False)

    def content(self, name: str) -> bytes:
        """An artifact as it lies in the store; ``FileNotFoundError`` if it does not, else ``OSError``."""
        return self._artifact(name).read_bytes()

    def epochs(self) -> pd.DataFrame:
        """One row per epoch: ``epoch`` (1-based), ``step`` and the per-epoch metrics."""
        return pd.read_csv(self._artifact("epochs.csv"))

    def steps(self) -> pd.DataFrame:
        """One row per training step: ``step`` (1-based), ``loss`` and the gradient norms."""
        with np.load(self._artifact("steps.npz"), allow_pickle=False) as series:
            frame = pd.DataFrame(series["values"], columns=series["columns"])
        frame.insert(0, "step", np.arange(1, len(frame) + 1))
        return frame

    def gradient_bins(self) -> pd.DataFrame:
        """Logit-gradient norms by p_true: ``epoch``, ``p_low``, ``p_high``, ``count``, ``mean_norm``."""
        return pd.read_csv(self._artifact("gradient_bins.csv"))

    def reliability(self) -> pd.DataFrame:
        """Test confidence against accuracy, before and after temperature scaling: ``calibrated`` and the bins."""
        return pd.read_csv(self._artifact("reliability.csv"))


def read_runs(tracking_uri: str, study: str, must_exist: bool = True) -> list[TrackedRun]:
    """Every run that is tagged with the study, oldest first.

    Args:
        must_exist: whether a database file that is not there is an error, and not a store without runs.

    Raises:
        TrackingError: the store can't be reached or read.
    """
    path = sqlite_path(tracking_uri)
    if path and not path.exists():
        if not must_exist:
            return []
        raise TrackingError(f"{path}: there is no such store; train first, or name one with --tracking-uri")
    with tracking_errors(tracking_uri, "the store can't be read"):
        with keeping():  # MLflow imports its code for databases when it opens the first
            client = open_store(tracking_uri)
        experiments = [e.experiment_id for e in client.search_experiments()]
        with _without_garbage_collection():
            of_study = pages(client, experiments, f"tags.study = '{study}'")
            runs = [_tracked(client, run) for page in of_study for run in page]
    return sorted(runs, key=lambda run: (run.start_time, run.run_id))


def complete_runs(tracking_uri: str, study: str) -> dict[str, dict[str, float]]:
    """The final metrics of each complete run of a study, by the name of its folder.

    Raises:
        TrackingError: the store can't be read.
    """
    return {
        f"{run.tags['config_hash']}-{run.tags['code_digest']}": run.metrics
        for run in read_runs(tracking_uri, study, must_exist=False)
        if run.status == "complete"
    }


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """MLflow makes an object of every tag, param and metric: looking for garbage among them took 2/3 of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _tracked(client: MlflowClient, run: Run) -> TrackedRun:
    info = run.info  # all that is kept of MLflow's objects
    location = urlsplit(info.artifact_uri)
    here = Path(unquote(location.path)) if location.scheme == "file" else None

    def artifact(name: str) -> Path:
        if here:
            return here / name
        try:
            return Path(client.download_artifacts(info.run_id, name))
        except MlflowException as error:
            with tracking_errors(info.artifact_uri, "the artifacts can't be listed"):
                kept = {file.path for file in client.list_artifacts(info.run_id)}
            raise (OSError if name in kept else FileNotFoundError)(f"{info.run_name}: {name}: {error}") from error

    return TrackedRun(
        name=info.run_name,
        run_id=info.run_id,
        status=run.data.tags.get("status", "running"),
        start_time=info.start_time,
        tags=_shared(run.data.tags),
        params=_shared(run.data.params),
        metrics={sys.intern(key): value for key, value in run.data.metrics.items()},
        _artifact=artifact,
    )


def _shared(texts: Mapping[str, str]) -> dict[str, str]:
    """Equal keys and values of thousands of runs as one object each."""
    return {sys.intern(key): sys.intern(value) for key, value in texts.items()}
