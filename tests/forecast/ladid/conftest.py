"""Small systems and small models that the tests of LaDID share."""

from __future__ import annotations

import numpy as np
import pytest

from synfer import Trajectories
from synfer.forecast import LaDID


def turning(
    n: int, n_samples: int, seed: int, *, irregular: bool = False, rates: tuple[float, float] = (1.0, 2.0)
) -> Trajectories:
    """Points that turn about the origin, each at a rate of its own, seen through three units."""
    rng = np.random.default_rng(seed)
    speeds, phases = rng.uniform(*rates, n), rng.uniform(0, 2 * np.pi, n)
    times = np.tile(np.linspace(0, 3, n_samples), (n, 1))
    if irregular:
        times[:, 1:] = np.sort(rng.uniform(0.01, 3, (n, n_samples - 1)))
    angle = speeds[:, None] * times + phases[:, None]
    values = np.stack([np.cos(angle), np.sin(angle), 0.5 * np.cos(angle) + 1.0], axis=-1)
    return Trajectories(list(values), list(times), parameters={"rate": speeds})


def faint(n: int, seed: int, n_samples: int = 40) -> Trajectories:
    """Units that turn about together, each at its phase, with a count in four samples; when is a realisation's own."""
    rng = np.random.default_rng(seed)
    angle = 2.0 * np.pi * (np.arange(n_samples) / 20.0 + rng.random((n, 1)))
    rates = 0.25 * (1.0 + 0.9 * np.cos(angle[..., None] - 2.0 * np.pi * np.arange(20) / 20.0))
    return Trajectories(list(rng.poisson(rates)), 0.025 * np.arange(n_samples), parameters={"phase": angle[:, 0]})


SMALL = {
    "n_context": 4, "d_latent": 4, "d_model": 8, "d_hidden": 16, "n_layers": 2, "n_frequencies": 3, "max_epochs": 3,
    "patience": 3, "stage_epochs": 1, "progress": False, "random_state": 0,
}  # fmt: skip


def small(**changed: object) -> LaDID:
    return LaDID(**SMALL | changed)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def points() -> Trajectories:
    return turning(12, 10, 0)


@pytest.fixture(scope="session")
def fitted(points: Trajectories) -> LaDID:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return small(n_init=2).fit(points)
