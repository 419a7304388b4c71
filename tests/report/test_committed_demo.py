"""What README shows of the demo follows from its committed rows, by the rules of today."""

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
