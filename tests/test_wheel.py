"""The wheel, unpacked in a folder of its own: what it holds is all that the commands need."""

import ast
import os
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from hatchling.build import build_wheel

from ce_harness.config import GROUPS
from tests.conftest import ROOT

MY_STUDY = """
import pandas as pd
from ce_harness.report.study import Study, Table

STUDY = Study("How many?", tables={"count": lambda evidence: Table("Count", pd.DataFrame({"n": [3]}))})
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder, here = tmp_path_factory.mktemp("unpacked"), os.getcwd()
    os.chdir(ROOT)
    try:
        wheel = build_wheel(str(folder))
    finally:
        os.chdir(here)
    with zipfile.ZipFile(folder / wheel) as archive:
        archive.extractall(folder)
    return folder


def command(unpacked, name, *words, folder):
    """A command as its entry point starts it, in a folder that holds no checkout."""
    entry_points = ConfigParser()
    entry_points.read(next(unpacked.glob("*.dist-info")) / "entry_points.txt")
    module, _, function = entry_points["console_scripts"][name].partition(":")
    code = f"import sys; sys.argv[0] = {name!r}; from {module} import {function}; {function}()"
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, cwd=folder, env=environment
    )


def test_every_config_and_study_of_the_checkout_is_in_the_wheel(unpacked):
    for folder in ("conf", "experiments"):
        of_checkout, in_wheel = (
            {str(path.relative_to(root)) for path in (root / folder).rglob("*") if path.suffix in (".py", ".yaml")}
            for root in (Path(ROOT), unpacked / "ce_harness")
        )
        assert in_wheel == of_checkout


@pytest.mark.parametrize("path", sorted(Path(ROOT, "experiments").rglob("*.py")), ids=lambda path: path.name)
def test_no_study_imports_another_by_its_place_in_the_checkout(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module.partition(".")[0] != "experiments", "in the wheel it is ce_harness.experiments"


def test_a_config_is_composed_from_the_wheels_own_options(unpacked, tmp_path):
    answer = command(unpacked, "ce-run", "--cfg", "job", "loss=mse", folder=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert all(f"\n{group}:\n" in answer.stdout for group in GROUPS)


@pytest.mark.slow
def test_a_study_of_ones_own_is_reported_beside_its_file(unpacked, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "how_many.py").write_text(MY_STUDY)
    answer = command(unpacked, "ce-report", "mine/how_many.py", folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "mine" / "results" / "how_many" / "count.csv").read_text() == "n\n3\n"


@pytest.mark.slow
def test_the_commands_that_a_report_prints_are_the_installed_ones(unpacked, tmp_path):
    answer = command(unpacked, "ce-report", "demo", "--missing", folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("ce-run -m experiment=demo ")


def test_the_dashboard_starts_from_the_wheel(unpacked, tmp_path):
    """As far as its help: the server itself is seen in tests/tracking/test_dashboard.py."""
    answer = command(unpacked, "ce-dashboard", "--help", folder=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "RUNS_DIR" in answer.stdout
