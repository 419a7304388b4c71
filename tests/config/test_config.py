"""The config: what names a run, and what is refused before anything heavy is imported."""

import math

import pytest
from omegaconf import open_dict

from ce_harness.config import checked, code_digest, config_hash, run_name
from ce_harness.errors import ConfigError


def test_the_defaults_are_the_contracts(composed):
    config = composed(base=())
    assert (config.dataset.name, config.model.name, config.loss.name) == ("digits", "lenet5", "softmax_ce")
    assert config.threads == "auto"


def test_where_a_run_is_kept_does_not_change_its_identity(composed):
    here = config_hash(composed())
    assert config_hash(composed("tracking_uri=http://127.0.0.1:1", "mlflow_experiment=x", "runs_dir=/x")) == here


def test_runs_and_reports_take_the_store_from_mlflows_own_variable(composed, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert composed(base=()).tracking_uri == "http://127.0.0.1:5000"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert composed("runs_dir=here", base=()).tracking_uri == "sqlite:///here/mlflow.db"


@pytest.mark.parametrize("override", ["seed=1", "loss=mse", "learning_rate=0.06", "threads=2", "study=other"])
def test_what_a_run_computes_is_its_identity(composed, override):
    assert config_hash(composed(override)) != config_hash(composed())


def test_losses_of_one_class_have_different_names_and_hashes(composed):
    summed, mean = composed("loss=mse"), composed("loss=mse_mean")
    assert summed.loss._target_ == mean.loss._target_
    assert run_name(summed) == "digits-softmax_regression-mse-s0"
    assert config_hash(summed) != config_hash(mean)


def test_a_name_says_what_was_typed_and_it_does_not_tell_anyway(composed):
    typed = ["loss=mse", "optimizer=adam", "seed=3", "+dataset.size=32", "study=mine", "tracking_uri=http://me:pw@host"]
    assert run_name(composed("loss=mse", "seed=3"), typed) == (
        "digits-softmax_regression-mse-s3 optimizer=adam dataset.size=32"
    )
    assert len(run_name(composed(), [f"callbacks.{'a' * 300}=1"])) == 250  # as long as a store takes


def test_a_module_that_is_not_there_is_refused(composed):
    with pytest.raises(ConfigError, match="nowhere: there is no such Python module"):
        code_digest(composed("loss._target_=nowhere.Loss"))


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("keras.optimizers.sgd", r"keras\.optimizers has no sgd; did you mean keras\.optimizers\.SGD\?"),
        ("keras.optimizers.Nope", r"keras\.optimizers has no Nope; name a class or function of that module"),
    ],
)
def test_a_name_that_a_module_lacks_is_refused(composed, target, answer):
    with pytest.raises(ConfigError, match=rf"^optimizer\._target_={target}: .*{answer}$"):
        checked(composed(f"optimizer._target_={target}"))


@pytest.mark.parametrize("source", ["def __getattr__(name): ...", "globals()['Own'] = 1"])
def test_a_name_that_the_source_can_not_show_is_let_through(composed, tmp_path, monkeypatch, source):
    module = f"own_{len(source)}"
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert checked(composed(f"loss._target_={module}.Own")).loss._target_ == f"{module}.Own"


def test_auto_threads_are_the_cores_that_the_run_has(composed, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert checked(composed("threads=auto")).threads == 8
    assert checked(composed("threads=auto"), cores=3).threads == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", -1.0),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("batch_size", 0),
        ("batch_size", -1),
        ("epochs", 0),
        ("seed", -1),
        ("study", "x" * 251),
        ("mlflow_experiment", "é" * 126),
        ("threads", 0),
        ("threads", 100_000),
        ("threads", "many"),
        ("log_every_n_steps", 0),
        ("model.head_stddev", -1.0),
        ("optimizer.momentum", 1.0),
        ("optimizer.momentum", "much"),
        ("dataset.val_fraction", 0.0),
        ("dataset.limit", 0),
        ("tracking_uri", "./mlruns"),
    ],
)
def test_a_value_outside_what_is_allowed_is_named_with_what_is(composed, key, value):
    config = composed()
    group, _, leaf = key.rpartition(".")
    (config[group] if group else config)[leaf] = value
    with pytest.raises(ConfigError, match=rf"^{key}=.*: allowed is .*; for example {key}="):
        checked(config)


@pytest.mark.parametrize(("key", "value"), [("loss.true_class_weight", 0), ("loss.target_scale", -1.0)])
def test_the_scales_of_the_logit_loss_are_positive(composed, key, value):
    config = composed("loss=mse_logits", f"{key}={value}")
    with pytest.raises(ConfigError, match=key):
        checked(config)


@pytest.mark.parametrize(("key", "answer"), [("optimizer", "allowed is a group of keys"), ("mine", "no such key")])
def test_a_key_that_waits_for_its_value_is_refused(composed, key, answer):
    config = composed()
    with open_dict(config):
        config[key] = "???"
    with pytest.raises(ConfigError, match=rf"^{key}='?\?\?\?'?: .*{answer}"):
        checked(config)


def test_a_part_may_be_named_by_a_number(composed):
    config = composed()
    config.model.name = 5
    assert run_name(config) == run_name(checked(config)) == "digits-5-softmax_ce-s0"


def test_a_class_may_be_named_by_a_number(composed):
    config = checked(composed("class_weight={10: 2, cat: 1}"))
    assert config.class_weight == {"10": 2.0, "cat": 1.0}
    quoted = composed()
    quoted.class_weight = {"10": 2.0, "cat": 1}
    assert config_hash(config) == config_hash(checked(quoted))


def test_a_whole_number_is_taken_where_a_real_one_is_meant(composed):
    config = checked(composed("optimizer.momentum=0"))
    assert isinstance(config.optimizer.momentum, float)
    assert config_hash(config) == config_hash(composed("optimizer.momentum=0.0"))
