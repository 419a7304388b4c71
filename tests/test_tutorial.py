"""The tutorial's notebook: what is committed is what its cells print, and its prose says nothing else."""

import re
import shutil

import nbformat
import pytest

from tests.prose import ROOT, long_sentences
from tests.tutorial import NOTEBOOK, NUMBER, code_cells, data, executed, sections, text

COMMITTED = nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def anew(tmp_path_factory):
    """The notebook in a folder of its own, so that its runs are trained now."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "docs").mkdir()
    shutil.copytree(ROOT / "tests" / "data", folder / "tests" / "data")
    (folder / "results").symlink_to(ROOT / "results")
    return executed(folder / "docs")


def test_it_is_committed_executed():
    assert [cell.execution_count for cell in code_cells(COMMITTED)] == list(range(1, len(code_cells(COMMITTED)) + 1))
    errors = [one for cell in code_cells(COMMITTED) for one in cell.outputs if one.output_type == "error"]
    assert errors == []
    pictures = [one for cell in code_cells(COMMITTED) for one in cell.outputs if "image/png" in data(one)]
    assert len(pictures) == 4


def test_every_number_in_the_prose_is_printed_by_a_cell_of_its_section():
    checked = 0
    for prose, printed in sections(COMMITTED):
        numbers = NUMBER.findall(prose)
        assert [number for number in numbers if not re.search(rf"(?<!\d){re.escape(number)}", printed)] == [], prose
        checked += len(numbers)
    assert checked > 30


def test_no_sentence_is_too_long(tmp_path):
    prose = "\n\n".join(cell.source for cell in COMMITTED.cells if cell.cell_type == "markdown")
    (tmp_path / "prose.md").write_text(prose)
    assert long_sentences(tmp_path / "prose.md") == []


def test_the_tutorials_numbers_come_out():
    exact = "".join(text(cell) for cell in code_cells(COMMITTED, trained=False))
    for number in ("0.65900114, 0.24243297, 0.09856589", "0.35667494393873245", "0.356674943938731"):
        assert number in exact
    for number in ("0.253333, 0.706667", "0.126667 0.353333", "0.375671, 1.056695", "0.0120", "0.2028", "25.25"):
        assert number in exact


@pytest.mark.slow  # trains 30 networks
def test_a_kernel_prints_what_is_committed(anew):
    for cell, committed in zip(code_cells(anew, trained=False), code_cells(COMMITTED, trained=False), strict=True):
        assert text(cell) == text(committed)


@pytest.mark.slow
def test_every_line_of_the_tutorial_has_a_verdict(anew):
    lines = text(code_cells(anew)[-1])
    for line in ("always use softmax + cross-entropy", "softmax gives probabilities", "cross-entropy measures quality"):
        assert line in lines
    claims = text(code_cells(anew)[-2])
    assert re.search(r"Low gradients early in training +yes +holds, as scale +no +holds, as scale", claims)
    assert re.search(r"Stronger feedback on bad predictions +no +holds: it fades +yes +holds: it stays", claims)


def test_the_report_on_the_tutorial_links_to_it():
    assert '<a href="../../docs/tutorial.ipynb">' in (ROOT / "results" / "tutorial" / "index.html").read_text()
