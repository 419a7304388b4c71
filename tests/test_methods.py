"""The figures in docs/methods.md are those of the committed simulations."""

import re

from tests.prose import ROOT

PERCENTAGE = re.compile(r"\d+\.\d%")


def test_every_percentage_stands_in_a_table_that_its_paragraph_links_to():
    count = 0
    for paragraph in (ROOT / "docs" / "methods.md").read_text().split("\n\n"):
        links = re.findall(r"\.\./(results/simulations/[^)]+\.md)", paragraph)
        tables = " ".join((ROOT / link).read_text() for link in links)
        told = PERCENTAGE.findall(paragraph)
        count += len(told)
        assert [one for one in told if one not in PERCENTAGE.findall(tables)] == [], paragraph
    assert count > 20
