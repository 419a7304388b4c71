"""A sweep on a real Ray cluster that somebody else started, elsewhere."""

import importlib.util
import os
import re
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cluster.conftest import free_port, run, until, weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="needs Ray: pip install '.[ray]'"),
]


@pytest.fixture(scope="module")
def ray_cluster():
    """Starts a cluster of one node in another folder; its address, and the variables with its token.

    Ray listens on every device, so the cluster asks for a token: one of this test's own, not the user's.
    """
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    port = free_port()
    arguments = ["--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        with log.open("w") as shown:
            cluster = subprocess.Popen(
                [Path(sys.executable).with_name("ray"), "start", *arguments, f"--temp-dir={folder}/ray"],
                cwd=folder,
                env={**os.environ, **token, "RAY_USAGE_STATS_ENABLED": "0"},
                stdout=shown,
                stderr=shown,
            )
        until(lambda: "Ray runtime started" in log.read_text())
        yield re.search(rf"[\d.]+:{port}", log.read_text())[0], token
        cluster.terminate()
        cluster.wait()


def test_cells_are_tasks_and_end_in_the_same_bits(ray_cluster, tmp_path, local):
    address, token = ray_cluster
    arguments = ["-m", "hydra/launcher=ray", f"hydra.launcher.init.address={address}"]
    swept = run(os.path.relpath(tmp_path), *arguments, "loss=softmax_ce,mse", "seed=1,2", **token)
    assert swept.returncode == 0
    assert "4 of 4 cells complete" in swept.stderr
    hashes, expected = weights(tmp_path), weights(local)
    assert len(hashes) == 4
    assert hashes.items() <= expected.items()
