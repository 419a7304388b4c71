"""A real tracking server behind a proxy that misbehaves: after a fault and one more call, all is there once."""

from __future__ import annotations

import random
import time
from itertools import product
from urllib.parse import urlsplit

import pytest

from ce_harness.errors import TrackingError
from ce_harness.tracking import background_uploader
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.tracking.store import open_store
from tests.faults.proxy import Proxy
from tests.tracking.server import serve
from tests.tracking.test_store import ALL_POINTS, recorded

CALLS = (
    "experiments/get-by-name",
    "experiments/create",
    "runs/search",
    "runs/create",
    "runs/log-batch",
    "runs/log-inputs",
    "runs/get",
    "artifacts",
    "runs/set-tag",
    "runs/update",
    "metrics/get-history",
)
FAULTS = ("request lost", "answer lost", "500", "done, but 500", "half an answer", "empty 200", "a login page")
SAMPLE = [
    ("runs/create", "answer lost"),
    ("runs/create", "done, but 500"),
    ("runs/log-batch", "empty 200"),
    ("runs/log-batch", "half an answer"),
    ("artifacts", "request lost"),
    ("runs/update", "answer lost"),
]
# MLflow remembers an empty address of artifacts for the life of a process; the same command in a new one is well.
NOT_IN_ONE_PROCESS = [("runs/get", "empty 200")]
REST = [case for case in product(CALLS, FAULTS) if case not in SAMPLE + NOT_IN_ONE_PROCESS]


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated_store):
    folder = tmp_path_factory.mktemp("server")
    (folder / "server.db").write_bytes(migrated_store.read_bytes())
    with serve(folder) as address:
        yield address


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.01)


class Once:
    """The fault, the first time that a request has this part in its path."""

    def __init__(self, part: str, fault: str, times: int = 1):
        self._part, self._fault, self._left = part, fault, times

    def __call__(self, path: str) -> str | None:
        if self._part not in path or not self._left:
            return None
        self._left -= 1
        return self._fault


def sent(run, address, experiment):
    """Whether the call said that all went well."""
    try:
        BackgroundUploader(run, address, experiment).finish()
    except TrackingError:
        return False
    return True


def kept(address, experiment):
    """Status, params, artifacts and points of each run of an experiment."""
    client = open_store(address)
    runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return [
        (
            run.info.status,
            run.data.params,
            len(run.inputs.dataset_inputs),
            [file.path for file in client.list_artifacts(run.info.run_id)],
            {
                key: sorted((p.step, p.value) for p in client.get_metric_history(run.info.run_id, key))
                for key in run.data.metrics
            },
        )
        for run in runs
    ]


WHOLE = [("FINISHED", {"seed": "0"}, 1, ["epochs.csv", "steps.npz"], ALL_POINTS)]


def survives(runs_dir, server, fault, experiment):
    proxy = Proxy(urlsplit(server).port, fault)
    run = recorded(runs_dir)
    try:
        if not sent(run, proxy.address, experiment):
            proxy.behave()
            assert sent(run, proxy.address, experiment)
        assert kept(server, experiment) == WHOLE
    finally:
        proxy.close()


@pytest.mark.parametrize(("call", "fault"), SAMPLE)
def test_a_fault_loses_nothing_and_doubles_nothing(runs_dir, server, call, fault):
    survives(runs_dir, server, Once(call, fault), f"{call} {fault}".replace("/", " "))


@pytest.mark.slow
@pytest.mark.parametrize(("call", "fault"), REST)
def test_every_fault_of_every_call_loses_nothing_and_doubles_nothing(runs_dir, server, call, fault):
    survives(runs_dir, server, Once(call, fault), f"{call} {fault}".replace("/", " "))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_third_of_all_calls_fail(runs_dir, server, seed):
    rng = random.Random(seed)
    faults = FAULTS[:5]
    survives(runs_dir, server, lambda path: rng.choice(faults) if rng.random() < 0.3 else None, f"random {seed}")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["401", "429", "a login page", "500"])
def test_a_server_that_refuses_for_long_is_one_line(runs_dir, server, fault):
    survives(runs_dir, server, Once("", fault, times=10**6), f"always {fault}")


def test_ctrl_c_ends_with_the_call_that_a_silent_server_was_sent(runs_dir, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    proxy = Proxy(urlsplit(server).port, lambda path: "never answers")

    def interrupted():
        with BackgroundUploader(recorded(runs_dir), proxy.address, "hangs") as uploader:
            uploader.notify()
            while not proxy.requests:
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(proxy.requests) == 1
