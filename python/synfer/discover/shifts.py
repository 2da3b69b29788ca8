"""Surrogates by circular shift: what a unit does by itself stays, its timing with the others is lost."""

from __future__ import annotations

import numpy as np

from synfer.discover.base import Samples
from synfer.errors import InputError


def shortest_shifted(max_lag: int) -> int:
    """Give the fewest samples of a segment that has one shift."""
    return 3 * max_lag + 2


def draw_offsets(rng: np.random.RandomState, n_samples: int, max_lag: int, n_surrogates: int) -> np.ndarray:
    """Draw shifts (surrogate,) that leave every lag up to ``max_lag``, of either sign, more than ``max_lag`` off."""
    offsets = np.arange(max_lag + 1, n_samples - 2 * max_lag)
    return rng.choice(offsets, size=n_surrogates, replace=n_surrogates > len(offsets))


def refuse_short_trials(samples: Samples, needed: int, because: str) -> None:
    """Refuse trials shorter than ``needed`` samples; ``because`` names the parameter that asks for them, as set."""
    shortest = min(len(segment) for segment in samples.segments)
    if shortest < needed:
        name = because.split("=")[0]
        raise InputError(
            f"X must have at least {needed} samples in every trial for {because}, got {shortest}: take a "
            f"smaller {name}, or longer trials."
        )
