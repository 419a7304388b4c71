"""The command that measures."""

import json
import subprocess
import sys

from ce_harness.report.output import publish


def test_a_folder_that_would_be_refused_is_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    command = [sys.executable, "-m", "benchmarks", "survival", "--output", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)  # measured, it takes minutes
    assert refused.returncode == 7
    assert refused.stderr.startswith("error: ")
    assert "note.txt" in refused.stderr


def test_one_table_is_measured_again_and_the_others_stay(tmp_path):
    folder = tmp_path / "results" / "licences"
    publish.write({"other.md": "as it was", "licences.md": "of earlier"}, {}, folder)
    command = [sys.executable, "-m", "benchmarks", "licences", "--only", "licences", "--output", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    assert (folder / "other.md").read_text() == "as it was"
    assert "keras" in (folder / "licences.md").read_text()
    assert 'href="licences/other.md"' in (tmp_path / "results" / "index.html").read_text()
    assert json.loads((folder / "report.json").read_text())["files"].keys() == {
        *("other.md", "licences.md", "licences.csv", "licences.tex")
    }
