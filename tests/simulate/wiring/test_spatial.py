"""Wirings in space: the law of distance, positions, the ring of Das and Fiete."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from synfer.simulate import distance_dependent, random_positions, ring_attractor
from synfer.simulate.wiring import spatial

from .conftest import weights_of


@pytest.fixture(params=["every pair", "by cells"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to draw, that of small and that of large networks."""
    if request.param == "by cells":
        monkeypatch.setattr(spatial, "EDGE_LIST_ABOVE", 0)
        monkeypatch.setattr(spatial, "BLOCKS", 300)
        monkeypatch.setattr(spatial, "UNITS_OF_CELL", 8)
    return request.param


def apart(x: np.ndarray, side: float | None) -> np.ndarray:
    difference = np.abs(x[..., :, None, :] - x[..., None, :, :])
    return np.linalg.norm(difference if side is None else np.minimum(difference, side - difference), axis=-1)


@pytest.mark.parametrize(
    ("profile", "p_max", "length", "n_dims", "periodic"),
    [
        ("exponential", 0.8, 0.3, 2, False), ("exponential", 1.0, 0.2, 2, True), ("gaussian", 0.2, 0.5, 1, False),
        ("gaussian", 1.0, 0.4, 3, True), ("exponential", 0.1, 5.0, 2, False),
    ],
)  # fmt: skip
def test_the_probability_falls_with_distance_as_asked(
    way: str, profile: str, p_max: float, length: float, n_dims: int, periodic: bool
) -> None:
    about = {"side": 1.5, "n_dims": n_dims, "n_networks": 3, "seed": 7}
    connectome = distance_dependent(200, 50, p_max, length, profile=profile, periodic=periodic, **about)
    distance = apart(random_positions(250, **about), 1.5 if periodic else None)
    off = np.broadcast_to(~np.eye(250, dtype=bool), distance.shape)
    joined, distance = (weights_of(connectome) != 0)[off], distance[off]
    p = p_max * np.exp(-distance / length if profile == "exponential" else -((distance / length) ** 2) / 2)
    edges = np.quantile(distance, np.linspace(0, 1, 26))
    bins = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, 24)
    counts, expected, variance = (np.bincount(bins, values) for values in (joined, p, p * (1 - p)))
    usable = variance > 5
    assert usable.sum() >= 8
    chi2 = np.sum((counts - expected)[usable] ** 2 / variance[usable])
    assert 1e-4 < scipy.stats.chi2.cdf(chi2, usable.sum()) < 1 - 1e-4


def test_positions_given_decide(way: str) -> None:
    rng = np.random.default_rng(0)
    far = np.concatenate([rng.normal(0, 0.1, (30, 2)), rng.normal(100, 0.1, (20, 2))])  # two islands
    weights = weights_of(distance_dependent(40, 10, 0.9, 1.0, positions=far))
    assert not np.any(weights[:30, 30:])
    assert not np.any(weights[30:, :30])
    assert np.count_nonzero(weights[:30, :30]) > 0.6 * 30 * 29
    line = np.zeros((50, 1))  # all in one place: nothing to divide by
    assert np.count_nonzero(weights_of(distance_dependent(40, 10, 1.0, 1.0, positions=line))) == 50 * 49


def test_a_batch_may_have_positions_each() -> None:
    positions = random_positions(20, n_networks=3, seed=1)
    batch = distance_dependent(16, 4, 1.0, 0.2, n_networks=3, seed=5, positions=positions)
    shared = distance_dependent(16, 4, 1.0, 0.2, n_networks=3, seed=5, positions=positions[0])
    np.testing.assert_array_equal(batch.weight[0], shared.weight[0])
    assert not np.array_equal(batch.weight[1], shared.weight[1])
    np.testing.assert_array_equal(random_positions(20, seed=1), positions[0])


def test_hundred_thousand_units_on_a_sheet() -> None:
    connectome = distance_dependent(80_000, 20_000, 0.1, 0.005, seed=3, delay=1e-3)
    assert connectome.layout == "edges"
    target, source = connectome.score["target"].values, connectome.score["source"].values
    x = random_positions(100_000, seed=3)
    distance = np.linalg.norm(x[target] - x[source], axis=1)
    # In the plane, distances of edges have density d exp(-d / length): Gamma(2, length); the rim takes little away.
    assert connectome.score.size == pytest.approx(100_000**2 * 0.1 * 2 * np.pi * 0.005**2, rel=0.03)
    assert distance.mean() == pytest.approx(2 * 0.005, rel=0.02)
    assert scipy.stats.kstest(distance, "gamma", args=(2, 0, 0.005)).statistic < 0.02


def test_the_ring_is_that_of_das_and_fiete() -> None:
    n, r, (narrow, wide), a = 100, 0.025, (6.98, 7.0), 1.0005
    weights = weights_of(ring_attractor(self_connections=True))
    for i in range(n):
        for j in range(n):
            d = min(abs(i - j), n - abs(i - j))
            expected = r * (math.exp(-(d**2) / (2 * narrow**2)) - a * math.exp(-(d**2) / (2 * wide**2)))
            assert weights[i, j] == pytest.approx(expected, rel=1e-12)
    assert weights[0, 0] == pytest.approx(r * (1 - a))
    np.testing.assert_array_equal(weights, weights.T)
    np.testing.assert_array_equal(weights, np.roll(weights, (1, 1), axis=(0, 1)))
    # The mode that grows fastest is a pattern of several bumps, not the uniform one.
    assert np.argmax(np.fft.rfft(weights[0]).real) > 0
    without = weights_of(ring_attractor())
    np.testing.assert_array_equal(without, weights - np.diag(np.diag(weights)))


def test_the_strength_scales_the_ring() -> None:
    one, strong = ring_attractor(51, 1.0), ring_attractor(51, 22.0, delay=1e-3)
    np.testing.assert_allclose(strong.weight, 22 * one.weight, rtol=1e-14)
    assert np.count_nonzero(weights_of(ring_attractor(51, 0.0))) == 0
    large = ring_attractor(5000, 1.0)
    assert large.layout == "edges"
    assert np.all(np.bincount(large.score["target"]) == np.bincount(large.score["source"]))
    narrow = ring_attractor(4000, 1.0)  # far weights underflow, and are no edges
    assert np.count_nonzero(narrow.weight[0]) == np.count_nonzero(narrow.weight[77]) < 800
