"""The spectral radius of large autoregressions, where not all eigenvalues are computed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse.linalg

from synfer.errors import UnstableSystemError
from synfer.simulate import autoregression, var_coefficients, var_network
from synfer.simulate.autoregression import spectral_radius


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> int:
    """Give a number of units that counts as large."""
    for name in ("ALL_EIGENVALUES_BELOW", "SEARCHED_ABOVE"):
        monkeypatch.setattr(autoregression, name, 60)
    return 90


def test_feed_forward_systems_are_known_to_be_stable(large: int) -> None:
    """No search for the largest eigenvalue ends where all are 0."""
    chain = np.diag(np.full(large - 1, 3.0), -1)
    assert spectral_radius(np.zeros((2, large, large))) == 0
    assert spectral_radius(chain[None]) == 0
    assert np.array_equal(var_network(chain).connectome.weight.values, chain)
    assert spectral_radius((chain + np.diag(np.linspace(-0.5, 0.2, large)))[None]) == 0.5
    two = np.zeros((2, large, large))
    two[1], two[0, 0, 0] = chain, 0.25  # the chain acts over two lags
    assert spectral_radius(two) == pytest.approx(0.25)


def test_the_chain_that_was_refused_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = np.diag(np.full(1500, 0.5), -1)
    monkeypatch.setattr(np.linalg, "eigvals", None)  # not called: no unit reaches itself
    monkeypatch.setattr(scipy.sparse.linalg, "eigs", None)
    assert var_network(chain).n_units == 1501


def test_rings_whose_eigenvalues_are_of_one_size(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoregression, "MOST_RESTARTS", 2)
    ring = np.roll(np.eye(large), 1, 0)
    assert spectral_radius(0.9 * ring[None]) == pytest.approx(0.9)
    parts = np.kron(np.diag([0.5, 0.7]), ring)  # and in two parts
    assert spectral_radius(parts[None]) == pytest.approx(0.7)
    with pytest.raises(UnstableSystemError, match=r"spectral radius 1\.1,"):
        var_network(1.1 * ring)


@pytest.mark.parametrize("n_lags", [1, 2])
def test_the_search_finds_what_all_eigenvalues_say(large: int, n_lags: int) -> None:
    coefficients = np.random.default_rng(0).normal(0, 0.1, (n_lags, large, large))
    companion = autoregression.companion(coefficients)
    expected = np.abs(np.linalg.eigvals(companion)).max()
    assert spectral_radius(coefficients) == pytest.approx(expected, rel=1e-9)


def test_large_coefficients_of_a_seed_are_the_same_to_the_bit(large: int) -> None:
    one, two, three = (var_coefficients(large, 1, p=0.1, seed=1) for _ in range(3))
    assert one.tobytes() == two.tobytes() == three.tobytes()
    assert spectral_radius(one) == pytest.approx(0.9)


def test_a_matrix_at_random_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ARPACK's own number of vectors the search did not end, and all eigenvalues took minutes of many units."""
    rng = np.random.default_rng(0)
    matrix = np.where(rng.random((2000, 2000)) < 0.05, rng.normal(size=(2000, 2000)), 0.0)
    monkeypatch.setattr(np.linalg, "eigvals", None)  # not called
    assert spectral_radius(matrix[None]) == pytest.approx(np.sqrt(100.0), rel=0.1)
