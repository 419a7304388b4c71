"""Where a run lives on disk: named after what it computes, locked while it is written, marked when it has ended."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig

from ce_harness.config import code_digest, config_hash
from ce_harness.errors import ConfigError, DiskError, LockedError
from ce_harness.rundir.durable import RESTORE, seal, unseal, write_durably
from ce_harness.rundir.journal import Journal
from ce_harness.rundir.upload_state import Position, saved, store_name


class RunDirectory:
    """``<runs_dir>/<config_hash>-<code_digest>/``: other config or other training code, other directory.

    Attributes:
        path: the directory.
        artifacts: what is copied to MLflow when the run has ended.
        checkpoints: the state after the last two epochs, while the run goes on.
    """

    def __init__(self, path: Path):
        self.path = path
        self.artifacts = path / "artifacts"
        self.checkpoints = path / "checkpoints"
        self._outcome = path / "outcome.json"
        self._owner = path / "owner.json"
        self._position = path / "mlflow.json"

    @classmethod
    def of(cls, config: DictConfig) -> RunDirectory:
        """The directory of this config under the code as it is now.

        Raises:
            ConfigError, DiskError: see `check`.
        """
        run = cls.named_after(config)
        run.check()
        return run

    @classmethod
    def named_after(cls, config: DictConfig) -> RunDirectory:
        """The same, without a look into it."""
        return cls(Path(config.runs_dir).absolute() / f"{config_hash(config)}-{code_digest(config)}")

    def check(self) -> None:
        """Checks what the directory holds.

        Raises:
            ConfigError: another run, as after a copy.
            DiskError: a record that is damaged.
        """
        for start in self.journal().of_kind("start"):
            held = f"{start['tags']['config_hash']}-{start['tags']['code_digest']}"
            if held != self.path.name:
                raise ConfigError(f"{self.path}: it holds the run {held}; move it away, or set runs_dir=FOLDER")

    @property
    def outcome(self) -> dict[str, Any] | None:
        """``{"status": "complete" | "diverged", ...}`` once the run has ended for good, else None.

        Raises:
            DiskError: the file is damaged.
        """
        return unseal(self._outcome.read_bytes(), str(self._outcome)) if self._outcome.exists() else None

    def end(self, status: str, **fields: Any) -> None:
        """Marks the run as ended: the last thing that is ever written to its record. Its checkpoints go."""
        outcome = {"status": status, **fields, "journal_records": len(self.journal().records)}
        write_durably(self._outcome, seal(outcome, indent=1))
        self.remove_checkpoints()

    def remove_checkpoints(self) -> None:
        for path in self.checkpoints.glob("*"):
            path.unlink()

    def steps(self, epoch: int) -> Path:
        """The file with the gradient norms of an epoch's steps."""
        return self.path / "steps" / f"epoch-{epoch:06d}.npz"

    def journal(self) -> Journal:
        """The run's journal.

        Raises:
            DiskError: it is damaged, or shorter than it was when the run ended.
        """
        journal = Journal(self.path / "journal.jsonl")
        written = (self.outcome or {}).get("journal_records", 0)
        if len(journal.records) < written:
            raise DiskError(f"{journal.path}: {len(journal.records)} of {written} records are left; {RESTORE}")
        return journal

    def position(self, tracking_uri: str, experiment: str) -> Position:
        """How far this store has followed the run."""
        return Position(self._position, tracking_uri, experiment)

    def sent(self) -> dict[str, Any]:
        """Where it went last, for whichever store: ``experiment``, ``run_id`` ..., or nothing."""
        return saved(self._position)

    def is_of_another_store(self, tracking_uri: str) -> bool:
        """Whether it last went, or was to go, to another store than this one."""
        here = store_name(tracking_uri, self.path)
        return self.sent().get("store", here) != here

    def settled(self, tracking_uri: str, experiment: str) -> bool:
        """Whether the store knows how the run ended, or that it was interrupted."""
        closed_as, outcome = self.position(tracking_uri, experiment).closed_as, self.outcome
        return closed_as is not None and (outcome is None or closed_as == outcome["status"])

    def finished(self, config: DictConfig) -> bool:
        """Whether nothing is left to do: the run has ended, the config's store knows, and no checkpoint lies about."""
        place = config.tracking_uri, config.mlflow_experiment
        return self.outcome is not None and self.settled(*place) and not any(self.checkpoints.glob("*"))

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Holds the directory for this process; the operating system lets go of it however the process ends.

        Raises:
            LockedError: another process is writing the run; says which.
            DiskError: the directory can't be made.
        """
        try:
            for folder in (self.artifacts, self.checkpoints, self.steps(1).parent):
                folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / "lock")
            lock.acquire(timeout=0)
        except Timeout as error:
            raise LockedError(f"{self.path} is being written by {self._holder()}; wait for it, or end it") from error
        except OSError as error:
            raise DiskError(f"{self.path}: can't be written ({error.strerror}); set runs_dir=FOLDER") from error
        try:
            owner = {"pid": os.getpid(), "host": socket.gethostname()}
            write_durably(self._owner, json.dumps(owner).encode())
            yield
        finally:
            if not (self.journal().path.exists() or self.outcome or any(self.checkpoints.iterdir())):
                shutil.rmtree(self.path)  # refused before it began: leaves nothing behind
            lock.release()

    def _holder(self) -> str:
        try:
            owner = json.loads(self._owner.read_text())
        except (OSError, ValueError):
            return "another process"
        return f"process {owner['pid']} on {owner['host']}"
