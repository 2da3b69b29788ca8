"""Processes whose coefficients are known."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def process():
    """Samples (time, unit) of a vector autoregression: process(coef, n_samples, seed, covariance)."""
    return _process


@pytest.fixture(scope="session")
def stable():
    """Coefficients of a stable process, and a covariance: stable(n_lags, n_units, seed, radius)."""
    return _stable


def _process(coef, n_samples, seed=0, covariance=None):
    """Samples (time, unit) of a vector autoregression."""
    p, n, _ = coef.shape
    rng = np.random.default_rng(seed)
    noise = rng.multivariate_normal(np.zeros(n), np.eye(n) if covariance is None else covariance, n_samples + 500)
    x = np.zeros((n_samples + 500, n))
    for t in range(p, len(x)):
        x[t] = noise[t] + sum(a @ x[t - k] for k, a in enumerate(coef, start=1))
    return x[500:]


def _stable(p, n, seed, radius=0.9):
    """Random coefficients (lag, target, source) of a process with that spectral radius, and a covariance."""
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=(p, n, n)) * rng.random((p, n, n)).round()
    companion = np.eye(n * p, k=-n)
    companion[:n] = np.concatenate(coef, axis=1)
    found = np.abs(np.linalg.eigvals(companion)).max()
    coef *= (radius / found) ** np.arange(1, p + 1)[:, None, None]
    root = rng.normal(size=(n, n)) / np.sqrt(n) + np.eye(n)
    return coef, root @ root.T
