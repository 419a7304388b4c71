"""Two people on one store: the second is told what the first has trained, and need not train it again."""

import re

import pytest
from omegaconf import OmegaConf

from ce_harness.cli import run as command
from ce_harness.config import code_digest, config_hash
from ce_harness.errors import TrackingError
from ce_harness.sweep import trained_elsewhere
from ce_harness.tracking.store import open_store
from tests.sweep.test_planning import Launcher, seeds, sweep  # noqa: F401

SCORES = {"test/accuracy": 0.9, "test/nll": 0.3, "test/brier": 0.15}


@pytest.fixture
def server(make_runs_dir, monkeypatch):
    """The address of a store that lies in nobody's runs_dir."""
    monkeypatch.setattr(trained_elsewhere, "_complete", trained_elsewhere._complete.__wrapped__)  # of this test alone
    return f"sqlite:///{make_runs_dir('server') / 'mlflow.db'}"


def trained_by_somebody(config, status="complete"):
    client = open_store(config.tracking_uri)
    tags = {"config_hash": config_hash(config), "code_digest": code_digest(config), "study": config.study}
    run = client.create_run("0", tags={**tags, "status": status})
    for name, score in SCORES.items():
        client.log_metric(run.info.run_id, name, score)


@pytest.fixture
def combinations(server):
    return [(f"tracking_uri={server}", *words) for words in seeds(3)]


@pytest.fixture
def first_is_trained(sweep, combinations):  # noqa: F811
    first, second, _ = sweep.plan(*combinations)
    trained_by_somebody(OmegaConf.create(first.config))
    trained_by_somebody(OmegaConf.create(second.config), "failed")


@pytest.mark.usefixtures("first_is_trained")
def test_a_sweep_says_so_and_trains_unless_asked_not_to(sweep, server, combinations):  # noqa: F811
    launcher = Launcher()
    sweep.run(launcher, *combinations)
    assert launcher.launched == ["seed=0", "seed=1", "seed=2"]
    told = f"1 of these are complete in {server}, trained elsewhere: skip_tracked=true does not train them again\n"
    assert told in sweep.shown

    launcher = Launcher()
    sweep.run(launcher, *[(*words, "skip_tracked=true") for words in combinations])
    assert launcher.launched == ["seed=1", "seed=2"]
    assert "3 of 3 cells complete" in sweep.shown


@pytest.mark.usefixtures("first_is_trained")
def test_what_only_a_folder_has_is_trained(sweep, combinations):  # noqa: F811
    launcher = Launcher()
    sweep.run(launcher, *[(*words, "skip_tracked=true", "save_model=true") for words in combinations])
    assert launcher.launched == ["seed=0", "seed=1", "seed=2"]


def test_a_server_that_is_away_matters_only_to_who_relies_on_it(sweep, tmp_path):  # noqa: F811
    (tmp_path / "damaged.db").write_text("no database")
    combinations = [(f"tracking_uri=sqlite:///{tmp_path / 'damaged.db'}", *words) for words in seeds(2)]
    launcher = Launcher()
    sweep.run(launcher, *combinations)
    assert launcher.launched == ["seed=0", "seed=1"]
    with pytest.raises(TrackingError, match="the store can't be read"):
        sweep.run(launcher, *[(*words, "skip_tracked=true") for words in combinations])


def test_a_single_run_is_answered_from_the_store(composed, server):
    config = composed(f"tracking_uri={server}", "skip_tracked=true")
    assert command._trained_elsewhere(config) == ""
    trained_by_somebody(config)
    answer = command._trained_elsewhere(config)
    assert re.fullmatch(r"was complete in sqlite:///\S+  test: accuracy 0\.9000  nll 0\.3000  brier 0\.1500", answer), (
        answer
    )
