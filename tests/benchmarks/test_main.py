"""The command that measures."""

import subprocess
import sys


def test_a_folder_that_would_be_refused_is_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    command = [sys.executable, "-m", "benchmarks", "survival", "--output", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)  # measured, it takes minutes
    assert refused.returncode == 7
    assert refused.stderr.startswith("error: ")
    assert "note.txt" in refused.stderr
