"""A real sweep in which everything goes wrong that can: each cell pays for itself alone."""

import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from ce_harness.sweep.cell import SECONDS_BETWEEN_LOOKS
from ce_harness.tracking.store import open_store
from tests.conftest import ROOT, TINY

pytestmark = pytest.mark.slow

MODELS = """
import os, resource, signal, sys, threading
from pathlib import Path
import keras
from ce_harness.models import softmax_regression

class UnpicklableError(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()

def bad(input_shape, num_classes, how):
    print("how:", how)
    if how == "raises":
        raise UnpicklableError
    if how == "exits":
        sys.exit(3)
    if how == "is_killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "fills_memory":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
        keras.ops.zeros((2**20, 2**20))
    if how == "loses_its_worker" and not Path(__file__).with_name("lost").exists():
        Path(__file__).with_name("lost").touch()
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    model = softmax_regression(input_shape, num_classes)
    if how == "diverges":
        model = keras.Sequential([model, keras.layers.Rescaling(1e30, dtype="float32")])
    return model
"""
HOW = "fine,raises,exits,is_killed,diverges,fills_memory,loses_its_worker"


def run(tmp_path, runs_dir, how, *flags):
    arguments = ["--config-dir", str(tmp_path / "conf"), *flags, "model=bad", *TINY[1:], f"runs_dir={runs_dir}"]
    return subprocess.run(
        [sys.executable, "run.py", *arguments, f"model.how={how}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory, migrated_store):
    tmp_path, runs_dir = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("runs")
    (tmp_path / "own_models.py").write_text(MODELS)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "bad.yaml").write_text("_target_: own_models.bad\nname: bad\nhow: ???\n")
    (runs_dir / "mlflow.db").write_bytes(migrated_store.read_bytes())
    return tmp_path, runs_dir


@pytest.fixture(scope="module")
def swept(folders):
    return run(*folders, HOW, "-m")


def test_a_failing_cell_costs_that_cell_only(swept):
    assert swept.returncode == 1
    assert "model.how=fine  complete  test: accuracy" in swept.stderr
    assert swept.stderr.endswith(
        "error: 2 of 7 cells complete; the same command runs what is not complete; details: docs/sweeps.md\n"
    )


def test_a_cell_whose_worker_is_killed_runs_again_with_another(swept, folders):
    assert (folders[0] / "lost").exists()
    assert "model.how=loses_its_worker  complete  test: accuracy" in swept.stderr


@pytest.mark.parametrize(
    ("how", "exit_code", "reason"),
    [
        ("raises", "2", "holds a lock"),
        ("exits", "1", "SystemExit: 3"),
        ("is_killed", "137", "killed by SIGKILL"),
        ("diverges", "4", "grad_norm/global inf"),
        ("fills_memory", "1", "OOM when allocating tensor"),
    ],
)
def test_the_summary_names_cell_reason_and_command(swept, folders, how, exit_code, reason):
    (row,) = [line for line in swept.stderr.splitlines() if f"model.how={how} " in line and "│" in line]
    assert exit_code in row.split()
    assert reason in row
    command = f"python run.py --config-dir={folders[0] / 'conf'} model=bad {' '.join(TINY[1:])}"
    assert f"{command} runs_dir={folders[1]} model.how={how}\n" in swept.stderr


def test_what_a_cell_prints_goes_to_its_own_file(swept, folders):
    logs = {log.read_text().partition("\n")[0]: log for log in folders[1].glob("sweeps/*/cells-1/*.log")}
    # A cell beside the one that loses its worker dies with it, perhaps before it has said a word, and runs again.
    assert set(logs) - {""} == {f"how: {how}" for how in HOW.split(",")}
    assert "UnpicklableError: holds a lock" in logs["how: raises"].read_text()
    assert "how:" not in swept.stdout + swept.stderr


def test_the_store_has_the_runs_and_how_they_were_made(swept, folders):
    client = open_store(f"sqlite:///{folders[1] / 'mlflow.db'}")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert sorted((run.data.params["model.how"], run.info.status) for run in runs) == [
        ("diverges", "FAILED"),
        ("fine", "FINISHED"),
        ("loses_its_worker", "FINISHED"),
    ]
    assert len({run.data.tags["sweep"] for run in runs}) == 1
    command = f"python run.py --config-dir={folders[0] / 'conf'} -m model=bad {' '.join(TINY[1:])}"
    for run in runs:
        alone, _, sweep = run.data.tags["mlflow.note.content"].splitlines()
        assert alone.endswith(f"model.how={run.data.params['model.how']}`")
        assert sweep == f"Part of the sweep `{command} runs_dir={folders[1]} model.how={HOW}`"


def test_with_nothing_to_do_it_answers_without_tensorflow(swept, folders):
    tmp_path, runs_dir = folders
    for module in ("tensorflow", "mlflow"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')")
    answer = run(tmp_path, runs_dir, "fine", "-m")
    assert (answer.returncode, answer.stderr) == (
        0,
        "1 cell: 1 ran before, 0 to run\n1 of 1 cells complete\n",
    )


def test_a_sweep_outlives_its_shell_and_a_closed_terminal_interrupts_it(tmp_path, migrated_store):
    """With the basic launcher the cell's worker is the launching process itself."""
    (tmp_path / "mlflow.db").write_bytes(migrated_store.read_bytes())
    words = ["-m", "hydra/launcher=basic", *TINY, "epochs=100000", f"runs_dir={tmp_path}"]
    terminal, its_end = os.openpty()
    shell = subprocess.Popen(
        ["sh", "-c", f"{shlex.join([sys.executable, 'run.py', *words])} & echo $!; read _"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=its_end,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests, too, may be under nohup
    )
    os.close(its_end)
    program = int(shell.stdout.readline())
    shown, orphan_since = b"", None
    while orphan_since is None or time.monotonic() < orphan_since + 2 * SECONDS_BETWEEN_LOOKS:
        shown += os.read(terminal, 65536)  # fails when nobody is left that could write to it
        if orphan_since is None and any("epoch" in path.read_text() for path in tmp_path.glob("*/journal.jsonl")):
            shell.stdin.close()  # so that it reads the end of its input, and leaves
            shell.wait()
            orphan_since = time.monotonic()
    assert b"0 done  1 running  0 failed  0 skipped  of 1  time left -:--:--" in shown
    os.close(terminal)
    os.kill(program, signal.SIGHUP)
    client = open_store(f"sqlite:///{tmp_path / 'mlflow.db'}")
    until = time.monotonic() + 180
    while "KILLED" not in (statuses := [run.info.status for run in client.search_runs(["1"])]):
        assert time.monotonic() < until, statuses
        time.sleep(0.1)
