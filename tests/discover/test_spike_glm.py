"""Regression of spike trains against statsmodels, its own gradient, and processes that are known; and its refusals."""

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from scipy.stats import binom, chi2

from synfer import Recording
from synfer.discover import SpikeGLM, spike_glm
from synfer.discover.spike_glm import raised_cosines
from synfer.errors import InputError, NotConvergedWarning


def trains(weights, n_bins=6000, seed=0, rate=0.05, delay=1):
    """Counts (time, unit), 0 or 1: log rate moved by W[i, j] in the bins delay .. delay + 2 after a spike of j."""
    weights = np.asarray(weights, dtype=float)
    rng = np.random.default_rng(seed)
    counts = np.zeros((n_bins, len(weights)))
    for t in range(n_bins):
        recent = counts[max(0, t - delay - 2) : max(0, t - delay + 1)].sum(axis=0)
        counts[t] = rng.random(len(weights)) < np.minimum(rate * np.exp(weights @ recent), 0.9)
    return counts


CHAIN = [[-1.0, 0, 0], [1.2, -1.0, 0], [0, -1.2, 0]]


def design(counts, window, basis):
    """Rows of the regression as the definition has them, one trial."""
    rows = []
    for t in range(window, len(counts)):
        past = counts[t - window : t][::-1]  # lag 1 first
        rows.append(np.concatenate([[1.0], (past.T @ basis).ravel()]))
    return np.array(rows)


@pytest.mark.parametrize("family", ["poisson", "bernoulli"])
def test_equals_statsmodels(family, monkeypatch):
    monkeypatch.setattr(spike_glm, "TOLERANCE", 1e-13)
    counts = trains(CHAIN)
    if family == "poisson":
        counts[100:200] *= 2  # more than one a bin
    model = SpikeGLM(family, window=8, n_basis=3, refractory=0, own_ridge=0.0).fit(counts)
    x = design(counts, 8, raised_cosines(8, 3))
    law = sm.families.Poisson() if family == "poisson" else sm.families.Binomial()
    for i in range(3):
        fit = sm.GLM(counts[8:, i], x, family=law).fit(tol=1e-13, maxiter=100)
        np.testing.assert_allclose(model.intercept_[i], fit.params[0], rtol=1e-6)
        np.testing.assert_allclose(model.coef_[i].ravel(), fit.params[1:], rtol=1e-5, atol=1e-6)
        for j in {0, 1, 2} - {i}:
            contrast = np.eye(10)[1 + 3 * j : 4 + 3 * j]
            test = fit.wald_test(contrast, use_f=False, scalar=True)
            assert float(model.connectome_.score.values[i, j]) == pytest.approx(float(test.statistic) / 3, rel=1e-5)
            assert float(model.connectome_.pvalue.values[i, j]) == pytest.approx(float(test.pvalue), rel=1e-3)


def test_no_slope_is_left_on_any_path():
    """With ridges, a refractory time and trials: the gradient, from a dense design, is zero where the fit ended."""
    counts = np.stack([trains(CHAIN, 900, seed) for seed in range(3)])
    model = SpikeGLM(window=6, n_basis=3, refractory=1, ridge=2.0, own_ridge=0.5)
    model.fit(Recording({"spikes": counts}, 1e-3, leading="trial"))
    assert model.connectome_.pvalue is None
    basis = raised_cosines(6, 3)
    for i in range(3):
        beta = np.concatenate([[model.intercept_[i]], model.coef_[i].ravel()])
        penalty = np.full(10, 2.0)
        penalty[0] = 0.0
        penalty[1 + 3 * i : 4 + 3 * i] += 0.5
        slope, curvature = -penalty * beta, np.diag(penalty)
        for trial in counts:
            x, n = design(trial, 6, basis), trial[6:, i]
            kept = trial[5:-1, i] == 0
            mu = np.exp(x @ beta)
            slope += x[kept].T @ (n - mu)[kept]
            curvature += (x[kept] * mu[kept, None]).T @ x[kept]
        assert 0.5 * slope @ np.linalg.solve(curvature, slope) < 1e-6


def test_part_of_the_bins_steers_to_the_same_coefficients(monkeypatch):
    counts = trains(CHAIN, 60_000)
    some = SpikeGLM(window=10, n_basis=4).fit(counts)
    monkeypatch.setattr(spike_glm, "ALL_ROWS", 10**9)
    every = SpikeGLM(window=10, n_basis=4).fit(counts)
    assert some.n_iter_.max() > every.n_iter_.max()  # the other path was taken
    np.testing.assert_allclose(some.log_likelihood_, every.log_likelihood_, rtol=0, atol=3e-6)
    np.testing.assert_allclose(some.coef_, every.coef_, atol=2e-3)
    ratio = (some.connectome_.score / every.connectome_.score).values
    assert np.nanmax(np.abs(ratio - 1)) < 0.1


def test_threads_do_not_change_a_bit():
    counts = trains(CHAIN, 30_000)
    before = torch.get_num_threads()
    try:
        fits = []
        for n in (1, 3):
            torch.set_num_threads(n)
            fits.append(SpikeGLM(window=10, n_basis=4).fit(counts))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    np.testing.assert_array_equal(fits[0].connectome_.score, fits[1].connectome_.score)


@pytest.mark.parametrize("family", ["poisson", "bernoulli"])
def test_orientation_sign_delay_and_no_indirect_edge(family):
    recording = Recording.from_array(trains(CHAIN, 40_000, delay=4), 1e-3)
    connectome = SpikeGLM(family, window=20, n_basis=6).fit(recording).connectome_
    assert connectome.converged
    assert connectome.pvalue.sel(target=1, source=0) < 1e-10 < 1e-3 < connectome.pvalue.sel(target=0, source=1)
    assert connectome.pvalue.sel(target=2, source=1) < 1e-10 < 1e-3 < connectome.pvalue.sel(target=2, source=0)
    assert connectome.weight.sel(target=1, source=0) > 0 > connectome.weight.sel(target=2, source=1)
    assert 4e-3 <= float(connectome.delay.sel(target=1, source=0)) <= 6e-3


def test_rejects_at_its_level():
    rejected = sum(
        int((SpikeGLM(window=6, n_basis=2).fit(trains(np.diag([-1.0] * 3), 3000, s)).connectome_.pvalue < 0.05).sum())
        for s in range(60)
    )
    low, high = binom.interval(1 - 1e-4, 60 * 6, 0.05)
    assert low < rejected < high


def test_the_refractory_time_is_the_shortest_interval():
    counts = np.zeros((3000, 2))
    rng = np.random.default_rng(0)
    counts[np.cumsum(rng.integers(4, 30, 150)), 0] = 1  # never within 3 bins
    counts[:, 1] = rng.random(3000) < 0.1
    model = SpikeGLM(window=10, n_basis=2).fit(counts)
    np.testing.assert_array_equal(model.refractory_, [3, 0])
    np.testing.assert_array_equal(SpikeGLM(window=10, n_basis=2, refractory=2).fit(counts).refractory_, [2, 2])


def test_raised_cosines():
    basis = raised_cosines(40, 5)
    assert basis.shape == (40, 5)
    assert basis[0, 0] == 1.0  # the first peaks at lag 1
    assert (np.diff(basis.argmax(axis=0)) > 0).all()
    assert 0 < basis[-1, -1] < 0.01  # and the last has come down
    np.testing.assert_allclose(basis.sum(axis=1)[2:8], 2.0, atol=1e-9)  # a constant between the second and fourth


def test_score_is_wald_over_chi_squared():
    connectome = SpikeGLM(window=6, n_basis=2).fit(trains(CHAIN, 3000)).connectome_
    np.testing.assert_allclose(connectome.pvalue, chi2.sf(2 * connectome.score, 2))


def test_a_fit_that_has_not_ended_says_so():
    with pytest.warns(NotConvergedWarning, match="targets 0, 1, 2 had not converged after 1 steps"):
        model = SpikeGLM(window=6, n_basis=2, max_iter=1).fit(trains(CHAIN, 3000))
    assert model.connectome_.converged is False


def test_refusals():
    counts = trains(CHAIN, 1500)
    with pytest.raises(InputError, match=r"X must hold counts of spikes, .* got 0\.5 in unit 0 .* 7"):
        half = counts.copy()
        half[7, 0] = 0.5
        SpikeGLM(window=5, n_basis=2).fit(half)
    with pytest.raises(InputError, match="0 or 1 for the Bernoulli family, got 2"):
        SpikeGLM("bernoulli", window=5, n_basis=2).fit(2 * counts)
    with pytest.raises(InputError, match="n_basis must be fewer than a window of 4 bins tells apart, got 6"):
        SpikeGLM(window=4, n_basis=6).fit(counts)
    with pytest.raises(InputError, match="family"):
        SpikeGLM("gaussian").fit(counts)
    with pytest.raises(InputError, match="samples"):
        SpikeGLM(window=50).fit(counts[:60])
    early = counts.copy()
    early[10:, 2] = 0
    early[3, 2] = 1
    with pytest.raises(InputError, match="unit 2 never fires in the"):
        SpikeGLM(window=20, n_basis=2).fit(early)
    together = counts.copy()
    together[:, 2] = together[:, 1]
    together[-1, 2] = 1 - together[-1, 2]  # differs where nothing follows
    with pytest.raises(InputError, match=r"information of target 0 is singular: set ridge > 0"):
        SpikeGLM(window=5, n_basis=2).fit(together)
    assert np.isfinite(SpikeGLM(window=5, n_basis=2, ridge=1.0).fit(together).connectome_.score.values[0, 1])
