"""The README shows what the committed results hold: as committed, since `make demo` writes its own over them."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not (Path(ROOT) / ".git").exists(), reason="not a Git checkout")

STUDIES = ("mse_vs_ce", "wider_grid", "equal_scale")  # whose intervals the README quotes


def committed(path: str) -> str:
    command = ["git", "-c", f"safe.directory={ROOT}", "show", f"HEAD:{path}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_tables_are_the_committed_ones():
    text = committed("README.md")
    shown = re.findall(r"<!-- (results/\S+) -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert shown
    for path, table in shown:
        assert table.strip() in committed(path), path


def test_every_interval_stands_in_a_table_of_a_study():
    text = " ".join(committed("README.md").split())
    quoted = re.findall(r"[-+]?[\d.]+ \[[-+\d.e]+, [-+\d.e]+\]", text)
    assert quoted
    files = [path for name in STUDIES for path in (Path(ROOT) / "results" / name).glob("*.md")]
    tables = "".join(committed(path.relative_to(ROOT).as_posix()) for path in files)
    assert [interval for interval in quoted if interval not in tables] == []
