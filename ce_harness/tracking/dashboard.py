"""The MLflow UI over the runs in a folder, on this machine only."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from ce_harness.errors import HarnessError
from ce_harness.tracking import prepared_view
from ce_harness.tracking.resend import resend_all
from ce_harness.tracking.store import for_mlflow, open_store, store_in

HOST = "127.0.0.1"
PORT = 5000
VIEW = "workflowType=machine_learning"  # else it opens with a table for GenAI
# Two links, since MLflow shows no column but the run's name beside its charts. That name holds loss and seed.
PAGES = {"charts": f"{VIEW}&compareRunsMode=CHART", "table": VIEW}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the address and becomes the server; takes a free port when 5000 is in use.

    First, what is unsent is sent, and the runs of dead processes are closed: nothing looks alive that is not.
    """
    parser = argparse.ArgumentParser("python -m ce_harness.tracking.dashboard", description=__doc__)
    parser.add_argument("runs_dir", nargs="?", type=Path, default=Path("runs"), metavar="RUNS_DIR")
    runs_dir = parser.parse_args(argv).runs_dir
    store = store_in(runs_dir)
    try:
        _, errors = resend_all(runs_dir, store)  # makes the tables, too, before the server's own workers race for it
    except HarnessError as error:
        print(error.line, file=sys.stderr)
        return error.exit_code
    for problem in errors:
        print(f"warning: {problem}", file=sys.stderr)
    port = _free_port()
    address = f"http://{HOST}:{port}"
    print(f"{address}/#/experiments   (Ctrl-C ends it)")
    for name, links in prepared_links(store, address).items():
        for page, link in links.items():
            print(f"{page} of {name}: {link}")
    sys.stdout.flush()
    arguments = ["server", "--backend-store-uri", for_mlflow(store), "--host", HOST, "--port", str(port)]
    arguments += ["--workers", "1", "--allowed-hosts", f"{HOST}:{port}"]
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # of its GenAI features: eight more processes
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *arguments])


def prepared_links(tracking_uri: str, address: str) -> dict[str, dict[str, str]]:
    """Experiment with runs -> its ``charts`` and its ``table``, prepared in MLflow's view for model training."""
    client = open_store(tracking_uri)
    links = {}
    for one in client.search_experiments(order_by=["name"]):
        if client.search_runs([one.experiment_id], max_results=1):
            key = prepared_view.prepare(client, one.experiment_id)
            runs = f"{address}/#/experiments/{one.experiment_id}/runs"
            links[one.name] = {page: f"{runs}?{view}&viewStateShareKey={key}" for page, view in PAGES.items()}
    return links


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
    sys.exit(main())
