"""What the tests share: a config composed as the command line would, and an MLflow store that is ready at once."""

import os
import shutil

import hypothesis
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from ce_harness.startup import import_tensorflow, loading

import_tensorflow()
import tensorflow as tf  # noqa: E402

os.environ.pop("MLFLOW_TRACKING_URI", None)  # the store of whoever runs the tests is not theirs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Fixed for the process by the first operation; the tiny runs below ask for one thread too.
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

# A few fixed inputs in the suite; thousands of new ones by --hypothesis-profile long.
hypothesis.settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", max_examples=5000, deadline=None)
hypothesis.settings.load_profile("quick")

# A run of about a second: 4 batches an epoch.
TINY = ("model=softmax_regression", "dataset.limit=64", "batch_size=16", "epochs=3", "threads=1")


@pytest.fixture(scope="session", autouse=True)
def imports_left_to_themselves():
    """A run begins with a garbage collection; 0.4 s of it, a third of a tiny run, would go over what is imported."""
    with loading():
        import ce_harness.training  # noqa: F401


@pytest.fixture(autouse=True)
def environment_of_its_own():
    """What a test, or a command that it calls in this process, sets in the environment ends with it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory):
    """A SQLite store with MLflow's tables; making them takes seconds, so all processes of a test run share it."""
    from ce_harness.tracking.store import open_store

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # each worker's is a folder in the shared one
    path = folder / "migrated_store" / "mlflow.db"
    open_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def make_runs_dir(tmp_path, migrated_store):
    """Makes folders for runs, by name, each with a store of its own."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(migrated_store, folder / "mlflow.db")
        return folder

    return make


@pytest.fixture
def runs_dir(make_runs_dir):
    return make_runs_dir("runs")


@pytest.fixture
def composed(runs_dir):
    """Composes a tiny run's config: ``composed("loss=mse", "seed=1")``."""

    def compose_config(*overrides: str, base=TINY):
        GlobalHydra.instance().clear()
        with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
            return compose("config", [*base, f"runs_dir={runs_dir}", *overrides])

    return compose_config
