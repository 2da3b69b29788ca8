"""The sliders of the page's figures: through thresholds of the score, by Plotly's own restyling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synfer.connectome import Connectome

STEPS = 21


def thresholds(connectome: Connectome) -> np.ndarray:
    """Scores that the sliders step through: quantiles of the positive ones off the diagonal, from 0 on."""
    score = connectome.score.values.astype(float)
    known = score[~np.eye(len(score), dtype=bool)]
    known = known[np.isfinite(known) & (known > 0)]
    if known.size == 0:
        return np.zeros(1)
    return np.unique(np.concatenate([[0.0], np.quantile(known, np.linspace(0.0, 1.0, STEPS)[1:])]))


def n_edges(connectome: Connectome, threshold: float) -> int:
    """Pairs of distinct units whose score is above 0 and reaches the threshold."""
    score = connectome.score.values
    return int(np.sum((score > 0) & (score >= threshold) & ~np.eye(len(score), dtype=bool)))


def slider(
    connectome: Connectome, change: Callable[[int, float], Any], active: int = 0, room: int = 0
) -> list[dict[str, Any]]:
    """A slider through the thresholds; change(k, threshold) is what its k-th step restyles; room, pixels above it."""
    steps = [
        {
            "method": "restyle",
            "args": change(k, threshold),
            "label": f"{threshold:.3g} ({n_edges(connectome, threshold)} pairs)",
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
