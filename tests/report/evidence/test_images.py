"""From the predictions of runs to what the choice of their test images adds, and back from committed rows."""

import io
from pathlib import Path

import numpy as np
import pytest

from ce_harness import metrics
from ce_harness.report.build import build, rows_of
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.images import scores_by_image
from ce_harness.report.evidence.selection import select
from ce_harness.report.study import Claim, Study
from ce_harness.report.verdicts.images import variance_by_images
from ce_harness.tracking.reading import read_runs
from ce_harness.training import train_and_evaluate
from tests.report.synthetic import runs, study

LOSSES = ("softmax_ce", "mse")
READS = {"loss": LOSSES, "seed": range(6)}
ONE_SPLIT = ("dataset.split_seed=0", "dataset.limit=200", "learning_rate=0.02")
LEFT_OUT = "the intervals leave out the choice of these images"


def predictions(run, index):
    """Of 50 images, each right or wrong by its own chance."""
    rng = np.random.default_rng([run.seed, len(run.loss)])
    labels = np.arange(50) % 10
    logits = 3.0 * np.eye(10)[labels] + rng.normal(0, 1 + np.arange(50) / 25, (10, 50)).T
    content = io.BytesIO()
    np.savez(content, labels=labels, logits=logits, index=index)
    return content.getvalue()


def made_up(index_of_seed):
    tracked = runs(LOSSES, 6)
    for run in tracked:
        run.predictions = predictions(run, index_of_seed(run.seed))
        run.metrics["test/temperature"] = 2.0
    return tracked


def evidence(tracked):
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(READS), "demo"), READS)))


def test_the_scores_of_the_images_have_the_mean_that_the_run_was_given():
    rng = np.random.default_rng(1)
    labels, logits = rng.integers(0, 5, 200), rng.normal(0, 2, (200, 5)).astype(np.float32)
    scored = {name: float(values.mean()) for name, values in scores_by_image(labels, logits, 1.7).items()}
    plain, calibrated = metrics.score(labels, logits), metrics.score(labels, logits / np.float32(1.7))
    for name in ("accuracy", "error", "nll", "brier", "mse_mean"):
        assert scored[f"test/{name}"] == pytest.approx(plain[name])
    for name in ("nll", "brier"):
        assert scored[f"test/{name}_calibrated"] == pytest.approx(calibrated[name], rel=1e-6)
    assert scored["nll_calibration"] == pytest.approx(plain["nll"] - calibrated["nll"], rel=1e-5)


def test_runs_of_one_test_set_keep_one_number_for_a_pair_and_a_metric():
    tracked = made_up(lambda seed: np.arange(50))
    kept = evidence(tracked).test_images.set_index("metric")
    assert len(kept) == 8
    row = kept.loc["test/accuracy"]
    assert (row["first"], row["second"], row["images"]) == (tracked[0].name, tracked[6].name, 50)
    right = {}
    for run in tracked:
        with np.load(io.BytesIO(run.predictions)) as content:
            right[run.loss, run.seed] = (content["logits"].argmax(axis=1) == content["labels"]).astype(float)
    by_hand = variance_by_images([right["softmax_ce", seed] - right["mse", seed] for seed in range(6)])
    assert row["variance"] == pytest.approx(by_hand, rel=1e-5)
    assert by_hand > 0


def test_nothing_is_kept_where_seeds_have_images_of_their_own_or_no_predictions():
    assert evidence(made_up(lambda seed: np.arange(50) + seed)).test_images.empty
    some = made_up(lambda seed: np.arange(50))
    some[-1].predictions = None
    assert evidence(some).test_images.empty


def test_a_run_that_diverged_leaves_its_pair_out_of_the_images():
    tracked = made_up(lambda seed: np.arange(50))
    tracked[0].status = "diverged"
    kept = evidence(tracked)
    # The loss goes by its first run all the same.
    assert set(kept.test_images["first"]) == {tracked[0].name}
    without = [run for run in made_up(lambda seed: np.arange(50)) if run.seed]
    assert kept.test_images["variance"].tolist() == evidence(without).test_images["variance"].tolist()


def test_trained_networks_of_one_split_have_wider_intervals_and_the_report_says_so(composed, tmp_path):
    """Two losses, two seeds, one split. Without the rows of the images the report says what it leaves out."""
    for loss in LOSSES:
        for seed in (0, 1):
            config = composed(f"loss={loss}", f"seed={seed}", *ONE_SPLIT, "study=mine")
            train_and_evaluate(config)
    claim = Claim("CE has the lower NLL after scaling", "test/nll_calibrated", *LOSSES, relation="less", margin=0.01)
    mine = Study("Which?", {}, reads={"loss": LOSSES, "seed": [0, 1]}, claims=(claim,))
    file = Path(__file__)
    row_files = rows_of(read_runs(config.tracking_uri, "mine"), "mine", mine, file)
    commands = {"folder": "results"}
    with_images = build("mine", mine, file, row_files, tmp_path / "first", commands).tables["verdicts"]
    build("mine", mine, file, rows.read(tmp_path / "first")[0], tmp_path / "again", commands)
    assert contents(tmp_path / "first") == contents(tmp_path / "again")

    without = dict(row_files)
    del without["test_images.csv.gz"]
    left_out = build("mine", mine, file, without, tmp_path / "without", commands).tables["verdicts"]
    assert with_images.frame["mean"].item() == left_out.frame["mean"].item()
    widths = [(table.frame["ci_high"] - table.frame["ci_low"]).item() for table in (with_images, left_out)]
    assert widths[0] > widths[1] > 0
    assert not any(LEFT_OUT in note for note in with_images.notes)
    assert any("cover the choice of these images" in note for note in with_images.notes)
    assert any(LEFT_OUT in note for note in left_out.notes)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
