"""Surrogates by circular shift: what a unit does by itself stays, its timing with the others is lost."""

from __future__ import annotations

import math

import numpy as np

from synfer.discover.base import Samples
from synfer.errors import InputError

MOST_LISTED = 1 << 20  # combinations of shifts that are drawn from a list of all


def shortest_shifted(max_lag: int) -> int:
    """Give the fewest samples of a segment that has one shift."""
    return 3 * max_lag + 2


def draw_offsets(rng: np.random.RandomState, lengths: list[int], max_lag: int, n_surrogates: int) -> np.ndarray:
    """Draw shifts (segment, surrogate) that leave every lag up to ``max_lag``, of either sign, more than that off.

    Segments of so many samples are shifted each by itself, by shifts that are ``max_lag`` apart: no two have a lag in
    common, as none has with the true timing. Were they closer, a chance maximum would be that of several surrogates
    or of none, and then the true one were first of all more often than one of so many. Where there are fewer
    combinations of shifts than ``n_surrogates``, each is a surrogate once.
    """
    counts = [(n - shortest_shifted(max_lag)) // max_lag + 1 for n in lengths]
    there_are = math.prod(counts)
    if max(counts) < n_surrogates and there_are <= MOST_LISTED:
        left = np.arange(there_are)
        if there_are > n_surrogates:
            left = rng.choice(left, size=n_surrogates, replace=False)
        places = []
        for count in counts:
            left, place = np.divmod(left, count)
            places.append(place)
    else:  # one segment's shifts all differ, or so many combinations do that hardly one comes twice
        places = [rng.choice(count, size=n_surrogates, replace=n_surrogates > count) for count in counts]
    return max_lag * np.stack(places) + max_lag + 1


def refuse_short_trials(samples: Samples, needed: int, because: str) -> None:
    """Refuse trials shorter than ``needed`` samples; ``because`` names the parameter that asks for them, as set."""
    shortest = min(len(segment) for segment in samples.segments)
    if shortest < needed:
        name = because.split("=")[0]
        raise InputError(
            f"X must have at least {needed} samples in every trial for {because}, got {shortest}: take a "
            f"smaller {name}, or longer trials."
        )
