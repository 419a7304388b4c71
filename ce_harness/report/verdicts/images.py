"""What the choice of the test images adds to an interval, where all seeds of a setting have the same ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.settings import by_setting


def variance_by_images(differences: ArrayLike) -> float:
    """Variance that the choice of the images adds to a mean difference, beyond what shows between the seeds.

    Seeds and images are crossed random effects (Owen 2007, arXiv 0712.1111). An image that is hard for one loss is so
    for every seed. That part is the covariance over images of the differences of two seeds, mean over all pairs of
    seeds. What an image does to one seed alone shows between the seeds, and is not counted again.

    Args:
        differences: of the scores of each image, shape (seeds, images), two of each or more.
    """
    d = np.asarray(differences, dtype=float)
    seeds, images = d.shape
    of_each, of_mean = float(d.var(axis=1, ddof=1).mean()), float(d.mean(axis=0).var(ddof=1))
    covariance = (seeds * of_mean - of_each) / (seeds - 1)
    return max(covariance, 0.0) / images


def image_variance(evidence: Evidence, group: pd.DataFrame, metric: str, first: str, second: str) -> float:
    """``variance_by_images`` of two losses in one setting; 0 where it is not known, and of metrics that are no means.

    Args:
        group: the runs of the setting.
    """
    if evidence.test_images.empty:
        return 0.0
    names = group.drop_duplicates("loss").set_index("loss")["run"]
    return _by_pair(evidence).get((frozenset((names.get(first), names.get(second))), metric), 0.0)


@lru_cache(maxsize=8)
def _by_pair(evidence: Evidence) -> dict[tuple[frozenset[str], str], float]:
    rows = evidence.test_images[["first", "second", "metric", "variance"]].itertuples(index=False, name=None)
    return {(frozenset((first, second)), metric): variance for first, second, metric, variance in rows}


def settings_of_one_test_set(evidence: Evidence) -> tuple[int, int]:
    """In how many settings all seeds have the same test images: (their choice is in the intervals, it is not)."""
    known = {run for column in ("first", "second") for run in evidence.test_images.get(column, ())}
    covered = left_out = 0
    for _, group in by_setting(evidence.runs):
        if not known.isdisjoint(group["run"]):
            covered += 1
        elif "dataset_digest" in group and group["seed"].nunique() > group["dataset_digest"].nunique() == 1:
            left_out += 1
    return covered, left_out
