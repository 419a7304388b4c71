"""A run's records, damaged at random: what is read is what was written, or its beginning, or a refusal.

More inputs: pytest tests/rundir --hypothesis-profile long
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ce_harness.errors import DiskError
from ce_harness.rundir.journal import Journal
from tests.datasets.test_data_fuzz import DAMAGES, damaged
from tests.refusals import in_one_line
from tests.rundir.test_journal import written

FIELDS = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=3),
    max_size=4,
)


def a_journal(folder):
    """Its file, what is recorded in it, and its bytes."""
    path = folder / "journal.jsonl"
    path.unlink(missing_ok=True)
    records = written(path, epochs=3).records
    return path, [json.dumps(record) for record in records], path.read_bytes()


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    return a_journal(tmp_path_factory.mktemp("journal"))


@given(damages=DAMAGES)
def test_a_damaged_journal(journal, damages):
    path, records, content = journal
    path.write_bytes(damaged(content, damages))
    try:
        read = [json.dumps(record) for record in Journal(path).records]
    except DiskError as error:
        in_one_line(error)
        return
    assert read == records[: len(read)]


@given(fields=FIELDS)
def test_whatever_is_recorded_is_read_again(tmp_path_factory, fields):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.unlink(missing_ok=True)
    record = {"kind": "start", "fields": fields}
    Journal(path).append(record)
    assert json.dumps(Journal(path).records) == json.dumps([record])
