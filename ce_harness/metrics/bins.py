"""The bins in which predictions are counted."""

from __future__ import annotations

import numpy as np

# Upper edges of the bins of p_true, the probability that a network gives the true class: fine where it is wrong.
P_TRUE_EDGES = (1e-4, 1e-3, 1e-2, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0)

# As in Guo et al. 2017, arXiv 1706.04599.
CONFIDENCE_BINS = 15


def confidence_edges(bins: int = CONFIDENCE_BINS) -> np.ndarray:
    """The edges of equal-width bins ((m - 1) / bins, m / bins] of the confidence, (bins + 1,)."""
    return np.linspace(0.0, 1.0, bins + 1)
