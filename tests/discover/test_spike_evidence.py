"""What Wald's statistic does not say: sources that silence others, filters that run off, counts that vary too much."""

import numpy as np
import pytest
from scipy.stats import binom, chi2

from synfer import Recording
from synfer.discover import SpikeGLM, spike_evidence
from synfer.discover.spike_evidence import dispersion, remarkable, silencers, tempered
from synfer.discover.spike_glm import raised_cosines
from synfer.errors import DispersionWarning, InputError


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


def rare(seed, n_bins, interval):
    """Five independent units of some 20 to 30 spikes each, at least 5 bins between two of one; (time, unit)."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n_bins, 5))
    for unit in range(5):
        at = np.cumsum((5 + rng.exponential(interval, 3 * n_bins // interval + 10)).astype(int))
        x[at[at < n_bins], unit] = 1
    return x


@pytest.mark.parametrize(
    ("seed", "n_bins", "interval", "pair"), [(12, 60_000, 2000, (4, 1)), (1, 20_000, 1000, (1, 0))]
)
@pytest.mark.parametrize("family", ["poisson", "bernoulli"])
@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")
def test_a_filter_that_runs_off_in_part_is_no_edge(family, seed, n_bins, interval, pair):
    """Wald's p was 3e-6 (coefficients of 100 and more, the information not singular) and 5e-6; of the ratio .007."""
    x = rare(seed, n_bins, interval)
    i, j = pair
    fitted = SpikeGLM(family).fit(x)
    without = SpikeGLM(family).fit(np.delete(x, j, axis=1))
    ratio = 2.0 * (fitted.log_likelihood_[i] - without.log_likelihood_[i - (i > j)])
    pvalue = float(fitted.connectome_.pvalue.values[i, j])
    assert pvalue == pytest.approx(chi2.sf(ratio, 5), rel=1e-3)
    assert pvalue > 0.005


@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")
def test_where_the_fit_without_the_source_is_singular_both_are_held():
    """A singular fit has no likelihood, and what is lost was nothing; by Wald's statistic p was 3e-7."""
    found = SpikeGLM().fit(rare(6, 60_000, 2000)).connectome_
    assert 0.001 < float(found.pvalue.values[4, 0]) < 0.5


@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")
def test_rare_units_are_seldom_sure_edges():
    """By Wald's statistic .006 to .013 had p < .001, and one in four hundred p < 1e-5."""
    pvalues = np.concatenate([
        SpikeGLM().fit(rare(seed, 60_000, 2000)).connectome_.pvalue.values[~np.eye(5, dtype=bool)]
        for seed in range(4, 17)
    ])  # fmt: skip
    assert (pvalues < 0.001).sum() <= binom.isf(1e-4, len(pvalues), 0.001)
    assert pvalues.min() > 1e-5


def test_only_rough_and_remarkable_sources_are_asked_what_the_likelihood_loses():
    basis, asked = raised_cosines(5, 2), []

    def loss(j):
        asked.append(j)
        return 1.0

    score, covariance = np.array([20.0, 20.0, 3.0, 20.0]), 0.01 * np.eye(9)
    covariance[1:3, 1:3] = covariance[3:5, 3:5] = covariance[5:7, 5:7] = 4.0 * np.eye(2)
    np.testing.assert_array_equal(tempered(score, covariance, basis, [1], loss), [0.5, 20.0, 3.0, 20.0])
    assert asked == [0] and score[0] == 20.0


def counts(phi, seed, n_bins=3000, mean=1.0):
    """Independent counts of four units whose variance is phi times the mean."""
    return np.random.default_rng(seed).negative_binomial(mean / (phi - 1.0), 1.0 / phi, (n_bins, 4)).astype(float)


def test_counts_that_vary_too_much_are_warned_of_and_made_up_for():
    fitted, plain = {}, {"window": 6, "n_basis": 2}
    with pytest.warns(DispersionWarning, match=r"targets 0, 1, 2, 3 .* up to 2\.\d times .* dispersion='pearson'"):
        fitted["fixed"] = SpikeGLM(**plain).fit(counts(2.0, 0))
    fitted["pearson"] = SpikeGLM(**plain, dispersion="pearson").fit(counts(2.0, 0))
    np.testing.assert_allclose(fitted["fixed"].dispersion_, 2.0, atol=0.3)
    np.testing.assert_allclose(
        fitted["pearson"].connectome_.score * fitted["pearson"].dispersion_[:, None],
        fitted["fixed"].connectome_.score,
    )
    pvalues = np.concatenate([
        SpikeGLM(**plain, dispersion="pearson").fit(counts(2.0, seed)).connectome_.pvalue.values[~np.eye(4, dtype=bool)]
        for seed in range(40)
    ])  # fmt: skip
    low, high = binom.interval(1 - 1e-4, len(pvalues), 0.05)
    assert low <= (pvalues < 0.05).sum() <= high


def test_counts_of_poisson_s_law_are_not_warned_of():
    """Nor where a known covariate makes them vary, nor within trials."""
    rng = np.random.default_rng(0)
    drive = rng.standard_normal((2, 4000, 1))
    x = rng.poisson(np.exp(drive[..., [0, 0, 0]] * [1.0, -0.8, 0.0])).astype(float)
    recording = Recording({"spikes": x}, 0.1, leading="trial")
    fitted = SpikeGLM(window=6, n_basis=2).fit(recording, covariates=drive)
    np.testing.assert_allclose(fitted.dispersion_, 1.0, atol=0.1)
    alone = SpikeGLM(window=6, n_basis=2, dispersion="pearson").fit(recording)
    assert (alone.dispersion_[:2] > 1.5).all() and alone.dispersion_[2] == pytest.approx(1.0, abs=0.1)
    assert np.isnan(SpikeGLM(window=5, n_basis=2, refractory=0).fit(silenced()).dispersion_).all()


@pytest.mark.parametrize("settings", [{}, {"refractory": 2}, {"group_lasso": 1.0, "dispersion": "pearson"}])
@pytest.mark.parametrize("each_its_own", [False, True])
def test_dispersion_is_pearson_s_by_its_definition(settings, each_its_own, monkeypatch):
    """Of two trials, with covariates; of the group lasso the columns that it left."""
    monkeypatch.setattr(spike_evidence, "BLOCK", 6 * 4 * 7)
    rng = np.random.default_rng(3)
    x, z = counts(2.0, 3, 1000).reshape(2, 500, 4), rng.standard_normal((2, 500, 4, 1))
    z = z if each_its_own else z[:, :, 0]
    model = SpikeGLM(window=6, n_basis=2, **{"refractory": 0, "dispersion": "pearson"} | settings)
    model.fit(Recording({"spikes": x}, 0.1, leading="trial"), covariates=z)
    coef, gap = model.coef_, settings.get("refractory", 0)
    assert not settings.get("group_lasso") or (coef == 0).any()
    for i in range(4):
        errors = []
        for trial in range(2):
            for t in range(6, 500):
                if x[trial, t - gap : t, i].any():
                    continue
                known = z[trial, t, i] if each_its_own else z[trial, t]
                told = known @ model.covariate_coef_[i] + (model.filters_[i] * x[trial, t - 6 : t][::-1].T).sum()
                rate = np.exp(model.intercept_[i] + told)
                errors.append((x[trial, t, i] - rate) ** 2 / rate)
        expected = np.sum(errors) / (len(errors) - 2 - (coef[i] != 0).sum())
        assert model.dispersion_[i] == pytest.approx(expected, rel=1e-9)


def test_dispersion_of_a_few_of_many_bins_is_not_known():
    assert np.isnan(dispersion(np.ones(10), np.zeros(10), 1000, 3)).all()
    assert dispersion(np.ones(10), np.zeros(10), 10, 3) == (0.0, 0.0)


def test_spikes_and_silences_have_no_dispersion_to_take():
    with pytest.raises(InputError, match="dispersion must be 'fixed' with family='bernoulli', got 'pearson'"):
        SpikeGLM("bernoulli", dispersion="pearson").fit(silenced())
