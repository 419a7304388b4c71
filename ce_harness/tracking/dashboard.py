"""The MLflow UI over the tracked runs: ``python -m ce_harness.tracking.dashboard [RUNS_DIR]``, on this machine only."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from ce_harness.tracking.send import send_all
from ce_harness.tracking.store import absolute, open_store

HOST = "127.0.0.1"
PORT = 5000


def main(runs_dir: str = "runs") -> None:
    """Prints the address and becomes the server; takes a free port when 5000 is in use.

    First, what dead processes left unsent is sent, and their runs are closed: nothing looks alive that is not.
    """
    store = f"sqlite:///{Path(runs_dir) / 'mlflow.db'}"
    open_store(store)  # makes or migrates the tables before the server's own workers race for it
    _, damaged = send_all(Path(runs_dir), store)
    for error in damaged:
        print(f"warning: {error}", file=sys.stderr)
    port = _free_port()
    print(f"http://{HOST}:{port}/#/experiments   (Ctrl-C ends it)", flush=True)
    arguments = ["server", "--backend-store-uri", absolute(store), "--host", HOST, "--port", str(port)]
    arguments += ["--workers", "1", "--allowed-hosts", f"{HOST}:{port}"]
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # of its GenAI features: eight more processes
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *arguments])


def _free_port() -> int:
    for port in (PORT, 0):
        with socket.socket() as candidate:
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
            return candidate.getsockname()[1]
    raise OSError("no free port")


if __name__ == "__main__":
    main(*sys.argv[1:])
