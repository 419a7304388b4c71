"""The source tutorial's numbers, as its report shows them."""

from pathlib import Path

import pandas as pd
import pytest

from ce_harness.report import build
from experiments import tutorial


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    output = tmp_path_factory.mktemp("results") / "tutorial"
    build.build("tutorial", tutorial.STUDY, Path(tutorial.__file__), None, output)
    return output


def test_softmax(report):
    shown = (report / "softmax.md").read_text()
    assert all(digits in shown for digits in ("0.65900114", "0.24243297", "0.09856589"))


def test_cross_entropy_with_and_without_epsilon(report):
    shown = (report / "cross_entropy.md").read_text()
    assert "0.35667494393873245 |" in shown
    assert "0.356674943938731 |" in shown
    values = pd.read_csv(report / "cross_entropy.csv")["cross-entropy (nats)"]
    assert values[1] == pytest.approx(0.35667494393873245, abs=2.3e-16)


def test_equal_error_different_mse_and_cross_entropy(report):
    frame = pd.read_csv(report / "three_metrics.csv").set_index("metric")
    assert frame["NN1"].tolist() == pytest.approx([1 / 3, 0.253333, 0.126667, 0.375671], abs=1e-6)
    assert frame["NN2"].tolist() == pytest.approx([1 / 3, 0.706667, 0.353333, 1.056695], abs=1e-6)
    shown = (report / "three_metrics.md").read_text()
    assert "| 33% | 33% |" in shown
    assert "| 25% | 71% |" in shown
    assert "| 0.38 | 1.06 |" in shown
    assert "MeanSquaredError" in shown


def test_predictions_name_the_one_mistake(report):
    frame = pd.read_csv(report / "predictions.csv")
    assert frame["NN1 is"].tolist() == frame["NN2 is"].tolist() == ["right", "right", "wrong"]
