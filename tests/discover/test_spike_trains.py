"""Sources that silence others altogether: the surer the effect, the less a Wald statistic says of it."""

import numpy as np
import pytest

from synfer.discover import SpikeGLM
from synfer.discover.spike_glm import raised_cosines
from synfer.discover.spike_trains import remarkable, silencers


def silenced(n=20_000, bins=5, seed=1):
    """Four independent units of which 0 never fires within ``bins`` after a spike of 2; (time, unit)."""
    x = (np.random.default_rng(seed).random((n, 4)) < 0.05).astype(float)
    for d in range(1, bins + 1):
        x[d:, 0] *= 1.0 - x[:-d, 2]
    return x


@pytest.mark.parametrize("family", ["poisson", "bernoulli"])
@pytest.mark.parametrize("given", [None, "one for all", "each its own"])
def test_the_likelihood_without_the_source_is_its_evidence(family, given):
    x = silenced()
    noise = np.random.default_rng(0).standard_normal((len(x), 4, 1))
    covariates = {None: None, "one for all": noise[:, 0], "each its own": noise}[given]
    left = covariates if given != "each its own" else noise[:, [0, 1, 3]]
    method = SpikeGLM(family, window=5, n_basis=2, own_ridge=0.0, refractory=0)
    fitted = method.fit(x, covariates=covariates)
    found = fitted.connectome_
    whole = fitted.log_likelihood_[0]
    without = SpikeGLM(family, window=5, n_basis=2, own_ridge=0.0, refractory=0).fit(x[:, [0, 1, 3]], covariates=left)
    ratio = 2.0 * (whole - without.log_likelihood_[0])
    assert ratio > 300
    assert float(found.score.values[0, 2]) * 2 == pytest.approx(ratio, rel=1e-6)
    assert float(found.pvalue.values[0, 2]) < 1e-60 and float(found.weight.values[0, 2]) < -10
    others = found.pvalue.values[~np.eye(4, dtype=bool)]
    assert (np.sort(others)[1:] > 0.01).all()


def test_where_nothing_is_silenced_nothing_is_changed():
    """Neither among independent units, nor where so few spikes are missing that chance explains it."""
    basis = raised_cosines(5, 2)
    x = silenced(bins=0)
    coef = SpikeGLM(window=5, n_basis=2, refractory=0).fit(x).coef_[0]
    units, counts = np.nonzero(x)[1], np.ones(int(x.sum()))
    wide = 100.0 * np.eye(9)
    assert silencers(coef, wide, basis, units, counts, 0, len(x)) == []
    coef[2] = -10.0
    assert silencers(coef, wide, basis, units, counts, 0, len(x)) == [2]
    assert silencers(coef, 0.01 * np.eye(9), basis, units, counts, 0, len(x)) == []
    assert silencers(coef, wide, basis, units, counts, 0, 100 * len(x)) == []
    assert silencers(coef, wide, basis, units, counts, 2, len(x)) == []
    assert remarkable(2) == pytest.approx(-2.0 * np.log(1e-3))


@pytest.mark.parametrize("family", ["poisson", "bernoulli"])
def test_a_filter_that_runs_off_by_chance_does_not_end_the_fit(family):
    """In short trains a target never fires just after some source: its information is singular, and all was refused."""
    rejected = []
    for seed in range(5001, 5013):
        x = (np.random.default_rng(seed).random((3000, 5)) < 0.01).astype(float)
        found = SpikeGLM(family).fit(x).connectome_
        assert found.converged
        rejected.append((found.pvalue.values[~np.eye(5, dtype=bool)] < 0.05).mean())
    assert np.mean(rejected) < 0.1


def test_rare_units_are_rejected_at_their_level():
    rejected = []
    for seed in range(60):
        x = (np.random.default_rng(seed).random((3000, 4)) < 0.03).astype(float)
        pvalue = SpikeGLM(window=10, n_basis=3).fit(x).connectome_.pvalue.values
        rejected.append((pvalue[~np.eye(4, dtype=bool)] < 0.05).mean())
    assert np.mean(rejected) < 0.07


@pytest.mark.parametrize("group_lasso", [1.0, "bic"])
def test_the_group_lasso_keeps_what_silences(group_lasso):
    """The quadratic that it shrinks takes such a filter, of no known size, for nothing."""
    method = SpikeGLM(window=5, n_basis=2, group_lasso=group_lasso, refractory=0)
    fitted = method.fit(silenced())
    score = fitted.connectome_.score.values
    assert score[0, 2] > 100 and np.nanargmax(score[0]) == 2
    assert (score[1:][~np.isnan(score[1:])] == 0).mean() > 0.5
    assert method.fit(silenced()[:, [0, 2]]).connectome_.score.values[0, 1] > 100
