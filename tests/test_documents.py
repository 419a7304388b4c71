"""What the documents point at is there: files, and the tests that docs/comparisons.md rests on."""

import ast
import doctest
import re

import pytest

from tests.prose import ROOT, checked_files

DOCUMENTS = [path for path in checked_files() if path.suffix == ".md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(path):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
    files = [target for target in targets if not target.startswith(("http:", "https:"))]
    assert [target for target in files if not (path.parent / target).exists()] == []


def troubles() -> list[list[str]]:
    """The cells of each row of docs/comparisons.md."""
    lines = (ROOT / "docs" / "comparisons.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [row for row in rows if row[0] != "trouble"]


def test_every_trouble_names_where_it_was_reported():
    assert [row for row in troubles() if len(row) != 4 or not re.search(r"[\w.-]+/[\w.-]+#\d+|https://", row[1])] == []


def test_every_trouble_names_tests_that_exist():
    for *_, tests in troubles():
        names = re.findall(r"`([^`]+)`", tests)
        assert names, tests
        for name in names:
            file, _, function = name.partition("::")
            tree = ast.parse((ROOT / file).read_bytes())
            assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name


def test_the_numbers_of_the_faq_come_out():
    results = doctest.testfile(str(ROOT / "docs" / "faq.md"), module_relative=False)
    assert results.attempted > 20
    assert results.failed == 0
