"""What several parts of a page ask of one connectome, worked out once: of a thousand units each takes a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synfer.connectome import Connectome

ALPHA = 0.05
"""False discovery rate at which the page calls edges, where there are p-values."""
STEPS = 21


@dataclass(frozen=True)
class Evidence:
    """Edges that are called, and how many pairs reach which score.

    Attributes
    ----------
    called : DataFrame or None
        Of `Connectome.edges`, those significant at `ALPHA`; None without p-values.
    steps : numpy.ndarray, (step,)
        Scores that the sliders step through, rising from 0: quantiles of the positive ones off the diagonal. Where
        there are p-values one of them is the least score of a significant pair, or above all where none is.
    reach : list of int, (step,)
        Pairs of distinct units whose score is above 0 and reaches each.
    significant_from : float or None
        That least score; None without p-values.
    """

    called: pd.DataFrame | None
    steps: np.ndarray
    reach: list[int]
    significant_from: float | None


def evidence_of(connectome: Connectome) -> Evidence:
    """Ask it all of a connectome of one network, a matrix."""
    called = None if connectome.pvalue is None else connectome.edges(alpha=ALPHA)
    score = connectome.score.values.astype(float)
    known = score[~np.eye(len(score), dtype=bool)]
    known = np.sort(known[known > 0])  # NaN is not
    begin = None
    if called is not None:
        begin = float(called["score"].min()) if len(called) else 1.05 * float(np.nanmax(score, initial=0.0))
    steps = np.zeros(1)
    if known.size:
        quantiles = np.quantile(known, np.linspace(0.0, 1.0, STEPS)[1:])
        steps = np.unique(np.concatenate([steps, quantiles, [] if begin is None else [begin]]))
    reach = len(known) - np.searchsorted(known, steps)
    return Evidence(called, steps, reach.tolist(), begin)
