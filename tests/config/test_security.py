"""What a config can't do by accident, and what is never kept."""

import subprocess
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ce_harness import datasets
from ce_harness.config import checked
from ce_harness.errors import ConfigError, TrackingError
from ce_harness.training import parts, train_and_evaluate

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
        ("dataset", "pickle.load"),
        ("dataset", "numpy.load"),
        ("dataset", "joblib.load"),
        ("dataset", "pandas.read_pickle"),
        ("model", "keras.saving.load_model"),
        ("model", "hydra.utils.instantiate"),
        ("optimizer", "keras.config.enable_unsafe_deserialization"),
        ("model", "../evil"),
        ("model", "evil"),
        ("model", ""),
    ],
)
def test_a_part_is_never_a_function_that_loads_pickles_or_starts_programs(composed, group, target):
    config = composed(base=())
    config[group]["_target_"] = target
    with pytest.raises(
        ConfigError, match=rf"^{group}\._target_={target}: allowed is a class or function of ce_harness"
    ):
        checked(config)


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


def test_no_password_of_a_tracking_uri_is_in_what_an_error_says():
    for uri in ("http://me:hunter2@host:1/api", "postgresql+psycopg://me:hun/hunter2@host/db", "https://hunter2@host"):
        message = str(TrackingError(f"tracking_uri={uri}: it does not answer ({uri} refused)"))
        assert "hunter2" not in message
        assert message.count("://***@host") == 2
    assert str(TrackingError("sqlite:////home/a@b/mlflow.db")) == "sqlite:////home/a@b/mlflow.db"


def assert_nowhere(secret, folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
