"""How much the choice of the test images moves each difference, from the predictions of the runs.

The predictions of all images are too many to keep beside a report. One number for each pair of losses is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from ce_harness.report.evidence.run import Run
from ce_harness.report.verdicts.images import variance_by_images
from ce_harness.report.verdicts.settings import config_columns

COLUMNS = ("first", "second", "metric", "images", "variance")
Scores = Mapping[str, np.ndarray]  # by metric, one value for each image


def read(runs: Mapping[str, Run], rows: pd.DataFrame, tunes: Sequence[str]) -> pd.DataFrame:
    """``Evidence.test_images`` of these runs.

    Args:
        runs: the complete ones, by name.
        rows: ``Evidence.runs``.
        tunes: see ``Study``. Losses are paired across the values of these keys.
    """
    config = config_columns(rows)
    lines: list[dict[str, object]] = []
    for _, setting in rows.groupby([key for key in config if key not in ("loss", "seed", *tunes)], sort=False):
        scores = _scores({name: runs[name] for name in setting["run"] if name in runs})
        alike = setting.groupby([key for key in config if key in ("loss", *tunes)], sort=False)
        for (_, one), (_, other) in combinations(alike, 2):
            if scores and one["loss"].iloc[0] != other["loss"].iloc[0]:
                lines += _pair(one, other, scores)
    return pd.DataFrame(lines, columns=COLUMNS)


def _scores(runs: Mapping[str, Run]) -> dict[str, Scores]:
    """The scores of each run; none if the runs have other test images, or one did not keep its predictions."""
    scores: dict[str, Scores] = {}
    images: list[np.ndarray] = []
    for name, run in runs.items():
        try:
            content = run.content("predictions.npz")
        except FileNotFoundError:
            return {}
        with np.load(BytesIO(content), allow_pickle=False) as kept:
            same = [kept["index"], kept["labels"]]
            if images and not all(map(np.array_equal, images, same)):
                return {}
            scores[name] = scores_by_image(kept["labels"], kept["logits"], run.metrics.get("test/temperature", np.nan))
        images = same
    return scores


def scores_by_image(labels: np.ndarray, logits: np.ndarray, temperature: float) -> Scores:
    """Each image's part in the metrics of the test set that are means over its images.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).
        temperature: that of the calibrated scores.
    """
    right = (logits.argmax(axis=1) == labels).astype(float)
    nll, brier = _of_probabilities(labels, logits)
    nll_calibrated, brier_calibrated = _of_probabilities(labels, logits / temperature)
    return {
        "test/accuracy": right,
        "test/error": 1 - right,
        "test/nll": nll,
        "test/brier": brier,
        "test/mse_mean": brier / logits.shape[1],
        "test/nll_calibrated": nll_calibrated,
        "test/brier_calibrated": brier_calibrated,
        "nll_calibration": nll - nll_calibrated,
    }


def _of_probabilities(labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NLL, in nats, and Brier score of each image."""
    log_p = log_softmax(logits.astype(float), axis=1)
    one_hot = np.arange(logits.shape[1]) == labels[:, np.newaxis]
    return -log_p[one_hot], np.square(np.exp(log_p) - one_hot).sum(axis=1)


def _pair(one: pd.DataFrame, other: pd.DataFrame, scores: Mapping[str, Scores]) -> Iterator[dict[str, object]]:
    """A row for each metric of two losses whose runs share two seeds or more."""
    first, second = _by_seed(one, scores), _by_seed(other, scores)
    seeds = [seed for seed in first if seed in second]
    if len(seeds) < 2:
        return
    for metric, values in first[seeds[0]].items():
        variance = variance_by_images([first[seed][metric] - second[seed][metric] for seed in seeds])
        names = one["run"].iloc[0], other["run"].iloc[0]
        if np.isfinite(variance):
            yield dict(zip(COLUMNS, (*names, metric, len(values), variance), strict=True))


def _by_seed(runs: pd.DataFrame, scores: Mapping[str, Scores]) -> dict[object, Scores]:
    return {seed: scores[run] for seed, run in zip(runs["seed"], runs["run"], strict=True) if run in scores}
