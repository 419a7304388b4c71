"""Artifacts in a store on this machine: there once, and not lost with either of their two names."""

import pytest

from ce_harness.tracking import artifacts
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.tracking.reading import read_runs
from tests.tracking.test_store import recorded


@pytest.fixture
def sent(runs_dir):
    """A run's file, and the same in the store."""

    def send():
        run, uri = recorded(runs_dir), f"sqlite:///{runs_dir / 'mlflow.db'}"
        BackgroundUploader(run, uri, "demo").finish()
        (kept,) = runs_dir.glob("artifacts/demo/*/artifacts/epochs.csv")
        (tracked,) = read_runs(uri, "demo")
        assert list(tracked.epochs().columns) == ["epoch", "step"]
        return run.artifacts / "epochs.csv", kept

    return send


def test_the_disk_holds_them_once(sent):
    ours, kept = sent()
    assert ours.samefile(kept)
    ours.unlink()
    assert kept.read_text() == "epoch,step\n"


def test_a_disk_without_links_gets_copies(sent, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(artifacts.os, "link", refuse)
    ours, kept = sent()
    assert not ours.samefile(kept)
    assert ours.read_bytes() == kept.read_bytes()


def test_sent_again_they_are_those_of_now(sent, tmp_path):
    (tmp_path / "now").mkdir()
    (tmp_path / "now" / "epochs.csv").write_text("now")
    _, kept = sent()
    artifacts._link(tmp_path / "now" / "epochs.csv", kept)
    assert kept.read_text() == "now"
