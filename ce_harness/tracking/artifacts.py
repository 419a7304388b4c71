"""Sends a run's artifacts to a store; one on this machine gets links to them, so the disk holds them once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient


def send_artifacts(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Gives the run in the store all files of a folder, whose files are never changed in place."""
    place = urlsplit(client.get_run(run_id).info.artifact_uri)
    if place.scheme != "file":
        client.log_artifacts(run_id, str(folder))
        return
    for file in (file for file in folder.rglob("*") if file.is_file()):
        target = Path(unquote(place.path)) / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(file, target)


def _link(file: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(file, target)
    except OSError:  # on another disk, or one without links
        shutil.copyfile(file, target)
