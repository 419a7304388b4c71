"""The doors to the commands: the base install has the losses, and says what a command lacks."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ce_harness import places
from ce_harness.cli import commands
from ce_harness.interrupts import INTERRUPTS
from tests.conftest import ROOT

# Python answers as if these were not installed.
WITHOUT_THE_EXTRA = """
import sys
for name in "hydra omegaconf hydra_plugins joblib mlflow sqlalchemy alembic pandas jinja2 matplotlib sklearn".split():
    sys.modules[name] = None
"""


def python(code):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA + code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


@pytest.mark.slow
def test_losses_metrics_and_theory_need_the_base_install_alone():
    answer = python(
        "from ce_harness.losses import SoftmaxCrossEntropy\n"
        "from ce_harness import metrics, theory\n"
        "import numpy as np\n"
        "print(float(SoftmaxCrossEntropy()(np.eye(2), np.zeros((2, 2)))))"
    )
    assert answer.stdout == "0.6931471824645996\n", answer.stderr


@pytest.mark.parametrize("command", ["run", "report", "dashboard"])
def test_a_command_says_in_one_line_what_it_lacks(command):
    answer = python(f"from ce_harness.cli import commands\ncommands.{command}()")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "error: hydra is not installed; pip install 'ce_harness[harness]'\n"


@pytest.mark.parametrize("command", [commands.run, commands.report, commands.dashboard])
def test_ctrl_c_while_a_command_imports_what_it_needs_is_one_line(command, monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.importlib, "import_module", interrupted)
    with pytest.raises(SystemExit) as end:
        command()
    assert (end.value.code, capsys.readouterr().err) == (130, "interrupted\n")


def test_ctrl_c_when_all_is_done_changes_nothing(monkeypatch):
    before = {number: signal.getsignal(number) for number in INTERRUPTS}
    monkeypatch.setattr(commands.importlib, "import_module", lambda name: SimpleNamespace(main=lambda: 0))
    try:
        with pytest.raises(SystemExit) as end:
            commands.run()
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert end.value.code == 0


def test_compare_says_in_one_line_what_it_lacks():
    answer = python("from ce_harness import compare")
    assert answer.stderr.endswith("\nImportError: hydra is not installed; pip install 'ce_harness[harness]'\n")


def test_a_checkout_and_an_installed_copy_each_know_where_configs_and_studies_lie(tmp_path, monkeypatch):
    assert (places.conf() / "config.yaml").is_file()
    assert (places.studies() / "demo.py").is_file()
    assert places.run_command() == "python run.py"
    (tmp_path / "conf").mkdir()
    monkeypatch.setattr(places, "PACKAGE", tmp_path)
    assert (places.conf(), places.studies()) == (tmp_path / "conf", tmp_path / "experiments")
    assert (places.run_command(), places.report_command()) == ("ce-run", "ce-report")
