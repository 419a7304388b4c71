"""Rows of a report, damaged at random: what was written is read, or a refusal, and never other numbers.

More inputs: pytest tests/report/evidence --hypothesis-profile long
"""

import os
import shutil
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ce_harness.errors import ConfigError, DataError, DiskError
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output import publish
from experiments import demo
from tests.datasets.test_data_fuzz import DAMAGES, damaged
from tests.refusals import in_one_line
from tests.report.synthetic import runs

FILES = ["runs.csv", "excluded.csv", "epochs.csv.gz", "steps.csv.gz"]


def a_report(folder):
    """Its folder, with the rows of ten runs, and these rows."""
    selection = select(runs(demo.STUDY.reads["loss"], 5), demo.STUDY, "demo")
    row_files = rows.to_files(rows.from_runs(selection, demo.STUDY.reads))
    output = folder / "report"
    shutil.rmtree(output, ignore_errors=True)
    publish.write({f"{rows.FOLDER}/{name}": content for name, content in row_files.items()}, {"commands": {}}, output)
    return output, row_files


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return a_report(tmp_path_factory.mktemp("rows"))


@given(name=st.sampled_from([*FILES, rows.REPORT]), damages=DAMAGES)
def test_damaged_rows(report, name, damages):
    output, row_files = report
    path = output / name if name == rows.REPORT else output / rows.FOLDER / name
    content = path.read_bytes()
    path.write_bytes(damaged(content, damages))
    try:
        assert rows.read(output)[0] == row_files
    except (ConfigError, DataError) as error:
        in_one_line(error)
    finally:
        path.write_bytes(content)


@given(name=st.sampled_from(FILES), damages=DAMAGES)
def test_rows_whose_checksums_were_made_anew(report, name, damages):
    """Somebody has edited them by hand: they can be read, or the file is named."""
    _, row_files = report
    with suppress(DataError):
        rows.from_files({**row_files, name: damaged(row_files[name], damages)})


@pytest.mark.parametrize("name", [rows.REPORT, f"{rows.FOLDER}/runs.csv"])
def test_a_pipe_among_them_is_refused_unopened(report, tmp_path, name):
    copy = tmp_path / "report"
    shutil.copytree(report[0], copy)
    (copy / name).unlink()
    os.mkfifo(copy / name)
    with pytest.raises(DataError, match=f"{name} is a pipe, a device or a folder, not a file"):
        rows.read(copy)
    if name == rows.REPORT:
        with pytest.raises(DiskError, match="is left alone"):
            publish.write({"index.html": "new"}, {}, copy)
