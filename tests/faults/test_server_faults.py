"""A real tracking server behind a proxy that misbehaves: after a fault and one more call, all is there once."""

import time
from urllib.parse import urlsplit

import pytest

from ce_harness.tracking import background_uploader
from ce_harness.tracking.background_uploader import BackgroundUploader
from tests.faults.campaigns.servers import cases, tried
from tests.faults.proxy import Proxy
from tests.tracking.server import serve
from tests.tracking.test_store import recorded

pytestmark = pytest.mark.slow

SAMPLE = (
    "runs/create: answer lost",
    "runs/create: done, but 500",
    "runs/log-batch: empty 200",
    "runs/log-batch: half an answer",
    "artifacts: request lost",
    "runs/update: answer lost",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated_store):
    folder = tmp_path_factory.mktemp("server")
    (folder / "server.db").write_bytes(migrated_store.read_bytes())
    with serve(folder) as address:
        yield address


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(background_uploader, "SECONDS_BETWEEN_TRIES", 0.01)


@pytest.mark.parametrize("case", SAMPLE)
def test_a_fault_loses_nothing_and_doubles_nothing(server, case):
    assert tried(case, cases()[case], server).failures == ()


def test_ctrl_c_ends_with_the_call_that_a_silent_server_was_sent(runs_dir, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    monkeypatch.setattr(background_uploader, "SECONDS_BEFORE_FIRST_SEND", 0.0)
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
