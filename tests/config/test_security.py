"""What a config can't do by accident, and what is never kept."""

import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from ce_harness import datasets, places
from ce_harness.cli.composition import CheckedConfigLoader
from ce_harness.config import checked
from ce_harness.errors import ConfigError, TrackingError
from ce_harness.training import parts, train_and_evaluate
from ce_harness.unofficial.hydra import create_config_search_path

witnessed = []


def witness(**options):
    witnessed.append(options)


def test_a_target_inside_a_part_is_never_called(composed):
    config = composed("model=mlp", base=())
    OmegaConf.update(config, "model.activation", {"_target_": "tests.config.test_security.witness"})
    with pytest.raises(ConfigError):
        parts.make_network(config, datasets.digits(limit=64))
    assert witnessed == []


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("loss", "os.system"),
        ("loss", "builtins.exec"),
        ("loss", "test.support.script_helper.run_python_until_end"),
        ("loss", "keras.losses.deserialize"),
        ("loss", "keras.optimizers.SGD"),
        ("loss", "ce_harness.losses.cross_entropy.tf.keras.models.load_model"),
        ("loss", "ce_harness.models.mlp"),
        ("loss", "hydra_plugins.resumable_sweeper.ResumableSweeper"),
        ("dataset", "pickle.load"),
        ("dataset", "numpy.load"),
        ("dataset", "joblib.load"),
        ("dataset", "pandas.read_pickle"),
        ("dataset", "ce_harness.sweep.plan.joblib.load"),
        ("dataset", "ce_harness.datasets.downloads.urllib.request.urlretrieve"),
        ("dataset", "setuptools._distutils.spawn.spawn"),
        ("dataset", "pip._internal.main"),
        ("dataset", "alembic.util.load_python_file"),
        ("model", "keras.saving.load_model"),
        ("model", "hydra.utils.instantiate"),
        ("model", "keras.applications.imagenet_utils"),
        ("optimizer", "keras.optimizers.get"),
        ("optimizer", "keras.optimizers.schedules"),
        ("optimizer", "keras.config.enable_unsafe_deserialization"),
        ("model", "../evil"),
        ("model", "evil"),
        ("model", ""),
    ],
)
def test_a_part_is_never_other_code(composed, group, target):
    config = composed(base=())
    config[group]["_target_"] = target
    with pytest.raises(ConfigError, match=rf"^{group}\._target_={target}: allowed is a class or function of "):
        checked(config)


@pytest.mark.parametrize(
    ("imports", "allowed"),
    [
        ("from joblib import load as Own", False),
        ("from os import system as Own", False),
        ("import joblib\ndef f():\n    from joblib import load as Own", False),
        ("from joblib import *", False),
        ("from keras.losses import CategoricalCrossentropy as Own", True),
        ("from ce_harness.losses import Focal as Own", True),
        ("from keras.losses import deserialize as Own", False),
        ("from other_module import Own", True),
        ("from other_module import *", True),
        ("from other_module import opened as Own", False),
    ],
)
def test_what_a_module_of_the_users_hands_on_is_judged_as_what_it_is(
    composed, tmp_path, monkeypatch, imports, allowed, request
):
    module = f"handing_on_{request.node.callspec.indices['imports']}"
    (tmp_path / f"{module}.py").write_text(imports)
    (tmp_path / "other_module.py").write_text("from joblib import load as opened\nclass Own: ...")
    monkeypatch.syspath_prepend(tmp_path)
    config = composed(f"loss._target_={module}.Own")
    with nullcontext() if allowed else pytest.raises(ConfigError):
        checked(config)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["+hydra.callbacks.x._target_=joblib.load"], r"hydra\.callbacks: ce_harness sets it; leave it out"),
        (["hydra/job_logging=default"], r"hydra\.job_logging: ce_harness sets it"),
        (["+hydra.job_logging.formatters.x.class=joblib.load"], r"hydra\.job_logging: ce_harness sets it"),
        (["hydra/hydra_logging=colorlog"], r"hydra/hydra_logging"),
        (["hydra.run.dir=/elsewhere"], r"hydra\.run\.dir: ce_harness sets it"),
        (["hydra.output_subdir=x"], r"hydra\.output_subdir: ce_harness sets it"),
        (["hydra.job.chdir=true"], r"hydra\.job\.chdir: ce_harness sets it"),
        (["+hydra.job.env_set.PYTHONPATH=/elsewhere"], r"hydra\.job\.env_set: ce_harness sets it"),
        (["hydra.verbose=true"], r"hydra\.verbose: ce_harness sets it"),
        (["hydra/sweeper=basic"], r"hydra\.sweeper\._target_: ce_harness sets it"),
        (["+hydra.launcher.x._target_=joblib.load"], r"hydra\.launcher\.x\._target_: Hydra would call what it names"),
        (["+hydra.help.x=[{_target_: joblib.load}]"], r"Hydra would call what it names|hydra\.help"),
    ],
)
def test_hydras_own_node_holds_what_we_put_there(overrides, says):
    search_path = create_config_search_path(str(places.conf()))
    with pytest.raises((ConfigError, HydraException), match=says):
        CheckedConfigLoader(search_path).load_configuration("config", overrides, RunMode.RUN)


def test_a_callback_is_held_to_the_same(composed):
    config = composed(base=())
    OmegaConf.update(config, "callbacks.shell", {"_target_": "subprocess.run", "args": "true"}, force_add=True)
    with pytest.raises(ConfigError, match=r"^callbacks\.shell\._target_=subprocess\.run: allowed is"):
        checked(config)


def test_no_secret_of_a_git_remote_or_a_tracking_uri_is_kept(composed, tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", repository], check=True)
    remote = ["remote", "add", "origin", "https://me:hunter2@example.org/x.git"]
    subprocess.run(["git", "-C", repository, *remote], check=True)
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    config = composed("epochs=1")
    train_and_evaluate(config)
    assert_nowhere("hunter2", Path(config.runs_dir))


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:hunter2@host:1/api", "http://***@host:1/api"),
        ("https://hunter2@host", "https://***@host"),
        ("postgresql+psycopg://me:hun/hunter2@host/db", "postgresql+psycopg://***@host/db"),
        ("postgresql://me:a?hunter2@host/db", "postgresql://***@host/db"),
        ("postgresql://h/db?user=me&password=hunter2", "postgresql://h/db?***"),
        ("http://h/?token=hunter2", "http://h/?***"),
        ("http://h/#hunter2", "http://h/#***"),
        ("http://me:p@h/?mail=a@b&token=hunter2", "http://***@b&***"),  # rather a wrong host than a token
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
    ],
)
def test_of_a_uri_an_error_shows_scheme_host_and_path(uri, shown):
    message = str(TrackingError(f"tracking_uri={uri}: it does not answer ('{uri}' refused)"))
    assert message == f"tracking_uri={shown}: it does not answer ('{shown}' refused)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_TRACKING_URI", "postgresql://me:hun hunter2@host/db"),
        ("MLFLOW_TRACKING_PASSWORD", "hunter2"),
        ("MLFLOW_TRACKING_TOKEN", "hunter2"),
    ],
)
def test_what_mlflow_signs_in_with_is_hidden_wherever_it_stands(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert "hunter2" not in str(TrackingError(f"{value}: it does not answer"))


def assert_nowhere(secret, folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
