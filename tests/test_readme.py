"""The README shows what the committed results hold."""

import re
from pathlib import Path

from tests.conftest import ROOT


def test_the_demos_table_is_the_committed_one():
    text = (Path(ROOT) / "README.md").read_text()
    shown = re.search(r"<!-- (results/\S+) -->\n(.*?)<!-- end -->", text, re.DOTALL)
    table = (Path(ROOT) / shown[1]).read_text()
    assert shown[2].strip() in table


def test_every_link_leads_to_a_file():
    text = (Path(ROOT) / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (Path(ROOT) / target).exists(), target
