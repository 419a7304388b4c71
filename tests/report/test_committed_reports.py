"""Committed reports follow from their committed rows, by the rules of today, on whatever processor."""

import os
import subprocess
import sys

import pytest

from ce_harness.report import build
from ce_harness.report.evidence import rows
from ce_harness.report.output import formats
from ce_harness.report.verdicts import rates
from experiments import demo
from tests.prose import ROOT


def test_the_committed_numbers_are_what_the_rows_make():
    committed = ROOT / "results" / "demo"
    row_files, _ = rows.read(committed)
    evidence = rows.from_files(row_files)
    made = build.tables_of(demo.STUDY, evidence, rates.compared(demo.STUDY, evidence))
    assert {"verdicts", "comparison", "sensitivity", "why_cross_entropy"} <= made.keys()
    for name, table in made.items():
        assert formats.csv(table) == (committed / f"{name}.csv").read_text(), name


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the variables are of x86 processors' libraries on Linux")
@pytest.mark.parametrize("name", ["demo", "number_of_classes"])
def test_another_processor_rebuilds_every_byte(name, tmp_path):
    older = {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
    committed, again = ROOT / "results" / name, tmp_path / "again"
    rebuild = [sys.executable, "report.py", name, "--from", committed, "--output", again]
    subprocess.run(rebuild, cwd=ROOT, env={**os.environ, **older}, check=True, capture_output=True)
    names = {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    names -= {path for path in names if path.name in ("index.html", "report.json")}  # which say where they lie
    assert len(names) > 40
    assert [name for name in names if (committed / name).read_bytes() != (again / name).read_bytes()] == []
