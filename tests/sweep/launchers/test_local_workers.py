"""Cells on this machine, in workers of joblib."""

import weakref

from ce_harness.cli import run  # noqa: F401  (puts hydra_plugins on the path)
from ce_harness.sweep.launchers import local_task


class JobReturn:
    """What Hydra returns of a cell: its config, mostly."""


def test_of_a_cell_that_has_ended_nothing_is_kept(monkeypatch):
    from hydra_plugins.local_workers import LocalWorkers

    kept, kept_at_start = weakref.WeakSet(), []

    def execute_job(number, overrides, *shared):
        kept_at_start.append((number, overrides, len(kept)))
        returned = JobReturn()
        kept.add(returned)
        return returned

    monkeypatch.setattr(local_task, "execute_job", execute_job)
    launcher = LocalWorkers(n_jobs=1, cells_per_device=1)
    launcher.launch([["seed=0"], ["seed=1"], ["seed=2"]], initial_job_idx=5)
    assert kept_at_start == [(5, ["seed=0"], 0), (6, ["seed=1"], 0), (7, ["seed=2"], 0)]
