"""The README shows what the committed results hold."""

import re
from pathlib import Path

from tests.conftest import ROOT


def test_the_tables_are_the_committed_ones():
    text = (Path(ROOT) / "README.md").read_text()
    shown = re.findall(r"<!-- (results/\S+) -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert shown
    for path, table in shown:
        assert table.strip() in (Path(ROOT) / path).read_text(), path


def test_every_interval_stands_in_a_table_of_the_study():
    text = " ".join((Path(ROOT) / "README.md").read_text().split())
    quoted = re.findall(r"[-+]?[\d.]+ \[[-+\d.e]+, [-+\d.e]+\]", text)
    assert quoted
    tables = "".join(path.read_text() for path in (Path(ROOT) / "results" / "mse_vs_ce").glob("*.md"))
    assert [interval for interval in quoted if interval not in tables] == []


def test_every_link_leads_to_a_file():
    text = (Path(ROOT) / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (Path(ROOT) / target).exists(), target
