"""Where a run lives on disk: named after what it computes, locked while it is written, marked when it has ended."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig

from ce_harness.config import code_digest, config_hash
from ce_harness.errors import ConfigError, DiskError, LockedError
from ce_harness.rundir import files
from ce_harness.rundir.journal import Journal
from ce_harness.rundir.sealed import seal, unseal
from ce_harness.rundir.upload_state import Position, saved, store_name


class RunDirectory:
    """``<runs_dir>/<config_hash>-<code_digest>/``: other config or other training code, other directory.

    Attributes:
        path: the directory.
        artifacts: what is copied to MLflow when the run has ended.
        checkpoints: the state at the last two saves, while the run goes on.
        steps: the norms of all steps, while the run goes on; then they are in ``packed_steps``, an artifact.
        kept: the state after the last epoch, of a run that was asked to keep it.
        predictions, model: artifacts of runs that were asked to keep them.
    """

    def __init__(self, path: Path):
        self.path = path
        self.artifacts = path / "artifacts"
        self.checkpoints = path / "checkpoints"
        self.steps = path / "steps.float32"
        self.kept = path / "kept"
        self.packed_steps = self.artifacts / "steps.npz"
        self.predictions = self.artifacts / "predictions.npz"
        self.model = self.artifacts / "model"
        self._journal = path / "journal.jsonl"
        self._outcome = path / "outcome.json"
        self._owner = path / "owner.json"
        self._position = path / "mlflow.json"
        self._claimed_journal: Journal | None = None

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
            DiskError: a record that is damaged, or an artifact that is not what was written.
        """
        outcome = self.outcome or {}
        if "run" in outcome:  # the journal, which takes far longer to read than a digest of it, says the same
            held = outcome["run"]
            _check_digest(self._journal, outcome["journal"])
        else:
            start = next(iter(self.journal().of_kind("start")), None)
            held = f"{start['tags']['config_hash']}-{start['tags']['code_digest']}" if start else self.path.name
        if held != self.path.name:
            raise ConfigError(f"{self.path}: it holds the run {held}; move it away, or set runs_dir=FOLDER")
        for name, digest in outcome.get("artifacts", {}).items():
            _check_digest(self.artifacts / name, digest)

    @property
    def outcome(self) -> dict[str, Any] | None:
        """``{"status": "complete" | "diverged", ...}`` once the run has ended for good, else None.

        Raises:
            DiskError: the file is damaged.
        """
        content = files.read(self._outcome)
        return None if content is None else unseal(content, str(self._outcome))

    def end(self, status: str, **fields: Any) -> None:
        """Marks the run as ended: the last thing that is ever written to its record. What a restart needs goes."""
        outcome = {
            "status": status,
            **fields,
            "run": self.path.name,
            "journal": _digest(files.read(self._journal) or b""),
            "artifacts": {
                str(path.relative_to(self.artifacts)): _digest(files.read(path) or b"")
                for path in files.files_below(self.artifacts)
            },
        }
        files.write(self._outcome, seal(outcome, indent=1))
        self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Removes what only a run that goes on needs."""
        files.remove(self.steps)
        files.remove(self.checkpoints)

    def reopen(self) -> None:
        """Takes back that the run has ended: it is trained again, from the start, to the same bits."""
        files.remove(self._outcome)

    def journal(self) -> Journal:
        """The run's journal; the same object while this process holds the run.

        Raises:
            DiskError: it is damaged, or not what it was when the run ended.
        """
        if self._claimed_journal:
            return self._claimed_journal
        if "journal" in (outcome := self.outcome or {}):
            _check_digest(self._journal, outcome["journal"])
        journal = Journal(self._journal)
        written = outcome.get("journal_records", 0)  # of an earlier version, which kept no digest
        if len(journal.records) < written:
            raise DiskError(f"{journal.path}: {len(journal.records)} of {written} records are left; {files.RESTORE}")
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

    def finished(self, config: Mapping[str, Any] | DictConfig) -> bool:
        """Whether nothing is left to do: the run has ended with all that is asked for, and the config's store knows."""
        if not self.has_ended_with(config) or files.exists(self.checkpoints) or files.exists(self.steps):
            return False
        return self.settled(config["tracking_uri"], config["mlflow_experiment"])

    def has_ended_with(self, config: Mapping[str, Any] | DictConfig) -> bool:
        """Whether the run has ended and has kept what this config asks for; a diverged one can't."""
        outcome = self.outcome
        if outcome is None or outcome["status"] == "diverged":
            return outcome is not None
        asked = {
            self.model: config["save_model"],
            self.predictions: config["save_predictions"],
            self.kept: config["keep_checkpoint"],
        }
        return all(files.exists(path) for path, is_asked in asked.items() if is_asked)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Holds the directory for this process; the operating system lets go of it however the process ends.

        Raises:
            LockedError: another process is writing the run; says which.
            DiskError: the directory can't be made, or its journal is damaged.
        """
        files.make_folder(self.artifacts)
        try:
            lock = FileLock(self.path / "lock")
            lock.acquire(timeout=0)
        except Timeout as error:
            raise LockedError(f"{self.path} is being written by {self._holder()}; wait for it, or end it") from error
        except OSError as error:
            raise DiskError(f"{self.path}: can't be written ({error.strerror}); set runs_dir=FOLDER") from error
        try:
            owner = {"pid": os.getpid(), "host": socket.gethostname()}
            files.write(self._owner, json.dumps(owner).encode())
            self._claimed_journal = self.journal()
            yield
        finally:
            self._claimed_journal = None
            with suppress(OSError, DiskError):  # why the block ended is what counts
                files.remove(self._owner if self._has_begun() else self.path)
            lock.release()

    def _has_begun(self) -> bool:
        """Whether there is anything to keep; a run that was refused before it began leaves nothing behind."""
        return any(path.exists() for path in (self._journal, self._outcome, self.checkpoints))

    def _holder(self) -> str:
        try:
            owner = json.loads(self._owner.read_bytes())
        except (OSError, ValueError):
            return "another process"
        return f"process {owner['pid']} on {owner['host']}"


def _check_digest(path: Path, digest: str) -> None:
    content = files.read(path)
    if content is None or _digest(content) != digest:
        what = "is gone" if content is None else "is not what was written"
        raise DiskError(f"{path}: {what}; {files.RESTORE}")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
