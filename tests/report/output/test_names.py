"""Whatever a run, a loss or a class is called: every output shows the name, and none acts on it."""

import csv
import io
import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ce_harness.printable import printable
from ce_harness.report.csv_text import as_written, harmless
from ce_harness.report.output import formats, page, style, terminal
from ce_harness.report.output.latex import latex
from ce_harness.report.study import Study, Table

HARMFUL = (
    *(
        "$\\frac$",
        "a\rb",
        "a\nb",
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "+1+1",
        "<script>alert(1)</script>",
        "-",
        "-1",
        "--",
    ),
    *("[x](http://evil.example)", "![x](y)", "http://evil.example", "www.evil.example", "\x1b[31mred", "\u202egnp"),
    *("**bold**", "_it_", "`code`", "~~gone~~", "a|b", "&lt;", "\\", "*", "[", "%", "{", "'=quoted", "a_b"),
    *("# head", "1. list", "-", "-1"),
)
names = st.text(max_size=12).filter(str.strip) | st.sampled_from(HARMFUL)


def of(name):
    return Table(name, pd.DataFrame({name: [name], "number": [1.5]}), notes=(name,))


@given(names)
def test_csv_holds_no_formula_and_a_line_per_row(name):
    lines = list(csv.reader(io.StringIO(formats.csv(of(name)))))
    assert len(lines) == 2
    for cell in (line[0] for line in lines):
        assert cell.isprintable()
        assert cell == "-" or is_number(cell) or not cell.startswith(("=", "+", "-", "@"))


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@given(st.lists(names, min_size=1, max_size=3))
def test_rows_read_back_are_the_names_as_far_as_they_can_be_printed(several):
    frame = pd.DataFrame({"run": several})
    written = harmless(frame).to_csv(index=False, lineterminator="\n")
    read = as_written(pd.read_csv(io.StringIO(written), dtype=str, keep_default_na=False))
    assert read["run"].tolist() == [printable(name) for name in several]
    assert as_written(harmless(frame.astype("category")))["run"].tolist() == read["run"].tolist()


def inline_text(tokens):
    """The text of a rendered document, cell by cell; anything but text and the table itself is an error."""
    inner = [token.children for token in tokens if token.type == "inline"]
    assert {child.type for children in inner for child in children} <= {"text", "strong_open", "strong_close"}
    return ["".join(child.content for child in children) for children in inner]


@given(names)
@example("a_b")
@example("__0__")
@example("0 ")
def test_markdown_shows_the_name_and_nothing_else(name):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(formats.markdown(of(name)))
    shown = printable(name).strip()
    title, head, _, cell, _, note = inline_text(tokens)
    assert [title.strip(), head.strip(), cell.strip(), note.strip()] == [shown] * 4


class Reader(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text = set(), ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.text += data


def test_the_page_shows_the_names_and_gets_no_tag_from_them():
    def rendered(name, *tables):
        facts = {"study": name, "commands": {"train": [name], "report": "", "folder": ""}}
        return Reader(page.render(Study(name, {}), facts, {str(i): of(one) for i, one in enumerate(tables)}, {}))

    read = rendered("<b>", *HARMFUL)
    assert [name for name in HARMFUL if printable(name) not in read.text] == []
    assert read.tags == rendered("name", "name").tags


@given(names)
def test_a_terminal_gets_no_escapes(name):
    console = terminal.console(io.StringIO())
    terminal.show_table(console, of(name))
    assert all(line.isprintable() for line in console.file.getvalue().split("\n"))


def test_figures_draw_the_names_and_no_formula():
    with style.paper():
        figure = style.new_figure(2, 1)
        ax = figure.subplots()
        for i, name in enumerate(HARMFUL):
            ax.text(0, i / 100, printable(name))
        assert style.rendered(figure, "f")["f.pdf"].startswith(b"%PDF")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_latex_compiles_whatever_a_table_is_called(tmp_path):
    ascii_names = [name for name in HARMFUL if printable(name).isascii()]
    tables = "\n".join(latex(of(name), f"t{i}") + "\\clearpage" for i, name in enumerate(ascii_names))
    packages = "\\usepackage{adjustbox,array,booktabs}"
    source = f"\\documentclass{{article}}{packages}\\begin{{document}}{tables}\\end{{document}}"
    (tmp_path / "all.tex").write_text(source)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
