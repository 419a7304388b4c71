"""Every metric in a sentence: what it means, in which unit, which way is better, where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from ce_harness.report.output.labels import label


@dataclass(frozen=True)
class Term:
    """A metric.

    Attributes:
        meaning: one sentence.
        better: ``higher``, ``lower`` or ``neither``.
        source: where it is defined.
    """

    meaning: str
    better: str
    source: str = ""


TEMPERATURE = "Guo et al. 2017, arXiv 1706.04599"
TERMS = {
    "test/accuracy": Term("Share of the test images that are given their class.", "higher"),
    "test/majority_accuracy": Term("Accuracy of always naming the most frequent class of the training set.", "neither"),
    "failed": Term("Share of the trainings that diverged or learned next to nothing.", "lower"),
    "test/nll": Term("Negative log-likelihood: minus the mean log probability of the true class, in nats.", "lower"),
    "test/nll_calibrated": Term("NLL after temperature scaling, in nats.", "lower", TEMPERATURE),
    "nll_calibration": Term("How much of the NLL one temperature takes away, in nats.", "lower"),
    "test/brier": Term("Squared error of the probabilities, summed over classes; from 0 to 2.", "lower", "Brier 1950"),
    "test/ece": Term(
        "Expected calibration error: mean gap of confidence and accuracy over 15 bins of equal width; from 0 to 1.",
        "lower",
        "Naeini et al. 2015, AAAI",
    ),
    "ece_debiased": Term("ECE without what chance alone adds to it.", "lower", "Kumar et al. 2019, arXiv 1909.10155"),
    "ece_floor": Term("ECE of a calibrated network with these confidences.", "neither", "Roelofs et al. 2022"),
    "test/ece_calibrated": Term("ECE after temperature scaling.", "lower", TEMPERATURE),
    "feedback": Term(
        "L2 norm of the gradient on the logits, mean over training images with p(true) below 0.1.", "neither"
    ),
    "feedback_slope": Term(
        "How the pull on the true class's logit falls with p(true), in decades per decade: 0 it stays, 1 it fades.",
        "lower",
    ),
    "early_grad_norm": Term("L2 norm of the gradient of all weights, mean over the first epoch.", "neither"),
    "epochs_to/0.8": Term("Epochs until 80% validation accuracy, interpolated; the median of the runs.", "lower"),
    "epochs_to/0.95": Term("Epochs until 95% validation accuracy, interpolated; the median of the runs.", "lower"),
}


def glossary(shown: set[str]) -> dict[str, Term]:
    """Label -> term, for the labels that a page shows."""
    return {label(metric): term for metric, term in TERMS.items() if label(metric) in shown}
