"""Opening an MLflow store so that several processes may do it at once, and none of them waits for ever."""

from __future__ import annotations

import logging
import shutil
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Run
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url

from ce_harness.errors import TrackingError
from ce_harness.printable import reason
from ce_harness.rundir.upload_state import sqlite_path
from ce_harness.tracking.relocation import artifacts_of, relocate

SECONDS_FOR_DATABASE = 5.0  # to answer a knock
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# "Do you speak SSL?", to which every PostgreSQL says yes or no. The others take such a knock for a failed login.
SSL_REQUEST, SSL_ANSWERS = bytes.fromhex("0000000804d2162f"), (b"S", b"N")
SECONDS_FOR_MIGRATION = 120  # of another process that makes the tables
RUNS_PER_PAGE = 500
MODEL_TRAINING = "custom_model_development"  # the UI's kind of experiment that opens with a table of runs

logging.getLogger("alembic").setLevel(logging.WARNING)
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it logs the traceback of what it raises


@event.listens_for(Engine, "connect")
def _sync_what_commits(connection: object, _: object) -> None:
    """Has SQLite sync the folder, too, after it has removed a transaction's journal, which is what commits.

    Its default does not. A power loss could bring the journal back, and with it undo what the run's records call sent:
    https://www.sqlite.org/pragma.html#pragma_synchronous.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = EXTRA")


def store_in(runs_dir: Path) -> str:
    """The URI of the store that runs go to by default."""
    return f"sqlite:///{runs_dir / 'mlflow.db'}"


def for_mlflow(tracking_uri: str) -> str:
    """The URI as MLflow takes it: a SQLite file's path is absolute, and quoted where it would name another file.

    In a config a path stands as it is on disk. MLflow would read ``50%20/mlflow.db`` as ``50 /mlflow.db``.
    """
    path = sqlite_path(tracking_uri)
    return _uri_of(path) if path else tracking_uri


def _uri_of(database: Path) -> str:
    as_it_is = f"sqlite:///{database}"
    if make_url(as_it_is).database == str(database):
        return as_it_is
    return URL.create("sqlite", database=str(database)).render_as_string()


def open_store(tracking_uri: str) -> MlflowClient:
    """A client of the store; a fresh SQLite file gets its tables under a lock, since two migrations at once fail."""
    path = sqlite_path(tracking_uri)
    if path is None:
        _refuse_unreachable(tracking_uri)
        return MlflowClient(tracking_uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=SECONDS_FOR_MIGRATION):
        aside = path.with_name(f"{path.name}.new")
        if not path.exists():
            _make(path, aside)
        shutil.rmtree(aside, ignore_errors=True)  # also where a kill came between the two
        # MLflow would try for many minutes to open what can't be opened; SQLite itself says so at once.
        with closing(sqlite3.connect(path)) as connection:
            relocate(path, connection)
        client = MlflowClient(for_mlflow(tracking_uri))
        client.search_experiments(max_results=1)
    return client


def _refuse_unreachable(tracking_uri: str) -> None:
    """Knocks at the port of a database: MLflow would try for minutes to open one that can't be reached.

    Raises:
        OSError: nobody is there, or answers, within some seconds.
    """
    address = urlsplit(tracking_uri)
    kind = address.scheme.partition("+")[0]
    if kind not in DATABASE_PORTS or not address.hostname:
        return
    place = (address.hostname, address.port or DATABASE_PORTS[kind])
    with socket.create_connection(place, SECONDS_FOR_DATABASE) as database:
        if kind == "postgresql":
            database.sendall(SSL_REQUEST)
            if database.recv(1) not in SSL_ANSWERS:
                raise ConnectionAbortedError("what answers there is no PostgreSQL")


def _make(path: Path, aside: Path) -> None:
    """Has MLflow make its tables aside: cut short in the middle, by a kill or a full disk, it could never go on."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    MlflowClient(_uri_of(aside / path.name)).search_experiments(max_results=1)
    (aside / path.name).replace(path)


def experiment_id(client: MlflowClient, name: str) -> str:
    """The id of the experiment, made when it is new; artifacts of a SQLite store lie beside its file."""
    known = client.get_experiment_by_name(name)
    if known and known.lifecycle_stage == LifecycleStage.DELETED:
        restore = f"mlflow experiments restore --experiment-id {known.experiment_id}"
        raise MlflowException(f"the experiment {name} is deleted; `{restore}`, or set mlflow_experiment=NAME")
    if known:
        return known.experiment_id
    uri = client.tracking_uri
    location = artifacts_of(Path(make_url(uri).database or ""), name) if sqlite_path(uri) else None
    try:
        return client.create_experiment(name, location, tags={"mlflow.experimentKind": MODEL_TRAINING})
    except MlflowException:
        known = client.get_experiment_by_name(name)
        if known is None:  # else another process made it in between
            raise
        return known.experiment_id


def pages(client: MlflowClient, experiments: Sequence[str], wanted: str) -> Iterator[Sequence[Run]]:
    """All runs that a search finds, as many at a time as MLflow gives out."""
    token = None
    while token != "":
        page = client.search_runs(experiments, wanted, max_results=RUNS_PER_PAGE, page_token=token)
        token = page.token or ""
        yield page


def kept_run(client: MlflowClient, run_id: str) -> Run:
    """The run as the store has it.

    Raises:
        MlflowException: it hasn't, or it answers with something else.
    """
    run = client.get_run(run_id)
    if run.info.run_id != run_id:
        raise MlflowException(f"asked for run {run_id}, the server answers with {run.info.run_id or 'nothing'}")
    return run


def has_run(client: MlflowClient, run_id: str, in_trash: bool = False) -> bool:
    """Whether the store has the run; one in its trash counts only if asked for."""
    try:
        stage = kept_run(client, run_id).info.lifecycle_stage
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return in_trash or stage == LifecycleStage.ACTIVE


def tracking_error(tracking_uri: str, what: str, error: Exception, remedy: str = "") -> TrackingError:
    """Whatever MLflow, the database or the network raised, as one line: what failed, why, and how to mend it."""
    remedy = remedy and f"; {remedy}"
    return TrackingError(f"tracking_uri={tracking_uri}: {what} ({type(error).__name__}: {reason(error)}){remedy}")


@contextmanager
def tracking_errors(tracking_uri: str, what: str, remedy: str = "") -> Iterator[None]:
    """Raises a ``TrackingError`` for whatever is raised within."""
    try:
        yield
    except Exception as error:
        raise tracking_error(tracking_uri, what, error, remedy) from error
