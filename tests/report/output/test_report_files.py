"""What lies in results/NAME after a report, and what stays when a report fails."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ce_harness.cli.report import main as command
from ce_harness.errors import ConfigError, DataError, TooFewRunsError
from ce_harness.report import build
from ce_harness.report.evidence import rows, series
from ce_harness.report.evidence.selection import Selection, select
from ce_harness.report.output import classes, figures, formats, overview, style
from ce_harness.report.output.answer import Answered
from ce_harness.report.output.forest import forest
from ce_harness.report.output.latex import latex
from ce_harness.report.study import Claim, Table
from ce_harness.report.verdicts.intervals import Summary
from experiments import demo
from tests.conftest import ROOT
from tests.report.synthetic import Run, runs


@pytest.fixture(scope="module")
def row_files():
    tracked = runs(demo.STUDY.reads["loss"], 5, mse={"accuracy": 0.85, "grad_norm": 0.2})
    tracked[-1].status = "diverged"
    evidence = rows.from_runs(select(tracked, demo.STUDY, "demo"), demo.STUDY.reads)
    evidence.runs["study_digest"] = ""
    return rows.to_files(evidence)


@pytest.fixture(scope="module")
def report(row_files, tmp_path_factory):
    output = tmp_path_factory.mktemp("results") / "demo"
    make(row_files, output)
    return output


def make(row_files, output):
    commands = {"train": ["python run.py -m experiment=demo"], "report": "python report.py demo"}
    return build.build("demo", demo.STUDY, Path(demo.__file__), row_files, output, commands)


def kept(tracked):
    return Selection(tracked, [], pd.DataFrame(columns=["run", "reason"]), [])


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_table_and_figure_is_there_in_every_format(report):
    names = set(contents(report))
    tables = {*demo.STUDY.tables, "verdicts", "sensitivity", "excluded"}
    assert names == (
        {f"{table}.{suffix}" for table in tables for suffix in ("csv", "md", "tex")}
        | {f"{figure}.{suffix}" for figure in demo.STUDY.figures for suffix in ("pdf", "png", "svg")}
        | {f"rows/{name}" for name in rows.FILES if name not in ("tuning.csv", "test_images.csv.gz")}
        | {"index.html", "answer.md", "report.json"}
    )


def test_the_rows_alone_rebuild_every_byte(report, tmp_path, capsys):
    assert command(["demo", "--from", str(report), "--output", str(tmp_path / "again")]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].startswith("On digits with LeNet-5, does softmax + cross-entropy beat MSE")
    assert "What these runs don't decide:\n- Cross-entropy has larger gradients early in training: " in printed
    assert "Each loss on every metric" in printed
    assert f"page    {tmp_path / 'again' / 'index.html'}" in printed
    assert printed.count("\n") <= 29  # with what training says, one screen of 40
    first, again = contents(report), contents(tmp_path / "again")
    assert first.keys() == again.keys()
    assert [name for name in first if first[name] != again[name]] == []


def test_digits_that_depend_on_the_processor_are_not_written():
    frame = pd.DataFrame({"x": [2.0, 0.1 + 0.2]})
    assert formats.csv(Table("t", frame)) == "x\n2\n0.3\n"
    assert formats.csv(Table("t", frame, digits=None)) == "x\n2.0\n0.30000000000000004\n"


def test_what_was_left_out_is_counted_by_reason(report):
    left_out = json.loads((report / "report.json").read_text())["left_out"]
    assert left_out == {"diverged": 1, "missing": 15}
    assert "diverged 1; missing 15" in (report / "index.html").read_text()


def test_comparison_holds_mean_interval_and_censored_times(report):
    frame = pd.read_csv(report / "comparison.csv").set_index(["loss", "metric"])
    assert frame.loc[("softmax_ce", "test/accuracy"), "n"] == 5
    assert frame.loc[("mse", "test/accuracy"), "n"] == 5
    assert frame.loc[("mse", "epochs_to/0.95"), "reached"] == 0
    assert math.isinf(frame.loc[("mse", "epochs_to/0.95"), "median"])
    assert "| epochs to 95% val. accuracy |" in (report / "comparison.md").read_text()
    assert "> 6 (0/5)" in (report / "comparison.md").read_text()


def test_every_class_has_its_accuracy_by_its_name(report):
    frame = pd.read_csv(report / "per_class.csv").set_index(["class", "loss"])
    assert frame.loc[("3, written", "mse"), ["n", "mean"]].tolist() == [4, 0.95]  # the fifth diverged
    assert frame.loc[("3, written", "softmax_ce"), "mean"] == 1
    assert len(frame) == 10 * len(demo.STUDY.reads["loss"])
    assert ">3, written</td>" in (report / "index.html").read_text()


def test_runs_that_kept_no_confusion_matrix_say_so():
    evidence = rows.from_runs(kept(runs(["mse"], 2)), {"loss": ["mse"], "seed": range(2)})
    old = replace(evidence, confusion=evidence.confusion.iloc[:0])
    assert classes.per_class(old).notes == (classes.UNKNOWN,)
    assert classes.UNKNOWN in {text.get_text() for text in classes.confusion(old).axes[0].texts}
    assert "confusion.csv.gz" not in rows.to_files(old)


def test_early_gradient_norm_is_the_mean_over_the_first_epoch():
    run = Run("mse", 0)
    reads = {"loss": ["mse"], "seed": range(1)}
    found = rows.from_runs(kept([run]), reads).runs["early_grad_norm"].item()
    assert found == pytest.approx(sum(1 / math.sqrt(step) for step in range(1, 11)) / 10)


def test_an_infinite_score_stays_infinite():
    worst = Run("mse", 0, metrics={"test/nll": 1.7976931348623157e308})
    found = rows.from_runs(kept([worst]), {"loss": ["mse"], "seed": range(1)})
    assert math.isinf(found.runs["test/nll"].item())


def test_five_pairs_print_no_p(report):
    shown = (report / "paired_differences.md").read_text()
    assert "smallest exact two-sided p is" in shown
    assert "p (Holm)" not in shown


def test_excluded_runs_are_listed(report):
    assert "| digits-lenet5-mse-s4 | diverged: counts as chance" in (report / "excluded.md").read_text()


def test_the_page_loads_nothing_and_names_its_commands(report):
    page = (report / "index.html").read_text()
    assert re.findall(r'src="(?!data:)', page) == []
    links = set(re.findall(r'href="(.*?)"', page))
    assert all(link.removeprefix("#") in page for link in links if link.startswith("#"))
    assert [link for link in links if not link.startswith("#") and not (report / link).exists()] == []
    assert '<pre tabindex="0">python run.py -m experiment=demo\npython report.py demo\n' in page
    assert f"python report.py demo --from {report}" in page
    assert page.count("<figure") == len(demo.STUDY.figures)
    assert "prefers-color-scheme: dark" in page


def test_the_page_opens_with_the_answer_and_a_card_per_claim_with_its_forest_plot(report):
    page = (report / "index.html").read_text()
    assert (
        page.index("<strong>How far it carries:</strong> 15 runs")
        < page.index('<li class="card')
        < page.index('<figure id="differences"')
    )
    assert page.count('<li class="card') == len(demo.STUDY.claims)
    # A claim that was not measured has none.
    assert page.count('<svg class="forest"') == len(demo.STUDY.claims) - 1
    assert "Not decided" in page
    assert "Expected calibration error: mean gap of confidence and accuracy" in page
    assert len(page) < 2_000_000


def test_a_forest_plot_is_to_scale():
    claim = Claim("c", "test/accuracy", "a", "b", "greater", margin=0.01)
    row = {"mean": 0.03, "ci_low": 0.02, "ci_high": 0.04}
    drawn = forest(Answered(claim, row, "yes", ()))
    # The axis is -0.01 to 0.04 and 8% of it on either side: 240 / 0.058 to the unit, and -0.01 at 0.004 of it.
    assert 'cx="182.1"' in drawn
    assert '<rect x="16.6" y="2" width="82.8"' in drawn
    assert "95% interval: 3 points higher (2 to 4). " in drawn
    assert forest(Answered(claim, row | {"ci_low": math.nan}, "yes", ())) == ""


def test_the_page_over_all_reports_has_their_questions(report, tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(report, folder / "demo")
    (folder / "mine").mkdir()
    measured = folder / "speed"
    measured.mkdir()
    (measured / "report.json").write_text("{}")
    (measured / "loss_speed.md").touch()
    page = overview.write(folder).read_text()
    assert '<a href="demo/index.html">On digits with LeNet-5, does softmax + cross-entropy beat MSE' in page
    assert "How far it carries: 15 runs" in page
    assert '<p>speed: <a href="speed/loss_speed.md">loss speed</a></p>' in page
    assert page.count("<h2>") == 2
    to_it = '<a href="../index.html">All reports</a>'
    assert to_it in Path(ROOT, "results/demo/index.html").read_text()  # made in place
    assert to_it not in (report / "index.html").read_text()  # made where there is none


def test_provenance_names_data_and_rules(report):
    facts = json.loads((report / "report.json").read_text())
    assert facts["data_sha256"] == {"digits": "d1"}
    assert facts["code_digests"] == ["12e4567"]  # text, though it looks like a number
    assert facts["rules"].startswith("unknown")


def test_thinned_steps_keep_the_first_steps_and_the_mean():
    last, means = series.thin(np.arange(1.0, 1001)[:, None])
    assert len(last) <= series.KEPT_STEPS
    assert last.tolist()[:5] == [1, 2, 3, 4, 5]
    assert last[-1] == 1000
    assert (means[:, 0] * np.diff(last, prepend=0)).sum() / 1000 == pytest.approx(500.5)


def test_pooled_bins_keep_every_example_and_the_mean():
    low = [0.0, 0.5, 0.9]
    bins = pd.DataFrame(
        {
            "run": run,
            "epoch": epoch,
            "p_low": p,
            "p_high": p + 0.1,
            "count": int(p < 0.9) * epoch,
            "mean_norm": epoch / 10,
        }
        for run, epochs in (("long", 20), ("short", 1))
        for epoch in range(1, epochs + 1)
        for p in low
    )
    every = series.pooled(bins.astype({"run": "category"}))
    assert every.loc[every["run"] == "short", ["epoch", "p_low", "count"]].to_numpy().tolist() == [
        [1, 0, 1],
        [1, 0.5, 1],
    ]
    bins, pooled = bins[bins["run"] == "long"], every[every["run"] == "long"]
    assert pooled["epoch"].unique()[:3].tolist() == [1, 2, 4]
    assert pooled["epoch"].nunique() <= series.KEPT_EPOCHS
    assert set(pooled["p_low"]) == {0.0, 0.5}  # no example was seen in the third bin
    assert pooled["count"].sum() == bins["count"].sum()
    assert (pooled["count"] * pooled["mean_norm"]).sum() == pytest.approx((bins["count"] * bins["mean_norm"]).sum())


def test_layers_of_the_heat_map_join_their_variables():
    evidence = rows.from_runs(kept(runs(["mse"], 2)), {"loss": ["mse"], "seed": range(2)})
    with style.paper():
        ax = figures.layer_heat_map(evidence).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["conv1", "head"]
    conv1, head = ax.collections[0].get_array().data
    # head: (.8^2 + .6^2)^(1/2) of a norm of 1 and 1.1 in the first step of the two seeds.
    assert head[0] == pytest.approx(math.sqrt(1.1), rel=1e-6)
    assert conv1 == pytest.approx(0.1 * head)


def test_bins_are_drawn_in_order_though_early_epochs_lack_some():
    evidence = rows.from_runs(kept(runs(["mse"], 2)), {"loss": ["mse"], "seed": range(2)})
    evidence = rows.from_files(rows.to_files(evidence))
    late_first = evidence.gradient_bins[::-1].reset_index(drop=True)
    with style.paper():
        measured = figures.gradient_by_probability(replace(evidence, gradient_bins=late_first)).axes[0].lines[0]
    assert list(measured.get_xdata()) == sorted(measured.get_xdata())


def test_missing_and_empty_rows(row_files, tmp_path):
    with pytest.raises(ConfigError, match="--from takes the folder of an earlier report"):
        rows.read(tmp_path)
    header = row_files["runs.csv"].partition(b"\n")[0] + b"\n"
    with pytest.raises(TooFewRunsError, match="holds no run"):
        make({**row_files, "runs.csv": header}, tmp_path / "demo")


@pytest.mark.parametrize("damaged", [lambda whole: whole[:-9], lambda whole: whole[:-6] + b"?" + whole[-5:]])
def test_torn_or_altered_rows_are_noticed(row_files, tmp_path, damaged):
    with pytest.raises(DataError, match=r"the rows in steps\.csv\.gz are damaged"):
        make({**row_files, "steps.csv.gz": damaged(row_files["steps.csv.gz"])}, tmp_path / "demo")


def test_one_bit_in_any_file_of_rows_is_told(report, tmp_path):
    copy = tmp_path / "demo"
    shutil.copytree(report, copy)
    assert set(rows.read(copy)[0]) == {path.name for path in (report / "rows").iterdir()}
    for path in (copy / "rows").iterdir():
        content = path.read_bytes()
        for place in range(0, len(content), max(len(content) // 20, 1)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(DataError, match=f"{path.name} is not as it was written: take the folder from git"):
                rows.read(copy)
        path.unlink()
        with pytest.raises((DataError, ConfigError), match=path.name):
            rows.read(copy)
        path.write_bytes(content)


def test_latex_escapes_every_special_character():
    frame = pd.DataFrame({"a_b": ["50% & $x$ {#1} ~ ^ \\ < -0.5 ± 1", "y | x"]})
    made = latex(Table("A & B", frame), "t")
    assert r"a\_\allowbreak{}b" in made
    assert r"50\% \& \$x\$ \{\#1\} \textasciitilde{} \textasciicircum{} \textbackslash{} $<$ $-$0.5 $\pm$ 1" in made
    assert r"y \textbar{} x" in made
    assert r"\caption{A \& B}" in made


def test_markdown_escapes_pipes():
    assert "| a\\|b |" in formats.markdown(Table("t", pd.DataFrame({"x": ["a|b"]})))


@pytest.mark.parametrize(
    ("summary", "shown"),
    [
        (Summary(5, 0.97123, 0.01, 0.96673, 0.97573), "0.9712 ± 0.0045"),
        (Summary(5, 12.345, 1, 10.0, 14.69), "12.3 ± 2.3"),
        (Summary(5, 1e-9, 1e-8, -1e-8, 1.2e-8), "1.0e-09 ± 1.1e-08"),
        (Summary(5, 0.5, 0, 0.5, 0.5), "0.5 (all equal)"),
        (Summary(1, 0.5, math.nan, math.nan, math.nan), "0.5000 (n = 1)"),
        (Summary(5, math.inf, math.nan, math.nan, math.nan), "inf"),
        (Summary(0, math.nan, math.nan, math.nan, math.nan), "-"),
    ],
)
def test_numbers_are_shown_with_the_digits_their_interval_allows(summary, shown):
    assert formats.with_interval(summary) == shown


def test_numbers_stand_on_the_right_and_words_on_the_left():
    shown = pd.DataFrame({"counts": ["1 supported"], "rate": ["0.3 (edge)"], "mean": ["-0.1 ± 0.2"], "loss": ["mse"]})
    assert formats.right_aligned(shown) == [False, True, True, False]


def test_long_texts_wrap_and_what_is_too_large_is_made_smaller():
    values = dict.fromkeys(("softmax_ce", "builtin_ce", "mse"), "0.9676 \N{PLUS-MINUS SIGN} 0.0099")
    made = latex(Table("t", pd.DataFrame([{"metric": "test accuracy, " * 4, **values}])), "t")
    assert r"\begin{tabular}{>{\raggedright\arraybackslash}p{20em}rrr}" in made
    assert r"\begin{adjustbox}{max size={\linewidth}{.6\textheight}}" in made


def test_a_long_table_becomes_several_of_a_page_each_and_keeps_every_row():
    made = latex(Table("t", pd.DataFrame({"row": [f"r{i}" for i in range(100)]}), notes=("A note.",)), "t")
    assert made.count(r"\begin{table}") == 3
    assert [f"r{i} " in made for i in range(100)] == [True] * 100
    assert made.count(r"\label{tab:t}") == made.count("A note.") == 1
    assert r"\caption{t (part 3 of 3)}" in made


def test_tables_of_nothing_or_with_an_unnamed_column_are_set_too():
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]})
    assert r"\begin{tabular}{rr}" in latex(Table("t", frame), "t")
    assert r"\bottomrule" in latex(Table("t", frame[:0]), "t")
    assert r"\begin{tabular}{rrr}" in latex(Table("t", frame.assign(**{"": 1})), "t")
