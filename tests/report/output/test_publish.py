"""A report changes places with the one before it; nothing of a user's is ever removed."""

import json
import os
import threading
from pathlib import Path

import pytest

from ce_harness.errors import DiskError
from ce_harness.report.output import publish


def write(output, word="new"):
    publish.write({"page.html": word, "rows/runs.csv": word.encode()}, {"study": word}, output)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def output(tmp_path):
    write(tmp_path / "demo", "old")
    return tmp_path / "demo"


def test_a_report_lists_its_files(output):
    report = json.loads((output / "report.json").read_text())
    assert report["study"] == "old"
    assert list(report["files"]) == ["page.html", "rows/runs.csv"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_newer_report_takes_the_place_of_an_older_one_and_leaves_nothing_behind(output, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(publish, "exchange", lambda one, other: False)
    publish.write({"other.html": "new"}, {}, output)
    assert contents(output).keys() == {"other.html", "report.json"}
    assert list(output.parent.iterdir()) == [output]


def test_a_note_laid_into_a_report_is_never_removed(output):
    (output / "rows" / "note.md").write_text("mine")
    before = contents(output)
    with pytest.raises(DiskError, match=r"holds rows/note\.md, which no report wrote; move what is yours"):
        write(output)
    assert contents(output) == before


def test_a_folder_of_the_users_is_left_alone_even_if_it_holds_a_report_json(tmp_path):
    (tmp_path / "chapter1.tex").write_text("precious")
    for marker in (None, "[1]", '{"files": {}}', "not json"):
        if marker:
            (tmp_path / "report.json").write_text(marker)
        with pytest.raises(DiskError, match=r"left alone|earlier version"):
            write(tmp_path)
    assert (tmp_path / "chapter1.tex").read_text() == "precious"


def test_a_file_in_the_way_is_a_disk_error(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(DiskError, match="can't be written"):
        write(tmp_path / "results" / "demo")
    with pytest.raises(DiskError, match="is a file and is left alone"):
        write(tmp_path / "results")


def test_files_are_as_open_as_the_umask_says(tmp_path):
    before = os.umask(0o077)
    try:
        write(tmp_path / "private")
        os.umask(0o022)
        write(tmp_path / "public")
    finally:
        os.umask(before)
    modes = [oct((tmp_path / name).stat().st_mode)[-3:] for name in ("private", "private/page.html", "public")]
    assert modes == ["700", "600", "755"]


def killed_at(moment, output, can_exchange):
    """Writes a report in a process that ends, as by a kill, before its file call of this number."""
    pid = os.fork()
    if pid == 0:
        calls = 0

        def counting(call):
            def counted(*args, **options):
                nonlocal calls
                calls += 1
                if calls == moment:
                    os._exit(9)
                return call(*args, **options)

            return counted

        for name in ("write_bytes", "mkdir", "rename"):
            setattr(Path, name, counting(getattr(Path, name)))
        publish.exchange = counting(publish.exchange) if can_exchange else lambda one, other: False
        publish.shutil.rmtree = counting(publish.shutil.rmtree)
        write(output)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


@pytest.mark.parametrize("can_exchange", [True, False])
def test_killed_at_any_moment_there_is_a_whole_report_and_the_next_leaves_nothing_behind(output, can_exchange):
    moment = 1
    while killed_at(moment, output, can_exchange):
        if can_exchange:
            assert set(contents(output).values()) >= {"old"} or set(contents(output).values()) >= {"new"}
        write(output, "old")
        assert set(contents(output).values()) >= {"old"}
        assert list(output.parent.iterdir()) == [output]
        moment += 1
    assert moment > 8


def test_a_reader_always_finds_a_report(output):
    missed, done = [], threading.Event()

    def look():
        while not done.is_set():
            missed.extend([] if (output / "report.json").exists() else [1])

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(50):
        write(output)
    done.set()
    reader.join()
    assert missed == []
