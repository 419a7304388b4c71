"""A sweep is planned, shared out and summed up without TensorFlow; the launchers here are stand-ins."""

import importlib
import io
import shutil
import time
from itertools import product
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra_plugins.hydra_joblib_launcher import joblib_launcher
from omegaconf import OmegaConf, open_dict
from rich.console import Console

from ce_harness.config import checked, identity
from ce_harness.errors import ConfigError, DiskError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.sweep import progress, run_sweep
from ce_harness.sweep.cell_files import CellFiles, End
from ce_harness.sweep.plan import Composer, cores_of_a_cell, plan
from ce_harness.sweep.summary import SweepError
from tests.conftest import ROOT


class Sweep:
    """What Hydra gives a sweeper, and what the sweep then shows."""

    def __init__(self, runs_dir, config_name="config"):
        self.config = compose(config_name, [f"runs_dir={runs_dir}"], return_hydra_config=True)
        self.config.hydra.sweep.dir = str(runs_dir / "sweep")
        self.loader = GlobalHydra.instance().hydra.config_loader
        self.runs_dir = f"runs_dir={runs_dir}"
        self.shown = ""

    def plan(self, *combinations):
        return plan(self.loader, self.config, [(self.runs_dir, *combination) for combination in combinations])

    def run(self, launcher, *combinations, terminal=False):
        output = self.output = io.StringIO()
        try:
            run_sweep(
                SimpleNamespace(config_loader=self.loader),
                self.config,
                launcher,
                [(self.runs_dir, *combination) for combination in combinations],
                Console(file=output, width=1000, force_terminal=terminal, color_system=None),
            )
        finally:
            self.shown = output.getvalue()


@pytest.fixture
def sweep(runs_dir):
    GlobalHydra.instance().clear()
    with initialize_config_dir(f"{ROOT}/conf", version_base="1.3"):
        yield Sweep(runs_dir)


class Launcher:
    """Ends every cell as told, two at a time; a deadly one takes its neighbour along, as joblib's workers do."""

    def __init__(self, ends=None, deadly=()):
        self.ends = ends or {}
        self.deadly = deadly
        self.launched = []

    def launch(self, job_overrides, initial_job_idx):
        jobs = list(enumerate(job_overrides, initial_job_idx))
        files = files_of(job_overrides)
        for pair in (jobs[i : i + 2] for i in range(0, len(jobs), 2)):
            for number, overrides in pair:
                self.launched.append(next(word for word in overrides if word.startswith("seed=")))
                files.start(number)
            if any(word in self.deadly for _, overrides in pair for word in overrides):
                raise RuntimeError("a worker was killed. It could be the memory.")
            for number, overrides in pair:
                ends = [end for word, end in self.ends.items() if word in overrides]
                files.end(number, ends[0] if ends else End(0, "complete"))


def files_of(job_overrides):
    """Where the cells are told to put their files."""
    (folder,) = {word.removeprefix("hydra.sweep.dir=") for overrides in job_overrides for word in overrides[-1:]}
    return CellFiles(folder.strip("'"))


def seeds(count):
    return [(f"seed={seed}",) for seed in range(count)]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["seed=7", "learning_rate=1e-3"],
        ["loss=mse", "model=convnet", "seed=3", "model.dropout=0.25"],
        ["model.head_stddev=0.01", "model=mlp", "model.hidden_units=[8,4]"],  # a key before its group
        ["experiment=demo", "loss=mse", "study='two words'"],
        ["dataset=npz", "dataset.path=/x.npz", "early_stopping={metric: val/nll, patience: 3}"],
        ["++model.head_stddev=2", "loss=mse_logits"],
        ["loss={name: mine, _target_: my.Loss}"],
        ["~experiment", "seed=2"],
        ["model=mlp", "~model.activation"],
        ["+hydra.job.env_set.X=1", "seed=5"],
    ],
)
def test_a_composed_cell_equals_hydras(sweep, overrides):
    expected = sweep.loader.load_sweep_config(sweep.config, list(overrides))
    with open_dict(expected):
        del expected["hydra"]
    composer = Composer(sweep.loader, sweep.config)
    for _ in range(2):
        composed = composer.compose(overrides)
        assert composed == expected
        assert OmegaConf.to_container(composed, resolve=True) == OmegaConf.to_container(expected, resolve=True)


def test_files_are_composed_once_per_combination_of_options(sweep, monkeypatch):
    calls = []
    original = sweep.loader.load_sweep_config

    def counted(config, overrides):
        calls.append(overrides)
        return original(config, overrides)

    monkeypatch.setattr(sweep.loader, "load_sweep_config", counted)
    cells = sweep.plan(*[(f"loss={loss}", f"seed={seed}") for loss in ("mse", "softmax_ce") for seed in range(20)])
    assert len(cells) == 40
    assert calls == [["loss=mse"], ["loss=softmax_ce"]]


MIXED = (
    ("loss=mse", "loss=focal"),
    ("seed=1", "seed=2"),
    ("learning_rate=1", "learning_rate=0.5"),  # a whole number and a real one
    ("dataset.split_seed=${seed}", "dataset.split_seed=7"),
)


@pytest.mark.parametrize(
    "further",
    [
        ("optimizer.momentum=0.5", "threads=2"),
        ("optimizer.momentum=${learning_rate}", "mlflow_experiment='of ${seed}'"),
        ("warmup_epochs=${dataset.split_seed}", "study=seed", "batch_size='${${study}}'"),
        ("study=7", "early_stopping={metric: val/nll, patience: 3}", "early_stopping.patience=4"),
    ],
)
def test_each_cell_of_a_mixed_sweep_has_the_config_and_hash_that_it_has_alone(sweep, further):
    cells = [(*cell, *further) for cell in product(*MIXED)]
    if "optimizer.momentum=${learning_rate}" in further:  # below 1
        cells = [cell for cell in cells if "learning_rate=1" not in cell]
    composer = Composer(sweep.loader, sweep.config)
    planned = sweep.plan(*cells)
    assert len(planned) == len(cells)
    for cell, overrides in zip(planned, cells, strict=True):
        alone = checked(composer.compose([sweep.runs_dir, *overrides]), cores_of_a_cell(sweep.config.hydra.launcher))
        assert cell.config == OmegaConf.to_container(alone)
        assert cell.run.path == RunDirectory.named_after(alone).path


def test_a_cell_is_its_run_whatever_process_asks_later(sweep):
    """threads=auto is the cores over the parallel jobs: a cell's own command must give the same number."""
    sweep.config.hydra.launcher.n_jobs = 1
    (alone,) = sweep.plan(("seed=0",))
    sweep.config.hydra.launcher.n_jobs = 1000
    (shared,) = sweep.plan(("seed=0",))
    assert shared.overrides[-1] == "threads=1"
    assert alone.overrides[-1] == f"threads={alone.config['threads']}"
    assert sweep.plan(("seed=0", "threads=3"))[0].overrides == (sweep.runs_dir, "seed=0", "threads=3")


@pytest.mark.parametrize(
    ("launcher", "cores"),
    [
        ({}, 8),
        ({"n_jobs": 2}, 4),
        ({"n_jobs": 16}, 1),
        ({"cpus_per_task": 3}, 3),
        ({"init": {}, "remote": {"num_cpus": 2}}, 2),
        ({"init": {}, "remote": {"num_cpus": 0.5}}, 1),
    ],
)
def test_a_cell_has_the_cores_asked_of_the_cluster_or_its_share_of_the_machine(monkeypatch, launcher, cores):
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert cores_of_a_cell(OmegaConf.create(launcher)) == cores


def test_a_run_in_two_folders_is_two_cells(sweep, tmp_path):
    cells = sweep.plan((f"runs_dir={tmp_path / 'a'}",), (f"runs_dir={tmp_path / 'b'}",))
    assert [cell.run.path.parent.name for cell in cells] == ["a", "b"]
    assert len({cell.run.path.name for cell in cells}) == 1


def test_equal_runs_are_one_cell(sweep):
    assert [cell.label for cell in sweep.plan(("seed=0", "learning_rate=1"), ("seed=0", "learning_rate=1.0"))] == [
        "learning_rate=1"
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [(("seed=-1",), "seed=-1"), (("loss=cross",), "cross"), (("sed=1",), "sed"), (("batch_size=x",), "batch_size=x")],
)
def test_a_wrong_cell_is_refused_before_anything_runs(sweep, overrides, message):
    launcher = Launcher()
    with pytest.raises(Exception, match=message):
        sweep.run(launcher, ("seed=0",), overrides)
    assert launcher.launched == []


def end(run, status, **fields):
    (run.path / "journal.jsonl").touch()
    run.end(status, **fields)


def finish(cell, status="complete", **fields):
    cell.run.artifacts.mkdir(parents=True)
    cell.run.predictions.touch()  # a complete run has kept them
    end(cell.run, status, **fields)
    position = cell.run.position(cell.config["tracking_uri"], cell.config["mlflow_experiment"])
    position.closed_as = status
    position.save()


def test_only_what_is_not_complete_is_launched(sweep):
    first, second, _ = sweep.plan(*seeds(3))
    finish(first)
    second.run.path.mkdir()
    end(second.run, "complete")  # but the store does not know it yet
    launcher = Launcher()
    sweep.run(launcher, *seeds(3))
    assert launcher.launched == ["seed=1", "seed=2"]
    assert "3 cells: 1 ran before, 2 to run" in sweep.shown
    assert "3 of 3 cells complete" in sweep.shown


def test_changed_training_code_never_reuses_a_run(sweep, monkeypatch):
    for cell in sweep.plan(*seeds(2)):
        finish(cell)
    monkeypatch.setattr(identity, "code_digests", lambda config: {"harness_digest": "other code"})
    launcher = Launcher()
    sweep.run(launcher, *seeds(2))
    assert launcher.launched == ["seed=0", "seed=1"]


def test_the_summary_has_every_failure_its_reason_and_its_command(sweep):
    finish(sweep.plan(("seed=0", "study='two words'"))[0], "diverged", message="step 3: loss nan")
    ends = {"seed=1": End(137, "killed by SIGKILL"), "seed=2": End(4, "step 7: loss inf")}
    with pytest.raises(SweepError, match="1 of 4 cells complete; the same command runs what is not") as raised:
        sweep.run(Launcher(ends), *[(*seed, "study='two words'") for seed in seeds(4)])
    assert raised.value.exit_code == 1
    for label, exit_code, reason in [
        ("seed=0", "4", "step 3: loss nan"),
        ("seed=1", "137", "killed by SIGKILL"),
        ("seed=2", "4", "step 7: loss inf"),
    ]:
        assert any(all(part in line for part in (label, exit_code, reason)) for line in sweep.shown.splitlines())
    assert f"python run.py {sweep.runs_dir} seed=2 'study='\"'\"'two words'\"'\"'' threads=" in sweep.shown


def test_the_commands_name_configs_that_are_not_ours(tmp_path, runs_dir):
    shutil.copytree(f"{ROOT}/conf", tmp_path / "conf")
    (tmp_path / "conf" / "config.yaml").rename(tmp_path / "conf" / "mine.yaml")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(tmp_path / "conf"), version_base="1.3"):
        sweep = Sweep(runs_dir, "mine")
    with pytest.raises(SweepError):
        sweep.run(Launcher({"seed=0": End(1, "")}), *seeds(1))
    flags = f"--config-name=mine --config-path={tmp_path / 'conf'}"
    assert f"python run.py {flags} {sweep.runs_dir} seed=0 " in sweep.shown


def test_on_a_terminal_a_live_line_counts_the_cells_and_tells_the_time_left(sweep, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LOOKS", 0.01)
    now = iter([0.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(now, 2400.0)))
    finish(sweep.plan(("seed=0",))[0])

    def shows(line):
        until = time.monotonic() + 10
        while line not in sweep.output.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
        return line in sweep.output.getvalue()

    class Watched:
        def launch(self, job_overrides, initial_job_idx):
            files = files_of(job_overrides)
            assert shows("0 done  0 running  0 failed  1 skipped  of 6  time left -:--:--")
            for number in (0, 1, 2):
                files.start(number)
            assert shows("0 done  3 running  0 failed  1 skipped  of 6  time left -:--:--  seed=1  seed=2  seed=3")
            files.end(0, End(0, "complete"))
            files.end(1, End(4, "step 7: loss inf"))
            # Two of five in 40 minutes: an hour for the other three.
            assert shows("1 done  1 running  1 failed  1 skipped  of 6  time left 1:00:00  seed=3")
            for number in (2, 3, 4):
                files.end(number, End(0, "complete"))

    with pytest.raises(SweepError, match="5 of 6 cells complete"):
        sweep.run(Watched(), *seeds(6), terminal=True)
    assert "[2/5] seed=2  FAILED  step 7: loss inf" in sweep.shown


def test_the_exit_code_is_the_one_all_failures_share(sweep):
    with pytest.raises(SweepError) as raised:
        sweep.run(Launcher({"seed=0": End(4, "diverged"), "seed=2": End(4, "diverged")}), *seeds(3))
    assert raised.value.exit_code == 4


def test_who_breaks_the_launcher_is_found_and_costs_nobody_else(sweep):
    launcher = Launcher(deadly=["seed=2"])
    with pytest.raises(SweepError, match="5 of 6 cells complete"):
        sweep.run(launcher, *seeds(6))
    assert "seed=2  FAILED  the launcher broke: a worker was killed\n" in sweep.shown
    # 2 and 3 ran side by side when it broke: the rest went on, then each of the two ran alone.
    assert launcher.launched == ["seed=0", "seed=1", "seed=2", "seed=3", "seed=4", "seed=5", "seed=2", "seed=3"]


def test_the_ends_of_an_earlier_call_in_the_same_folder_are_not_read(sweep):
    sweep.run(Launcher(), *seeds(2))

    class Dying:
        def launch(self, job_overrides, initial_job_idx):
            files = files_of(job_overrides)
            for number, _ in enumerate(job_overrides, initial_job_idx):
                files.start(number)

    with pytest.raises(SweepError, match="0 of 2 cells complete"):
        sweep.run(Dying(), *seeds(2))


def test_a_damaged_record_costs_its_own_cell_and_says_what_to_do(sweep):
    for cell in sweep.plan(*seeds(2)):
        finish(cell)
    (sweep.plan(*seeds(1))[0].run.path / "outcome.json").write_text('{"status": "complete", "crc32": 7}')
    launcher = Launcher()
    with pytest.raises(SweepError, match="2 of 3 cells complete") as raised:
        sweep.run(launcher, *seeds(3))
    assert raised.value.exit_code == DiskError.exit_code
    assert launcher.launched == ["seed=2"]
    assert "3 cells: 1 ran before, 1 to run\n" in sweep.shown
    assert "is not what was written; restore the file, or delete its folder to" in " ".join(sweep.shown.split())


@pytest.mark.parametrize(("asked", "at_a_time"), [(-1, 2), (3, 3)])
def test_on_all_cores_each_thread_has_one(sweep, monkeypatch, asked, at_a_time):
    """The largest number of threads counts; a number of jobs that the user gave is taken as it is."""

    class Joblib(importlib.reload(joblib_launcher).JoblibLauncher):  # Hydra, too, makes the class anew
        launch = Launcher().launch

    monkeypatch.setattr("joblib.effective_n_jobs", lambda jobs: 8 if jobs == -1 else jobs)
    launcher = Joblib(n_jobs=asked)
    sweep.run(launcher, ("seed=0", "threads=1"), ("seed=1", "threads=4"))
    assert launcher.joblib["n_jobs"] == at_a_time


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError("no such partition"), "^no such partition$"),
        (RuntimeError("sbatch: error: no\nsbatch: at all"), r"it runs no cell \(RuntimeError: sbatch: error: no sb"),
        (None, "without running a cell"),
    ],
)
def test_a_launcher_that_never_starts_is_an_error_of_its_own(sweep, error, expected):
    class Broken:
        def launch(self, job_overrides, initial_job_idx):
            if error:
                raise error

    with pytest.raises(ConfigError, match=expected):
        sweep.run(Broken(), *seeds(2))
