"""The algebra of vector autoregression that the Granger estimators stand on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synfer.discover import autoregression
from synfer.discover.autoregression import (
    CRITERIA,
    Autoregression,
    LeastSquares,
    criteria,
    lagged_factor,
    leading_factor,
    log_likelihood,
    spectral_radius,
)


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


def fits_of(x: np.ndarray, highest: int) -> list[LeastSquares]:
    n, rows = x.shape[1], len(x) - highest
    factor = lagged_factor([x], highest)
    return [LeastSquares(leading_factor(factor, n, p), n, p, rows) for p in range(highest + 1)]


def test_criteria_are_what_they_say() -> None:
    x = np.random.default_rng(0).standard_normal((60, 3))
    fits = [*fits_of(x, 4)[1:], Autoregression(np.zeros((6, 3, 3)), np.zeros(3), np.eye(3), 40)]
    table = criteria(fits)
    assert list(table.columns) == list(CRITERIA) and list(table.index) == [1, 2, 3, 4, 6]
    for p, fit in zip(table.index, fits, strict=True):
        m, d = fit.n_rows, 3 * (3 * p + (p < 6))  # a mean taken off beforehand is no coefficient
        fitted = m * np.log(np.linalg.det(fit.sse / m))
        assert table["aic"][p] * 40 == pytest.approx(fitted + 2 * d, rel=1e-12)
        assert table["bic"][p] * 40 == pytest.approx(fitted + d * np.log(m), rel=1e-12)
        assert table["hq"][p] * 40 == pytest.approx(fitted + 2 * d * np.log(np.log(m)), rel=1e-12)
        if d + 1 < m:
            assert table["aicc"][p] * 40 == pytest.approx(fitted + 2 * d * m / (m - d - 1), rel=1e-12)
        else:
            assert np.isnan(table["aicc"][p])
    assert table["aicc"].isna().any() and table["aicc"].notna().any()


def test_a_fit_says_by_what_its_covariance_is_divided() -> None:
    fit = fits_of(np.random.default_rng(0).standard_normal((60, 3)), 2)[2]
    np.testing.assert_allclose(fit.covariance * 57, fit.sse)
    np.testing.assert_allclose(fit.unbiased_covariance * (58 - 7), fit.sse)


def test_the_log_likelihood_is_the_sum_of_the_densities() -> None:
    rng = np.random.default_rng(0)
    segments = [rng.standard_normal((n, 2)) for n in (20, 1, 2, 15)]
    coef, intercept, covariance = random_coef(2, 2, 0), np.array([0.3, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    expected = 0.0
    for x in segments:
        for t in range(2, len(x)):
            mean = intercept + coef[0] @ x[t - 1] + coef[1] @ x[t - 2]
            expected += stats.multivariate_normal(mean, covariance).logpdf(x[t])
    assert log_likelihood(segments, intercept, coef, covariance) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(np.linalg.LinAlgError):
        log_likelihood(segments, intercept, coef, np.ones((2, 2)))
