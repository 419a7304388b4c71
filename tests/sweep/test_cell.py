"""A cell in a worker: it is the run that was planned, under the code that the worker has loaded."""

import gc

import pytest
from omegaconf import OmegaConf

from ce_harness.cli import run
from ce_harness.sweep import run_cell
from ce_harness.sweep.cell_files import CellFiles, End


@pytest.mark.parametrize(
    ("here", "changed"), [("config-edited", "code"), ("edited-code", "config or data"), ("config-code", None)]
)
def test_what_is_edited_while_a_sweep_runs_never_runs_under_the_planned_name(tmp_path, here, changed):
    files = CellFiles(tmp_path)
    files.plan(0, "config-code")
    hydra = OmegaConf.create({"sweep": {"dir": str(tmp_path)}, "job": {"num": 0}, "launcher": {"cells_per_device": 1}})
    run_cell(hydra, "cpu", load=lambda: None, name=lambda: here, job=lambda: "trained")
    refusal = f"the {changed} changed while the sweep ran: config-code is {here} now; give the command again"
    assert files.ended(0) == (End(2, refusal) if changed else End(0, "trained"))


def test_a_worker_loads_once_however_many_cells_it_runs():
    """What is loaded is spared every search for garbage; with each cell more of the memory would be."""
    run._load()
    spared = gc.get_freeze_count()
    litter = [[] for _ in range(1000)]
    run._load()
    assert gc.get_freeze_count() == spared
    del litter


def test_one_look_tells_which_cells_have_started_and_ended(tmp_path):
    files = CellFiles(tmp_path)
    for number in (0, 1, 2):
        files.plan(number, "run")
    files.start(0)
    files.start(1_000_000)
    files.end(0, End(0, "trained"))
    files.log(0).touch()
    (tmp_path / "note.started").touch()
    assert files.all_started_and_ended() == ({0, 1_000_000}, {0})
    assert CellFiles(tmp_path / "unmounted").all_started_and_ended() == (set(), set())
