"""A run's record on disk: every altered byte is noticed, what is missing is named, what is torn never counted."""

import json

import pytest
from omegaconf import OmegaConf

from ce_harness.errors import ConfigError, DiskError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from ce_harness.rundir.sealed import seal

PLACE = "http://127.0.0.1:9", "demo"


def written(path, epochs=2):
    journal = Journal(path)
    journal.append(Journal.record("start", name="a", tags={"seed": "0"}))
    for epoch in range(1, epochs + 1):
        journal.append(
            Journal.record("epoch", epoch=epoch, metrics={"val/loss": 1 / 3 / epoch, "train/loss": float("nan")})
        )
    return journal


def as_text(records):
    return [json.dumps(record) for record in records]  # NaN is not equal to itself


def test_what_is_read_is_what_was_written(tmp_path):
    path = tmp_path / "journal.jsonl"
    assert as_text(Journal(path).records) == []
    records = written(path).records
    assert as_text(Journal(path).records) == as_text(records)
    assert len(path.read_text().splitlines()) == 3


def test_no_altered_byte_passes(tmp_path):
    """Each bit of each byte in turn: the line is refused, or says the same, or is the last and counts as torn."""
    path = tmp_path / "journal.jsonl"
    records, content = written(path, epochs=1).records, path.read_bytes()
    refused = 0
    for i in range(len(content)):
        for bit in range(8):
            path.write_bytes(content[:i] + bytes([content[i] ^ 1 << bit]) + content[i + 1 :])
            try:
                read = Journal(path).records
            except DiskError:
                refused += 1
            else:
                said = [{key: record[key] for key in known} for known, record in zip(records, read, strict=False)]
                assert as_text(said) in (as_text(records), as_text(records[:1])), content[i:]
    assert refused > 0.9 * 8 * len(content)


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "journal.jsonl"
    written(path)
    path.write_bytes(path.read_bytes().replace(b"0.333", b"0.334"))
    with pytest.raises(DiskError, match=r"journal.jsonl: line 2: is not what was written; restore the file, or delete"):
        Journal(path)


def test_a_torn_line_never_counted_and_gives_way_to_the_next(tmp_path):
    path = tmp_path / "journal.jsonl"
    records = written(path).records
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    journal = Journal(path)
    assert as_text(journal.records) == as_text(records[:-1])
    journal.append(records[-1])
    assert path.read_bytes() == whole


def test_lines_that_were_cut_out_are_missed(tmp_path):
    path = tmp_path / "journal.jsonl"
    records = written(path, epochs=3).records
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(DiskError, match=r"journal.jsonl: epoch 2 is missing; restore the file, or delete its folder"):
        Journal(path)
    path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(DiskError, match="epoch 2 is missing"):  # the checkpoint is further on
        Journal(path).append(records[3])
    assert path.read_bytes() == b"".join(lines[:2])


@pytest.fixture
def ended(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    written(run.path / "journal.jsonl")
    with run.claimed():
        run.end("complete", metrics={"test/accuracy": 0.5})
        position = run.position(*PLACE)
        position.run_id, position.records, position.closed_as = "abc", 3, "complete"
        position.save()
    return run


def test_a_run_that_ended_misses_records_that_are_gone(ended):
    lines = ended.journal().path.read_bytes().splitlines(keepends=True)
    ended.journal().path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(DiskError, match="journal.jsonl: is not what was written"):
        ended.journal()


def test_a_run_that_ended_under_an_earlier_version_misses_them_too(ended):
    outcome = {"status": "complete", "journal_records": 4}
    (ended.path / "outcome.json").write_bytes(seal(outcome))
    with pytest.raises(DiskError, match="3 of 4 records are left"):
        ended.check()


def test_a_run_that_ended_and_was_copied_to_another_name_is_refused(ended):
    ended.check()
    copied = RunDirectory(ended.path.with_name("other"))
    ended.path.rename(copied.path)
    with pytest.raises(ConfigError, match="other: it holds the run run; move it away"):
        copied.check()


def test_an_altered_outcome_is_refused(ended):
    path = ended.path / "outcome.json"
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    with pytest.raises(DiskError, match=r"outcome.json: is not what was written; restore the file, or delete"):
        _ = ended.outcome


def test_an_altered_position_in_the_store_starts_again(ended):
    assert ended.settled(*PLACE)
    path = ended.path / "mlflow.json"
    path.write_bytes(path.read_bytes().replace(b"abc", b"abd"))
    assert (ended.position(*PLACE).run_id, ended.position(*PLACE).records) == (None, 0)
    assert not ended.settled(*PLACE)


def test_a_run_with_a_checkpoint_left_is_not_finished(ended):
    """Killed between its end and the removal of its checkpoints, it is to be called again."""
    place = dict(zip(("tracking_uri", "mlflow_experiment"), PLACE, strict=True))
    config = OmegaConf.create(place | dict.fromkeys(("save_model", "save_predictions", "keep_checkpoint"), False))
    assert ended.finished(config)
    ended.checkpoints.mkdir()
    assert not ended.finished(config)
    ended.remove_leftovers()
    assert ended.finished(config)


def test_only_a_run_that_never_began_leaves_nothing(tmp_path, ended):
    fresh = RunDirectory(tmp_path / "fresh")
    with fresh.claimed():
        pass
    assert not fresh.path.exists()
    ended.journal().path.unlink()
    with pytest.raises(DiskError, match="journal.jsonl: is gone"), ended.claimed():
        pass
    assert ended.outcome["metrics"] == {"test/accuracy": 0.5}
