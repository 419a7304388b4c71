"""A report in the programs that people open it with: a LaTeX compiler and a browser."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from ce_harness.report import build
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from experiments import demo
from tests.report.synthetic import Run, study

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The demo on two networks, one of which has a name that LaTeX and HTML would stumble over."""
    reads = {**demo.STUDY.reads, "model": ["lenet5", "<b>&_%"], "seed": range(8)}
    tracked = [
        Run(loss, seed, accuracy, name=f"{model}-{loss}-s{seed}", tags={"model": model})
        for model in reads["model"]
        for loss, accuracy in (("softmax_ce", 0.95), ("builtin_ce", 0.95), ("mse", 0.9))
        for seed in reads["seed"]
    ]
    tracked[-1].status = "diverged"
    evidence = rows.from_runs(select(tracked, study(reads), "demo"), reads)
    evidence.runs["study_digest"] = ""
    output = tmp_path_factory.mktemp("results") / "demo"
    build.build("demo", demo.STUDY, Path(demo.__file__), rows.to_files(evidence), output)
    return output


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_every_latex_table_compiles_and_is_no_wider_than_the_text(report, tmp_path):
    tables = sorted(report.glob("*.tex"))
    assert len(tables) >= 8
    inputs = "\n".join(f"\\input{{{table}}}\\clearpage" for table in tables)
    packages = "\\usepackage{adjustbox,array,booktabs}"
    source = f"\\documentclass{{article}}{packages}\\begin{{document}}{inputs}\\end{{document}}"
    (tmp_path / "all.tex").write_text(source)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert [line for line in done.stdout.splitlines() if line.startswith("Overfull \\hbox")] == []
    assert "Float too large" not in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("Overfull \\vbox")] == []


def browse(page, tmp_path, *flags):
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,2000"]
    subprocess.run([*command, *flags, page.as_uri()], cwd=tmp_path, capture_output=True, check=True, timeout=60)


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
@pytest.mark.parametrize(("scheme", "text", "back"), [(1, 27, 255), (0, 228, 20)])
def test_the_page_is_light_or_dark_as_the_reader_likes(report, tmp_path, scheme, text, back):
    shot = tmp_path / "page.png"
    browse(report / "index.html", tmp_path, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={shot}")
    red = np.round(image.imread(shot)[..., 0] * 255).astype(int)
    assert red[3, 3] == back
    assert (red == text).sum() > 1000  # letters in the colour of the text


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
def test_the_page_prints_with_all_its_figures(report, tmp_path):
    browse(report / "index.html", tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'page.pdf'}")
    printed = (tmp_path / "page.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type/Page/") >= 6
