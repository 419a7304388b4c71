"""Launchers for clusters, without one. The real engines: ``make test-cluster``."""

import importlib.util
import subprocess
import sys

import pytest

from ce_harness.cli import run  # noqa: F401  (puts hydra_plugins on the path)
from tests.conftest import ROOT


def test_a_job_that_left_the_queue_without_a_result_is_not_waited_for(tmp_path, monkeypatch):
    """Slurm answers: not at all, then that the job still runs, then that it does not."""
    from hydra_plugins import slurm_array

    squeue = tmp_path / "squeue"
    answers = '1) exit 1;; 2) echo "6_0 7_1";; 3) echo 6_0;; *) echo asked again;;'
    squeue.write_text(f"#!/bin/sh\ncd {tmp_path}\necho >> asked\ncase $(wc -l < asked) in {answers} esac\n")
    squeue.chmod(0o755)
    (tmp_path / "result").touch()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(slurm_array, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(slurm_array, "SECONDS_BETWEEN_QUESTIONS", 0.0)
    slurm_array.SlurmArray()._wait({"7_0": tmp_path / "result", "7_1": tmp_path / "none"})
    assert (tmp_path / "asked").read_text() == "\n" * 3


def test_more_cells_than_slurm_takes_as_one_array_are_several(tmp_path, monkeypatch):
    from hydra_plugins import slurm_array

    scontrol = tmp_path / "scontrol"
    scontrol.write_text("#!/bin/sh\necho 'MailProg        = /bin/mail'\necho 'MaxArraySize    = 3'\n")
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    launched = []
    launcher = slurm_array.SlurmArray()
    monkeypatch.setattr(launcher, "_launch_array", lambda *cells: launched.append(cells))
    launcher.launch([[f"seed={i}"] for i in range(7)], initial_job_idx=10)
    assert [(number, [words[0] for words in cells]) for cells, number in launched] == [
        (10, ["seed=0", "seed=1", "seed=2"]),
        (13, ["seed=3", "seed=4", "seed=5"]),
        (16, ["seed=6"]),
    ]


@pytest.mark.parametrize(("launcher", "package", "extra"), [("slurm", "submitit", "slurm"), ("ray", "ray", "ray")])
def test_a_missing_extra_is_named(launcher, package, extra):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    refused = subprocess.run(
        [sys.executable, "run.py", "-m", f"hydra/launcher={launcher}", "seed=0,1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: hydra/launcher={launcher}: ")
    assert refused.stderr.endswith(f"is not installed; pip install '.[{extra}]'; details: docs/sweeps.md\n")
