"""Reading tracked runs back from an MLflow store, for reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from ce_harness.errors import TrackingError
from ce_harness.tracking.store import open_store, sqlite_path

PAGE = 1000


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


def read_runs(tracking_uri: str, study: str) -> list[TrackedRun]:
    """Every run that is tagged with the study, oldest first.

    Raises:
        TrackingError: the store can't be reached or read.
    """
    path = sqlite_path(tracking_uri)
    if path and not path.exists():
        raise TrackingError(f"{path}: there is no such store; train first, or name one with --tracking-uri")
    try:
        client = open_store(tracking_uri)
        experiments = [e.experiment_id for e in client.search_experiments()]
        runs, token = [], None
        while True:
            page = client.search_runs(
                experiments, filter_string=f"tags.study = '{study}'", max_results=PAGE, page_token=token
            )
            runs += page
            token = page.token
            if not token:
                break
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise TrackingError(f"{tracking_uri}: the store can't be read ({reason})") from error
    tracked = [_tracked(client, run) for run in runs]
    return sorted(tracked, key=lambda run: (run.start_time, run.run_id))


def _tracked(client: MlflowClient, run: Run) -> TrackedRun:
    def artifact(name: str) -> Path:
        location = urlsplit(run.info.artifact_uri)
        if location.scheme == "file":
            return Path(unquote(location.path)) / name
        return Path(client.download_artifacts(run.info.run_id, name))

    return TrackedRun(
        name=run.info.run_name,
        run_id=run.info.run_id,
        status=run.data.tags.get("status", "running"),
        start_time=run.info.start_time,
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
        _artifact=artifact,
    )
