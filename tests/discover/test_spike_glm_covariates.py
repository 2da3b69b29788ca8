"""Spike trains regressed on stimuli besides: against statsmodels, and a common stimulus that is no edge any more."""

import numpy as np
import pytest
import statsmodels.api as sm

from synfer import Recording
from synfer.discover import SpikeGLM, spike_glm
from synfer.discover.spike_glm import raised_cosines
from synfer.errors import InputError, ShapeError


def driven(n_bins, gains, seed=0):
    """Counts (time, unit) of units that only share a slow stimulus (time, 1), 0 or 1, rate .05 exp(gain z)."""
    rng = np.random.default_rng(seed)
    stimulus = np.convolve(rng.standard_normal(n_bins + 20), np.ones(20) / np.sqrt(20))[20 : n_bins + 20]
    rate = np.minimum(0.05 * np.exp(np.outer(stimulus, gains)), 0.9)
    return (rng.random(rate.shape) < rate).astype(float), stimulus[:, None]


def design(counts, window, basis):
    past = [(counts[t - window : t][::-1].T @ basis).ravel() for t in range(window, len(counts))]
    return np.column_stack([np.ones(len(past)), past])


@pytest.mark.parametrize("own", [False, True])
def test_equals_statsmodels(own, monkeypatch):
    monkeypatch.setattr(spike_glm, "TOLERANCE", 1e-13)
    counts, stimulus = driven(3000, [0.5, 0.8])
    known = np.column_stack([stimulus, np.sin(np.arange(3000) / 50)])
    known = np.stack([known, 0.5 - known[::-1]], axis=1) if own else known  # (time, unit, covariate)
    model = SpikeGLM(window=8, n_basis=3, refractory=0, own_ridge=0.0).fit(counts, covariates=known)
    history = design(counts, 8, raised_cosines(8, 3))
    for i in range(2):
        beside = (known[:, i] if own else known).astype(np.float32)
        fit = sm.GLM(counts[8:, i], np.column_stack([history, beside[8:]]), family=sm.families.Poisson()).fit(tol=1e-13)
        np.testing.assert_allclose(model.intercept_[i], fit.params[0], rtol=1e-6)
        np.testing.assert_allclose(model.coef_[i].ravel(), fit.params[1:7], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.covariate_coef_[i], fit.params[7:], rtol=1e-5, atol=1e-6)
        contrast = np.eye(9)[1 + 3 * (1 - i) : 4 + 3 * (1 - i)]
        wald = float(fit.wald_test(contrast, use_f=False, scalar=True).statistic)
        assert float(model.connectome_.score.values[i, 1 - i]) == pytest.approx(wald / 3, rel=1e-5)


def test_a_common_stimulus_is_no_edge_where_it_is_known():
    """Also in the conjugate gradients of long recordings, in trials, under the group lasso, and with a ridge."""
    counts, stimulus = driven(60_000, [0.8, 0.8, -0.8])
    without = SpikeGLM(window=10, n_basis=2).fit(counts).connectome_
    assert np.nanmax(without.pvalue.values) < 1e-6
    known = SpikeGLM(window=10, n_basis=2).fit(counts, covariates=stimulus)
    assert np.nanmin(known.connectome_.pvalue.values) > 1e-3
    np.testing.assert_allclose(known.covariate_coef_[:, 0], [0.8, 0.8, -0.8], atol=0.1)
    trials = Recording({"spikes": counts.reshape(4, 15_000, 3)}, 1e-3, leading="trial")
    for settings in ({"group_lasso": "bic"}, {"ridge": 5.0}):
        model = SpikeGLM(window=10, n_basis=2, **settings).fit(trials, covariates=stimulus.reshape(4, 15_000, 1))
        np.testing.assert_allclose(model.covariate_coef_, known.covariate_coef_, atol=0.05)
        if "group_lasso" in settings:
            assert np.nanmax(model.connectome_.score.values) == 0.0


def test_signals_of_the_recording_are_covariates_by_name():
    """What a simulation recorded of its drive; each unit is given its own column."""
    counts, stimulus = driven(3000, [0.5, 0.8])
    drive = np.column_stack([stimulus[:, 0], 2.0 * stimulus[:, 0]])
    recording = Recording({"spikes": counts, "drive": drive}, 1e-3)
    named = SpikeGLM(window=8, n_basis=2).fit(recording, "spikes", covariates="drive")
    given = SpikeGLM(window=8, n_basis=2).fit(counts, covariates=drive[:, :, None])
    np.testing.assert_array_equal(named.covariate_coef_, given.covariate_coef_)
    assert named.covariate_coef_.shape == (2, 1)
    assert SpikeGLM(window=8, n_basis=2).fit(counts).covariate_coef_.shape == (2, 0)


def test_refusals():
    counts, stimulus = driven(3000, [0.5, 0.8])
    with pytest.raises(ShapeError, match="covariates must be of the time"):
        SpikeGLM(window=8, n_basis=2).fit(counts, covariates=stimulus[1:])
    with pytest.raises(InputError, match=r"information of target 0 is singular: .* covariates that follow from others"):
        SpikeGLM(window=8, n_basis=2).fit(counts, covariates=np.column_stack([stimulus, 2 * stimulus]))
    with pytest.raises(InputError, match="covariates must be finite"):
        SpikeGLM(window=8, n_basis=2).fit(counts, covariates=np.full((3000, 1), np.nan))
