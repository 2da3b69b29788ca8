"""Wirings of every kind, small, and what their tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats

from synfer import simulate
from synfer.connectome import Connectome

Make = Callable[..., Connectome]

WITH_DALE: dict[str, Make] = {
    "erdos_renyi": lambda **about: simulate.erdos_renyi(16, 4, 0.3, **about),
    "fixed_in_degree": lambda **about: simulate.fixed_in_degree(16, 4, 5, **about),
    "fixed_in_degree of each kind": lambda **about: simulate.fixed_in_degree(16, 4, (6, 2), **about),
    "small_world": lambda **about: simulate.small_world(16, 4, 6, 0.3, **about),
    "scale_free": lambda **about: simulate.scale_free(16, 4, 3, **about),
    "distance_dependent": lambda **about: simulate.distance_dependent(16, 4, 0.9, 0.4, **about),
    "clustered": lambda **about: simulate.clustered(16, 4, 4, 0.8, 0.2, **about),
}


@pytest.fixture(params=WITH_DALE)
def make(request: pytest.FixtureRequest) -> Make:
    """Each generator of 16 excitatory and 4 inhibitory units in turn."""
    return WITH_DALE[request.param]


def weights_of(connectome: Connectome) -> Any:
    """W[target, source] as an array."""
    weight = connectome.to_matrix().weight
    assert weight is not None
    return weight.values


def plausible(successes: int, trials: int, p: float) -> bool:
    """Whether so many successes are no surprise at 1 in 10,000."""
    return scipy.stats.binomtest(int(successes), int(trials), p).pvalue > 1e-4


def all_alike(counts: np.ndarray, trials: int, p: float) -> bool:
    """Whether each count may well be Binomial(trials, p): their spread is that, by a chi-square of 1 in 10,000."""
    variance = trials * p * (1 - p)
    chi2 = np.sum((counts - trials * p) ** 2) / variance
    return bool(1e-4 < scipy.stats.chi2.cdf(chi2, counts.size) < 1 - 1e-4)
