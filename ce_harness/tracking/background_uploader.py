"""Feeding MLflow from a run's journal: late, twice or after a crash, the store ends with each point once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ce_harness.errors import DiskError, TrackingError
from ce_harness.rundir.directory import RunDirectory

if TYPE_CHECKING:
    from ce_harness.tracking.uploader import Sender

SECONDS_BETWEEN_SENDS = 10.0  # a call costs about as much for one epoch as for ten
SECONDS_BETWEEN_TRIES = 2.0
LAST_TRIES = 3


class Feed:
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
        self._thread = threading.Thread(target=self._work, name="mlflow-feed", daemon=True)

    def notify(self) -> None:
        """The journal has grown."""
        self._news.set()

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, error_type, error, traceback) -> None:
        self._over.set()
        self._news.set()
        self._thread.join()
        interrupted = error_type is not None and not issubclass(error_type, Exception)
        try:
            self.finish("interrupted" if interrupted else "failed")
        except (TrackingError, DiskError):
            if error_type is None:  # else the reason why training ended is the one to report
                raise

    def _work(self) -> None:
        while not self._over.is_set():
            self._news.wait()
            self._news.clear()
            if self._over.is_set():
                return
            try:
                self._sender().send()
            except Exception:
                # Whatever the store's trouble is, training goes on; `finish` tries again and reports.
                self._news.set()
            self._over.wait(SECONDS_BETWEEN_SENDS)

    def finish(self, status_without_outcome: str = "failed") -> None:
        """Sends everything that is unsent; closes the MLflow run with the run's outcome."""
        if not self._run.journal().records:
            return
        for attempt in range(1, LAST_TRIES + 1):
            try:
                sender = self._sender()
                sender.send()
                sender.close(status_without_outcome)
                return
            except DiskError:  # what is wrong with the run's own files, no store mends
                raise
            except Exception as error:
                if attempt == LAST_TRIES:
                    from ce_harness.tracking.store import tracking_error

                    remedy = f"the run is safe in {self._run.path}; the same command sends it once the store is back"
                    raise tracking_error(self._uri, "the store does not take the points", error, remedy) from error
                threading.Event().wait(SECONDS_BETWEEN_TRIES)

    def _sender(self) -> Sender:
        # Not at the top: MLflow takes a second to load, which it can do beside the training.
        from ce_harness.tracking.uploader import Sender

        return Sender(self._run, self._uri, self._experiment)
