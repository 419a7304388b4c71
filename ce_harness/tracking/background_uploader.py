"""Sends a run's journal to MLflow while it trains: late, twice or after a crash, the store has each point once."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress
from importlib import import_module
from typing import TYPE_CHECKING

from ce_harness.errors import DiskError, TrackingError
from ce_harness.interrupts import held_off
from ce_harness.rundir.directory import RunDirectory

if TYPE_CHECKING:
    from ce_harness.tracking.uploader import Uploader

SECONDS_BEFORE_FIRST_SEND = 2.0  # a run that is over by then is sent at once, at its end
SECONDS_BETWEEN_SENDS = 10.0  # a call costs about as much for one epoch as for ten
SECONDS_BETWEEN_TRIES = 2.0
LAST_TRIES = 3


class BackgroundUploader:
    """A thread that sends what the journal has gained; training never waits for the store.

    Used as a context manager around training. On leaving it sends the rest and closes the MLflow run with the truth.

    Args:
        run: the run's directory, claimed by this process.
        tracking_uri: the MLflow store.
        experiment: name of the MLflow experiment.

    Raises:
        TrackingError: on leaving, when the store can't be reached. Nothing is lost: the next call sends it.
        DiskError: on leaving, when a file of the run is damaged.
    """

    def __init__(self, run: RunDirectory, tracking_uri: str, experiment: str):
        self._run = run
        self._uri = tracking_uri
        self._experiment = experiment
        self._news = threading.Event()
        self._over = threading.Event()
        self._is_away = False  # the store, when it was last tried
        self._thread = threading.Thread(target=self._work, name="mlflow-uploader", daemon=True)

    def notify(self) -> None:
        """The journal has grown."""
        self._news.set()

    def __enter__(self) -> BackgroundUploader:
        self._thread.start()
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        interrupted = error_type is not None and not issubclass(error_type, Exception)
        with held_off() if interrupted else nullcontext():
            self._over.set()
            self._news.set()
            self._thread.join()
            try:
                if interrupted:
                    self.finish("interrupted", tries=0 if self._is_away else 1)  # nobody waits for a server now
                else:
                    self.finish()
            except (TrackingError, DiskError):
                if error_type is None:  # else the reason why training ended is the one to report
                    raise

    def _work(self) -> None:
        self._news.wait()
        if self._over.is_set():
            return
        with suppress(Exception):  # `finish` tries again and reports
            import_module("ce_harness.tracking.uploader")  # beside the training, since MLflow takes a second to load
        self._over.wait(SECONDS_BEFORE_FIRST_SEND)
        while not self._over.is_set():
            self._news.wait()
            self._news.clear()
            if self._over.is_set():
                return
            try:
                self._uploader().send()
                self._is_away = False
            except Exception:
                # Whatever the store's trouble is, training goes on; `finish` tries again and reports.
                self._is_away = True
                self._news.set()
            self._over.wait(SECONDS_BETWEEN_SENDS)

    def finish(self, status_without_outcome: str = "failed", tries: int = LAST_TRIES) -> None:
        """Sends everything that is unsent; closes the MLflow run with the run's outcome.

        Args:
            status_without_outcome: why the run has none, ``failed`` or ``interrupted``.
        """
        if not self._run.journal().records:
            return
        for attempt in range(1, tries + 1):
            try:
                uploader = self._uploader()
                uploader.send()
                uploader.close(status_without_outcome)
                return
            except DiskError:  # what is wrong with the run's own files, no store mends
                raise
            except Exception as error:
                if attempt == tries:
                    from ce_harness.tracking.store import tracking_error

                    remedy = f"the run is safe in {self._run.path}; the same command sends it once the store is back"
                    raise tracking_error(self._uri, "the store does not take the points", error, remedy) from error
                threading.Event().wait(SECONDS_BETWEEN_TRIES)

    def _uploader(self) -> Uploader:
        # Not at the top: see `_work`.
        from ce_harness.tracking.uploader import Uploader

        return Uploader(self._run, self._uri, self._experiment)
