"""A study that goes on where an earlier report stands: its rows beside what a store holds since."""

from dataclasses import replace

import pandas as pd
import pytest

import experiments.demo
import report
from ce_harness.errors import ConfigError, DataError
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.earlier import read, runs_of
from ce_harness.report.evidence.selection import select, survey
from ce_harness.tracking import reading, report_note
from tests.report.synthetic import Run, runs

READS = {"dataset": ["digits"], "loss": ["softmax_ce", "mse"], "learning_rate": [0.05, 0.5], "seed": range(3, 9)}
TUNING = range(3)


def tracked_runs():
    found = [
        Run(loss, seed, accuracy, params={"learning_rate": rate, "momentum": "0.9"}, name=f"{loss}-lr{rate}-s{seed}")
        for loss in READS["loss"]
        for rate, accuracy, seeds in (("5e-1", 0.6, TUNING), ("0.05", 0.9, range(9)))
        for seed in seeds
    ]
    found[1].status = "diverged"
    for one in found[-6:]:
        one.name, one.tags["config_hash"] = "mse", f"{one.seed}abcdefghijk"  # one name, six runs
    return found


def files_of(runs, added=None):
    selection = select(runs, READS, "demo", "", TUNING)
    return rows.to_files(rows.from_runs(selection, READS, rows.from_files(added) if added else None))


@pytest.mark.parametrize("here", [slice(0, 0), slice(0, 9), slice(9, 18), slice(4, 14), slice(0, 18)])
def test_whatever_part_of_the_runs_is_still_in_the_store_the_rows_are_the_same(here):
    once = files_of(tracked_runs())
    part = tracked_runs()[here]
    assert files_of([*part, *runs_of(once, part)], once) == once


def test_what_was_missing_then_is_trained_now():
    tracked = tracked_runs()
    running = replace(tracked[-1], status="running", tags=dict(tracked[-1].tags), metrics=dict(tracked[-1].metrics))
    then = files_of([*tracked[:-1], running])
    listed = rows.from_files(then).excluded["reason"].str.partition(":")[0].tolist()
    assert sorted(listed) == ["diverged", "running", "unpaired"]
    earlier = runs_of(then, [])
    (missing,) = survey(earlier, READS, "demo", TUNING).missing
    assert (missing["loss"], missing["seed"]) == ("mse", 8)
    assert files_of([*earlier, tracked[-1]], then) == files_of(tracked)


def test_a_run_that_was_trained_again_replaces_its_row():
    once = files_of(tracked_runs())
    again = Run("mse", 8, 0.7, name="again", start_time=2_000, params={"momentum": "0.9"})
    found = rows.from_files(files_of([again, *runs_of(once, [again])], once))
    assert found.runs.set_index("run").loc["again", "test/accuracy"] == again.metrics["test/accuracy"]
    assert ("mse", "duplicate of a later run") in set(found.excluded.itertuples(index=False, name=None))
    assert "again" in set(found.epochs["run"])


def test_runs_of_other_code_are_left_out_and_of_other_settings_refused():
    once = files_of(tracked_runs())
    newer = [
        Run(loss, seed, start_time=2_000, tags={"code_digest": "new"}) for loss in READS["loss"] for seed in (3, 4)
    ]
    found = rows.from_files(files_of([*newer, *runs_of(once, newer)], once))
    assert len(found.runs) == 4
    assert sum(reason.startswith("other code") for reason in found.excluded["reason"]) == 23
    longer = Run("mse", 8, params={"epochs": "60"})
    with pytest.raises(ConfigError, match="differ in epochs: 6 .* and 60 "):
        files_of([longer, *runs_of(once, [longer])], once)


@pytest.mark.parametrize("damaged", [lambda whole: whole[:-300], lambda whole: whole.replace(b"config_hash", b"x")])
def test_torn_rows_are_noticed(damaged):
    once = files_of(tracked_runs())
    with pytest.raises(DataError, match=r"the rows in runs\.csv are damaged"):
        runs_of({**once, "runs.csv": damaged(once["runs.csv"])}, [])


def test_of_another_study_the_runs_that_are_read_count_and_nothing_is_listed(tmp_path):
    once = files_of(tracked_runs())
    (tmp_path / "rows").mkdir()
    for file, content in once.items():
        (tmp_path / "rows" / file).write_bytes(content)
    (tmp_path / "report.json").write_text('{"study": "demo"}')
    assert "excluded.csv" in read(tmp_path, "demo")
    rates_of_mine = {**READS, "learning_rate": [0.05, 0.005]}
    found = survey(runs_of(read(tmp_path, "mine"), []), rates_of_mine, "mine", TUNING)
    assert len(found.tuning) == 6
    assert len(found.runs) == 12
    assert {cell["learning_rate"] for cell in found.missing} == {0.005}
    assert not found.excluded["reason"].str.startswith("foreign").any()
    assert rows.from_files(read(tmp_path, "mine")).excluded.empty
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"report\.json does not say which study"):
        read(tmp_path, "mine")


def test_the_command_adds_an_earlier_report(monkeypatch, tmp_path, capsys):
    everything = runs(experiments.demo.STUDY.reads["loss"], 5, mse={"accuracy": 0.90})
    store = everything[:8]
    monkeypatch.setattr(reading, "read_runs", lambda uri, study, must_exist=True: list(store))
    monkeypatch.setattr(report_note, "note_report", lambda uri, study, folder: None)
    first, both = str(tmp_path / "first"), str(tmp_path / "both")
    assert report.main(["demo", "--output", first]) == 0
    store[:] = everything[8:]
    assert report.main(["demo", "--output", both, "--adding", first]) == 0
    assert len(pd.read_csv(f"{both}/rows/runs.csv")) == len(everything)
    assert not (tmp_path / "both" / "excluded.csv").exists()
    capsys.readouterr()
    assert report.main(["demo", "--missing", "--adding", first]) == 0
    assert capsys.readouterr().out == ""
