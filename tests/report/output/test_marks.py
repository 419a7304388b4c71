"""Scores of probabilities are marked where a loss trains none."""

from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output.labels import MARKED
from ce_harness.report.output.tables import comparison, equal_error, paired_differences
from tests.report.synthetic import runs, study

LOSSES = ["softmax_ce", "mse_logits"]


def evidence(losses):
    reads = {"loss": losses, "seed": range(3)}
    metrics = {"test/error": 0.05}
    tracked = runs(losses, 3, softmax_ce={"metrics": metrics}, mse_logits={"metrics": metrics | {"test/brier": 0.5}})
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "demo"), reads)))


def test_raw_scores_of_a_loss_on_logits_are_marked_and_calibrated_ones_are_not():
    table = comparison(evidence(LOSSES))
    marked = table.shown.set_index("metric")["MSE on logits"].str.endswith("*")
    assert set(marked[marked].index) == {
        "NLL (nats)", "NLL (nats) that a temperature mends", "Brier score", "ECE", "ECE, debiased"
    }  # fmt: skip
    assert not table.shown["softmax + CE"].str.endswith("*").any()
    assert MARKED in table.notes
    assert MARKED not in comparison(evidence(["softmax_ce", "mse"])).notes


def test_no_difference_to_them_is_taken_and_no_network_of_equal_error_is_among_them():
    found = evidence([*LOSSES, "mse"])
    differences = paired_differences(found, "softmax_ce").shown
    of_logits = differences.loc[differences["loss"] == "MSE on logits", "metric"].tolist()
    assert "test accuracy" in of_logits
    assert "ECE, calibrated" in of_logits
    assert not {"NLL (nats)", "Brier score", "ECE"} & set(of_logits)
    assert "ECE" in differences.loc[differences["loss"] == "MSE (sum over classes)", "metric"].tolist()
    assert not equal_error(found).frame["run"].str.contains("mse_logits").any()


def test_temperatures_at_their_bound_are_counted():
    found = evidence(LOSSES)
    found.runs["test/temperature"] = [1.0, 9999.99, 1e-4, 2.0, 0.5, float("nan")]
    (note,) = [note for note in comparison(found).notes if "within reach" in note]
    assert note.startswith("Of 2 runs")
    assert not any("within reach" in note for note in comparison(evidence(LOSSES)).notes)


def test_a_target_that_no_run_reaches_is_not_shown():
    shown = comparison(evidence(LOSSES), ["epochs_to/0.8", "epochs_to/0.999"]).shown
    assert shown["metric"].tolist() == ["seeds", "epochs to 80% val. accuracy"]
