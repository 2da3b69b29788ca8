"""The sliders of the page's figures: through thresholds of the score, by Plotly's own restyling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synfer.connectome import Connectome
from synfer.report.methods import ALPHA

STEPS = 21


def thresholds(connectome: Connectome) -> np.ndarray:
    """Scores that the sliders step through: quantiles of the positive ones off the diagonal, from 0 on.

    Where there are p-values one of them is the least score of a significant pair, or above all where none is.
    """
    score = connectome.score.values.astype(float)
    known = score[~np.eye(len(score), dtype=bool)]
    known = known[np.isfinite(known) & (known > 0)]
    if known.size == 0:
        return np.zeros(1)
    steps = np.quantile(known, np.linspace(0.0, 1.0, STEPS)[1:])
    return np.unique(np.concatenate([[0.0], steps, significant_from(connectome)]))


def significant_from(connectome: Connectome) -> np.ndarray:
    """The least score of a significant pair, or one above all where none is; empty without p-values."""
    if connectome.pvalue is None:
        return np.zeros(0)
    called = connectome.edges(alpha=ALPHA)["score"]
    top = float(np.nanmax(connectome.score.values, initial=0.0))
    return np.array([called.min() if len(called) else 1.05 * top])


def n_edges(connectome: Connectome, threshold: float) -> int:
    """Pairs of distinct units whose score is above 0 and reaches the threshold."""
    score = connectome.score.values
    return int(np.sum((score > 0) & (score >= threshold) & ~np.eye(len(score), dtype=bool)))


def _pairs(n: int) -> str:
    return "1 pair" if n == 1 else f"{n} pairs"


def slider(
    connectome: Connectome, change: Callable[[int, float], Any], active: int = 0, room: int = 0
) -> list[dict[str, Any]]:
    """A slider through the thresholds; change(k, threshold) is what its k-th step restyles; room, pixels above it."""
    steps = [
        {
            "method": "restyle",
            "args": change(k, threshold),
            "label": f"{threshold:.3g} ({_pairs(n_edges(connectome, threshold))})",
            "value": str(k),
        }
        for k, threshold in enumerate(thresholds(connectome).tolist())
    ]
    return [
        {
            "steps": steps,
            "active": active,
            "currentvalue": {"prefix": "score at least ", "font": {"size": 13}},
            "font": {"size": 10},
            "pad": {"t": 38 + room, "b": 4},
            "x": 0.05,
            "len": 0.9,
        }
    ]
