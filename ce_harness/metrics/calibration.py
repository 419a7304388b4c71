"""Confidence against accuracy: reliability, and how far a calibration error is binning noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ce_harness.metrics.bins import CONFIDENCE_BINS, confidence_edges
from ce_harness.metrics.checks import checked_probabilities


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram's numbers, one entry per bin; NaN where a bin is empty.

    Attributes:
        count: examples in the bin.
        confidence: their mean confidence.
        accuracy: the share of them classified correctly.
    """

    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """`ece`."""
        gap = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(self.count * gap) / self.count.sum())

    @property
    def ece_debiased(self) -> float:
        """`ece_debiased`."""
        gap = np.abs(self.accuracy - self.confidence)
        with np.errstate(invalid="ignore", divide="ignore"):
            scatter = np.sqrt(self.accuracy * (1 - self.accuracy) / np.maximum(self.count, 1))
            ratio = np.where(scatter > 0, gap / scatter, np.inf)
        again = scatter * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + gap * (1 - 2 * stats.norm.cdf(-ratio))
        return float(np.nansum(self.count * (2 * gap - again)) / self.count.sum())

    @property
    def ece_floor(self) -> float:
        """`ece_floor`."""
        p = np.clip(self.confidence, 0, 1)
        deviation = 2 * p * (1 - p) * stats.binom.pmf(np.floor(self.count * p), self.count - 1, p)
        return float(np.nansum(self.count * deviation) / self.count.sum())


def reliability(labels: ArrayLike, probabilities: ArrayLike, bins: int = CONFIDENCE_BINS) -> Reliability:
    """Confidence against accuracy in equal-width bins ((m - 1) / bins, m / bins].

    Source: Guo et al. 2017, "On calibration of modern neural networks", arXiv 1706.04599, section 2.

    Args:
        labels: class ids of shape (N,).
        probabilities: shape (N, K), each row summing to 1.
        bins: number of bins over confidences from 0 to 1.

    Raises:
        ValueError: values that are no probabilities, or what `accuracy` refuses. All functions here do so.
    """
    ids, values = checked_probabilities(labels, probabilities)
    confidence = values.max(axis=1)
    correct = values.argmax(axis=1) == ids
    bin_of = np.searchsorted(confidence_edges(bins)[1:-1], confidence, side="left")
    count = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            count,
            np.bincount(bin_of, weights=confidence, minlength=bins) / count,
            np.bincount(bin_of, weights=correct, minlength=bins) / count,
        )


def ece(labels: ArrayLike, probabilities: ArrayLike, bins: int = CONFIDENCE_BINS) -> float:
    """Expected calibration error: the mean over examples of |accuracy - confidence| of their bin.

    Source: Guo et al. 2017, arXiv 1706.04599, equation 3. Never below 0, it is too large on average: compare it with
    ``ece_floor``, or take ``ece_debiased``.
    """
    return reliability(labels, probabilities, bins).ece


def ece_debiased(labels: ArrayLike, probabilities: ArrayLike, bins: int = CONFIDENCE_BINS) -> float:
    """``ece`` less its estimated bias; may come out below 0, by chance.

    Right where the calibration error is well above the noise. Of a calibrated network it takes off only 40% of the
    noise: there compare ``ece`` with ``ece_floor``.

    The accuracy of a bin scatters with the variance a (1 - a) / n, and the absolute value turns scatter into error.
    Its bias is estimated: the measured accuracies scatter once more, as a normal variable (Kumar, Liang & Ma 2019,
    "Verified uncertainty calibration", arXiv 1909.10155). Their library draws it 1,000 times. The mean of
    |normal| has a closed form (Leone, Nelson & Nottingham 1961, "The folded normal distribution").
    """
    return reliability(labels, probabilities, bins).ece_debiased


def ece_floor(labels: ArrayLike, probabilities: ArrayLike, bins: int = CONFIDENCE_BINS) -> float:
    """The ``ece`` to expect of a network with these confidences if it were perfectly calibrated: binning noise.

    That a plug-in estimate is well above 0 without any miscalibration: Roelofs et al. 2022, "Mitigating bias in
    calibration error estimation", arXiv 2012.08668, section 3. The count of correct examples of a bin is taken as
    binomial with the bin's mean confidence. Its mean absolute deviation is de Moivre's (Diaconis & Zabell 1991,
    "Closed form summation for classical distributions").
    """
    return reliability(labels, probabilities, bins).ece_floor
