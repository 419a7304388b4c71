"""Names that readers see: of outcomes and of settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import cast

from omegaconf import DictConfig, OmegaConf

from ce_harness import places
from ce_harness.errors import ConfigError
from ce_harness.report.study import TUNES, Evidence
from ce_harness.report.verdicts.outcomes import BEST_OF, OF_PROBABILITIES, TIME_TO, WITHOUT_PROBABILITIES, target
from ce_harness.report.verdicts.settings import described, setting_columns

LABELS = {
    "test/accuracy": "test accuracy",
    "test/error": "test error",
    "test/majority_accuracy": "accuracy of the most frequent class",
    "test/nll": "NLL (nats)",
    "test/brier": "Brier score",
    "test/mse_mean": "MSE, mean over classes",
    "test/ece": "ECE",
    "test/nll_calibrated": "NLL (nats), calibrated",
    "test/ece_calibrated": "ECE, calibrated",
    "mean_accuracy": "mean val. accuracy over training",
    "failed": "share of trainings that fail",
    "nll_calibration": "NLL (nats) that a temperature mends",
    "ece_floor": "ECE of a calibrated network",
    "ece_debiased": "ECE, debiased",
    "feedback_slope": "slope of the pull on the true class",
    "early_grad_norm": "early gradient norm",
    "feedback": "logit-gradient norm at p_true < 0.1",
    "feedback_relative": "logit-gradient norm at p_true < 0.1 over its peak",
}
MARK = "*"
MARKED = (
    f"{MARK} of softmax(logits): a loss on raw logits trains no probabilities. Only its calibrated scores are to be "
    "compared."
)


def loss_names(evidence: Evidence) -> dict[str, str]:
    """Loss -> what readers call it: the ``label`` of its config, or its name where two would read the same.

    Rows of runs that were trained before losses had labels take those of conf/loss.
    """
    frames = [frame for frame in (evidence.runs, evidence.tuning) if len(frame)]
    names = {str(loss): str(loss) for frame in frames for loss in frame["loss"].unique()}
    if "loss_label" in evidence.runs:
        labelled = evidence.runs[evidence.runs["loss_label"].fillna("") != ""]
        labels = labelled.groupby("loss")["loss_label"].first().to_dict()
    else:
        labels = {loss: text for loss, text in built_in_labels().items() if loss in names}
    return names | {loss: text for loss, text in labels.items() if list(labels.values()).count(text) == 1}


def check_reference(reference: str, evidence: Evidence) -> None:
    """Checks that there are runs of the loss that others are compared with.

    Raises:
        ConfigError: there are none.
    """
    losses = list(evidence.runs["loss"].unique())
    if reference not in losses:
        raise ConfigError(f"reference={reference!r}: allowed is a loss of the runs: {', '.join(losses)}")


@cache
def built_in_labels() -> dict[str, str]:
    """The label of every loss of conf/loss, by name."""
    configs = [cast(DictConfig, OmegaConf.load(path)) for path in sorted((places.conf() / "loss").glob("*.yaml"))]
    return {config["name"]: config["label"] for config in configs}


def label(metric: str) -> str:
    """The name of an outcome as readers see it."""
    if metric.startswith(TIME_TO):
        return f"epochs to {target(metric):.0%} val. accuracy"
    if metric.startswith(BEST_OF):
        budget = metric.removeprefix(BEST_OF)
        return f"test accuracy of the best of {budget} trials" if budget != "1" else "test accuracy of one trial"
    return LABELS.get(metric, metric)


def key_label(key: str) -> str:
    """A key of a config as readers see it: ``learning rate``, ``momentum``."""
    return key.rpartition(".")[2].replace("_", " ")


def tuned(evidence: Evidence) -> str:
    """What was chosen for each loss, in the singular."""
    return "learning rate" if tuple(evidence.tunes) == TUNES else "tuned value"


def mark(metric: str, losses: Iterable[str]) -> str:
    """What sets apart a score of probabilities where one of the losses trains none."""
    return MARK if metric in OF_PROBABILITIES and not set(losses).isdisjoint(WITHOUT_PROBABILITIES) else ""


def setting_column(setting: Mapping[str, object]) -> dict[str, str]:
    """The setting as a column of what a reader sees; none where all runs share theirs."""
    return {"setting": described(setting)} if setting else {}


def common_settings(evidence: Evidence) -> str:
    """What all runs share, for a caption: `` (digits, lenet5, sgd, learning rate 0.05)``."""
    runs = evidence.runs
    varying = setting_columns(runs)
    shared = [str(runs[name].iloc[0]) for name in ("dataset", "model", "optimizer") if name not in varying]
    for key in dict.fromkeys(("learning_rate", *evidence.tunes)):
        values = runs[key].unique()
        shared += [f"{key_label(key)} {values[0]}"] if len(values) == 1 else []
    return f" ({', '.join(shared)})" if shared else ""
