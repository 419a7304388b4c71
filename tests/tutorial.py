"""docs/tutorial.ipynb, run anew: ``python -m tests.tutorial`` puts what this machine makes of it into the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbclient
import nbformat

from tests.prose import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def executed(folder: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a real kernel that runs in ``folder``."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=900, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    notebook.metadata.pop("widgets", None)  # of the progress bar, which is nothing once it has ended
    for cell in code_cells(notebook):
        cell.outputs = [one for one in cell.outputs if "application/vnd.jupyter.widget-view+json" not in data(one)]
    return notebook


def code_cells(notebook: nbformat.NotebookNode, trained: bool | None = None) -> list[nbformat.NotebookNode]:
    """Those that train or show what was trained, those that don't, or all."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if trained in (None, "trained" in cell.metadata.get("tags", []))]


def data(output: nbformat.NotebookNode) -> dict[str, str]:
    return output.get("data", {})


def text(cell: nbformat.NotebookNode) -> str:
    """What a cell prints and shows, as text."""
    return "".join(output.get("text", "") or data(output).get("text/plain", "") for output in cell.outputs)


def sections(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """The prose of each section, without formulas, code, links and the heading's number; and what its cells print."""
    prose = printed = ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            printed += text(cell)
            continue
        before, *after = re.split(r"^## ", cell.source, flags=re.MULTILINE)
        prose += f"{before}\n\n"
        for section in after:
            yield plain(prose), printed
            prose, printed = section, ""
    yield plain(prose), printed


def plain(markdown: str) -> str:
    unread = r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\]\([^)]*\)|^\|.*$|^\d+\. |[Ss]ection \d|chapter \d"
    return re.sub(unread, " ", markdown, flags=re.DOTALL | re.MULTILINE)


if __name__ == "__main__":
    nbformat.write(executed(NOTEBOOK.parent), NOTEBOOK)
