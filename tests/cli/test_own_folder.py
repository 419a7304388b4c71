"""A folder of the user's own options: none of them is passed over in silence."""

import os
import sys

import pytest

from ce_harness.cli import arguments, report
from ce_harness.errors import ConfigError
from ce_harness.places import conf


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a loss; what is put on Python's path ends with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "hinge.yaml").write_text("_target_: my_loss.Hinge\n")
    (tmp_path / "config.yaml").write_text("of: another program\n")
    return tmp_path


def test_modules_beside_its_options_can_be_imported(own):
    assert arguments.prepared([f"--config-dir={own}", "loss=hinge"]) == [f"--config-dir={own}", "loss=hinge"]
    assert str(own) in sys.path
    assert str(own) in os.environ["PYTHONPATH"].split(os.pathsep)


def test_our_own_folder_is_no_rival_of_itself():
    arguments.prepared([f"--config-dir={conf()}", "loss=mse"])


@pytest.mark.parametrize("option", ["loss/mse.yaml", "experiment/demo.yaml", "hydra/launcher/slurm.yaml"])
def test_an_option_with_the_name_of_one_of_ours_is_refused(own, option, capsys):
    (own / option).parent.mkdir(parents=True, exist_ok=True)
    (own / option).write_text("_target_: my_loss.Hinge\n")
    told = f"{own / option}: ce_harness has an option of this name, which would be taken; rename yours"
    with pytest.raises(ConfigError) as refusal:
        arguments.prepared([f"--config-dir={own}", "loss=mse"])
    assert str(refusal.value) == told
    assert report.main(["demo", "--config-dir", str(own)]) == 2
    assert capsys.readouterr().err == f"error: {told}\n"
