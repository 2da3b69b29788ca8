"""Surrogates by circular shift: what a unit does by itself stays, its timing with the others is lost."""

from __future__ import annotations

import warnings

import numpy as np

from synfer.discover.base import Samples
from synfer.errors import InputError, ResolutionWarning

USUAL_LEVEL = 0.05


def warn_of_few(n_surrogates: int) -> None:
    """Warn where p-values, of which 1 / (1 + n_surrogates) is the lowest, can never reach the usual level.

    Warns
    -----
    ResolutionWarning
        At fewer than 19 surrogates; not where there are none, and so no p-values.
    """
    if n_surrogates and 1.0 / (1 + n_surrogates) > USUAL_LEVEL:
        warnings.warn(
            f"n_surrogates = {n_surrogates}: no p-value can be below {1.0 / (1 + n_surrogates):.2g}; take 19 or more, "
            "and some hundreds where many pairs are corrected for.",
            ResolutionWarning,
            stacklevel=4,
        )


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
