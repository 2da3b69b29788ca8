"""How far two sets of scores agree on which pairs come first."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two sets of scores (pair,), ties sharing their mean rank; NaN where one is constant."""
    a, b = rankdata(one), rankdata(other)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
