"""Downloads, from a server on this machine."""

import hashlib
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ce_harness.datasets.downloads import RemoteFile, fetch
from ce_harness.errors import DataError
from tests.conftest import ROOT

CONTENT = b"0123456789" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    """Serves CONTENT at /file.gz, at /slow.gz once ``released`` is set, and half of it at /torn.gz.

    ``requests`` lists what was asked for.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append(self.path)
            if self.path not in ("/file.gz", "/slow.gz", "/torn.gz"):
                self.send_error(404)
                return
            if self.path == "/slow.gz":
                self.server.released.wait()
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:5000] if self.path == "/torn.gz" else CONTENT)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.released = [], threading.Event()
        server.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def visible_files(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_downloads_once(server, tmp_path):
    file = RemoteFile(f"{server.address}/file.gz", SHA256)
    path = fetch(file, tmp_path / "new" / "cache")
    assert path.read_bytes() == CONTENT
    assert fetch(file, tmp_path / "new" / "cache") == path
    assert server.requests == ["/file.gz"]
    assert visible_files(path.parent) == ["file.gz"]


def test_several_at_once_download_once(server, tmp_path):
    file = RemoteFile(f"{server.address}/file.gz", SHA256)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(file, tmp_path), range(4)))
    assert [path.read_bytes() for path in paths] == [CONTENT] * 4
    assert server.requests == ["/file.gz"]


def test_another_process_waits_for_a_download_that_is_under_way(server, tmp_path):
    file = RemoteFile(f"{server.address}/slow.gz", SHA256)
    program = (
        "from pathlib import Path; from ce_harness.datasets.downloads import RemoteFile, fetch; "
        f"print('ready', flush=True); print(fetch({file!r}, Path({str(tmp_path)!r})))"
    )
    with ThreadPoolExecutor(1) as pool:
        ours = pool.submit(fetch, file, tmp_path)
        other = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "ready\n"
        server.released.set()
        assert ours.result().read_bytes() == CONTENT
        assert other.communicate()[0] == f"{ours.result()}\n"
    assert server.requests == ["/slow.gz"]


def test_a_folder_of_the_system_is_preferred_to_a_download(server, tmp_path):
    system = tmp_path / "system"
    system.mkdir()
    (system / "file.gz").write_bytes(CONTENT)
    file = RemoteFile(f"{server.address}/file.gz", SHA256)
    assert fetch(file, tmp_path / "cache", also_in=[system]) == system / "file.gz"
    assert server.requests == []


@pytest.mark.parametrize(("name", "sha256"), [("file.gz", "0" * 64), ("torn.gz", SHA256)])
def test_a_wrong_download_leaves_nothing_behind(server, tmp_path, name, sha256):
    with pytest.raises(DataError, match=f"the download of .*/{name} is torn or another file.*{sha256}"):
        fetch(RemoteFile(f"{server.address}/{name}", sha256), tmp_path)
    assert visible_files(tmp_path) == []


def test_offline_the_message_names_file_place_and_sum(server, tmp_path):
    file = RemoteFile(f"{server.address}/gone.gz", SHA256)
    message = (
        f"{tmp_path}/gone.gz does not exist and {file.url} can't be downloaded (HTTP Error 404: Not Found); "
        f"put the file there (SHA-256 {SHA256}) or install the package"
    )
    with pytest.raises(DataError, match=re.escape(message)) as refusal:
        fetch(file, tmp_path, hint=" or install the package")
    assert "\n" not in str(refusal.value)


def test_a_damaged_file_in_the_cache_is_refused_not_replaced(server, tmp_path):
    (tmp_path / "file.gz").write_bytes(b"mine")
    with pytest.raises(DataError, match="is damaged or another file"):
        fetch(RemoteFile(f"{server.address}/file.gz", SHA256), tmp_path)
    assert (tmp_path / "file.gz").read_bytes() == b"mine"
