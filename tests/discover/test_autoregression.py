"""The algebra of vector autoregression that the Granger estimators stand on."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.discover import autoregression
from synfer.discover.autoregression import spectral_radius


def dense_radius(coef: np.ndarray) -> float:
    p, n, _ = coef.shape
    companion = np.eye(n * p, k=-n)
    companion[:n] = np.concatenate(coef, axis=1)
    return float(np.abs(np.linalg.eigvals(companion)).max())


def random_coef(n: int, p: int, seed: int) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal((p, n, n)) / np.sqrt(n * p)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(("n", "p", "seeds"), [(30, 5, 100), (60, 4, 20), (30, 1, 100)])
def test_the_spectral_radius_is_that_of_the_dominant_eigenvalue(
    dense: bool, n: int, p: int, seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not dense:  # by Arnoldi's iteration, as larger systems are: many eigenvalues there lie near the largest modulus
        monkeypatch.setattr(autoregression, "DENSE", 0)
    for seed in range(seeds):
        coef = random_coef(n, p, seed)
        assert spectral_radius(coef) == pytest.approx(dense_radius(coef), rel=1e-8), seed


def test_a_process_past_stability_is_seen_among_a_thousand_columns() -> None:
    coef = random_coef(210, 5, 0)
    slow = 1.02 / dense_radius(coef[:, :20, :20])
    coef[:, :20, 20:] = 0  # the first units are a system of their own, made unstable: x(t) -> slow^k x(t - k)
    coef[:, :20, :20] *= slow ** np.arange(1, 6)[:, None, None]
    assert spectral_radius(coef) == pytest.approx(1.02, abs=1e-8)


@pytest.mark.parametrize(("n", "p"), [(1, 1), (1, 3), (2, 1), (3, 2), (8, 1)])
def test_arnoldis_iteration_is_left_to_systems_large_enough(n: int, p: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoregression, "DENSE", 0)
    coef = random_coef(n, p, 1)
    assert spectral_radius(coef) == pytest.approx(dense_radius(coef), rel=1e-10)
