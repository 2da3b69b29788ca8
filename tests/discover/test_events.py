"""Event regression against statsmodels' robust covariance, on networks of its own form, and its refusals."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import binom
from scipy.stats import f as f_law

import synfer as sf
from synfer import Recording
from synfer.discover import EventRegression
from synfer.discover.events import _own_state
from synfer.errors import InputError, NotConvergedWarning


def units(weights, n_samples=4000, seed=0, lag=1):
    """Leaky units (time, unit) that are reset at 1; each event of j moves i by W[i, j], lag samples later."""
    weights = np.asarray(weights, dtype=float)
    rng = np.random.default_rng(seed)
    n = len(weights)
    x = np.zeros((n_samples, n))
    fired = np.zeros((n_samples, n))
    for t in range(1, n_samples):
        held = np.where(fired[t - 1] > 0, 0.0, x[t - 1])
        input_ = weights @ fired[t - lag] if t >= lag else 0.0
        x[t] = 0.9 * held + 0.09 + input_ + 0.1 * rng.standard_normal(n)
        fired[t] = x[t] >= 1.0
        x[t] = np.minimum(x[t], 1.0)
    return x


CHAIN = [[0, 0, 0], [0.3, 0, 0], [0, -0.3, 0]]


@pytest.mark.parametrize(("covariance", "theirs"), [("hc3", "HC3"), ("classical", "nonrobust")])
def test_equals_statsmodels(covariance, theirs):
    x = units(CHAIN, 900)
    lags = 2
    model = EventRegression(lags=lags, time_constants=(10.0,), threshold=1.0, covariance=covariance).fit(x)
    for i in range(3):
        z = (x[:, i] - x[:, i].mean()) / x[:, i].std()
        fired = x >= 1.0
        own = _own_state(z, fired[:, i].astype(float), 3, np.array([10.0]))
        t = np.arange(lags - 1, len(x) - 1)
        t = t[~fired[t + 1, i]]
        others = [j for j in range(3) if j != i]
        design = np.column_stack([own[t], *(fired[np.ix_(t - k, others)].astype(float) for k in range(lags))])
        fit = sm.OLS(z[t + 1], design).fit(cov_type=theirs)
        for k, j in enumerate(others):
            columns = own.shape[1] + k + 2 * np.arange(lags)
            test = fit.f_test(np.eye(design.shape[1])[columns])
            np.testing.assert_allclose(model.coef_[:, i, j], fit.params[columns] * x[:, i].std(), rtol=1e-7, atol=1e-10)
            assert float(model.connectome_.score.values[i, j]) == pytest.approx(float(test.fvalue), rel=1e-6)
            pvalue = float(test.pvalue)
            if covariance == "hc3":  # what is known of a source is what its own events tell
                acting = fired[np.ix_(t, [j])] | fired[np.ix_(t - 1, [j])]
                pvalue = f_law.sf(float(test.fvalue), lags, acting.sum() - lags)
            assert float(model.connectome_.pvalue.values[i, j]) == pytest.approx(pvalue, rel=1e-5)


def test_weight_sign_delay_and_no_indirect_edge():
    connectome = EventRegression(lags=3).fit(Recording.from_array(units(CHAIN, 20_000, lag=2), 1e-3)).connectome_
    assert float(connectome.weight.sel(target=1, source=0)) == pytest.approx(0.3, abs=0.05)
    assert float(connectome.weight.sel(target=2, source=1)) == pytest.approx(-0.3, abs=0.05)
    assert float(connectome.delay.sel(target=1, source=0)) == pytest.approx(2e-3)
    assert connectome.pvalue.sel(target=2, source=0) > 1e-3 > 1e-10 > connectome.pvalue.sel(target=2, source=1)


def test_rejects_at_its_level():
    rejected = sum(
        int((EventRegression().fit(units(np.zeros((4, 4)), 1500, seed)).connectome_.pvalue.values < 0.05).sum())
        for seed in range(60)
    )
    low, high = binom.interval(1 - 1e-4, 60 * 12, 0.05)
    assert low < rejected < high


def test_level_is_where_units_are_reset():
    x = units(CHAIN, 2000)
    np.testing.assert_array_equal(EventRegression().fit(x).threshold_, 1.0)
    # Peaks that are not cut off, above a threshold of 30 mV.
    network = sf.simulate.izhikevich_network(8, 2, p=0.4, seed=0)
    seen = sf.simulate.run(network, duration=5.0, seed=1, record=("v", "spikes"))
    fitted = EventRegression().fit(seen, signal="v")
    np.testing.assert_array_equal(fitted.events_[0], seen["spikes"] > 0)
    assert sf.evaluate.compare(fitted.connectome_, network.connectome)["auroc"] == 1.0


def test_no_lag_crosses_a_splice():
    x = units(CHAIN, 1200).reshape(3, 400, 3)
    model = EventRegression(lags=2, time_constants=(), covariance="classical", threshold=1.0)
    fitted = model.fit(Recording({"x": x}, 1.0, leading="trial"))
    pooled = x.reshape(-1, 3)
    z = (x - pooled.mean(axis=0)) / pooled.std(axis=0)
    rows, following = [], []
    for trial, raw in zip(z, x, strict=True):
        fired = (raw >= 1.0).astype(float)
        for t in range(1, 399):
            if not fired[t + 1, 1]:
                quiet = trial[t, 1] * (1 - fired[t, 1])
                rows.append([1, fired[t, 1], quiet, quiet**2, quiet**3, *fired[t, [0, 2]], *fired[t - 1, [0, 2]]])
                following.append(trial[t + 1, 1])
    coef = np.linalg.lstsq(np.array(rows), np.array(following), rcond=None)[0][5:] * pooled[:, 1].std()
    np.testing.assert_allclose(fitted.coef_[:, 1, [0, 2]].ravel(), coef, rtol=1e-8)


def test_a_silent_unit_is_named_and_scores_nothing():
    x = units(np.zeros((3, 3)), 1000)
    x[:, 2] = 0.05 * np.random.default_rng(1).standard_normal(1000)
    with pytest.warns(NotConvergedWarning, match="units 2 have no event"):
        connectome = EventRegression(threshold=1.0).fit(x).connectome_
    assert connectome.converged is False
    assert (connectome.score.sel(source=2).values[:2] == 0).all()
    assert np.isnan(connectome.pvalue.sel(source=2).values).all()


def test_what_cannot_be_told_apart_is_named_and_scores_nothing():
    x = units(np.zeros((3, 3)), 1000)
    x[:, 2] = x[:, 1] - (x[:, 1] < 1.0) * np.random.default_rng(1).random(1000)  # fires with 1, differs otherwise
    with pytest.warns(NotConvergedWarning, match="events of units 1, 2 always come with others'"):
        connectome = EventRegression(threshold=1.0).fit(x).connectome_
    assert connectome.converged is False
    score = connectome.score.values
    assert (score[0, 1:] == 0).all()
    assert score[1, 0] > 0


def test_refusals():
    x = units(CHAIN, 400)
    with pytest.raises(InputError, match="X must hold events, got no sample at or above the threshold"):
        EventRegression(threshold=5.0).fit(x)
    for wrong in ((10.0, -1.0), ("slow",), (np.inf,)):
        with pytest.raises(InputError, match="time_constants must be positive numbers of samples"):
            EventRegression(time_constants=wrong).fit(x)
    with pytest.raises(InputError, match="lags"):
        EventRegression(lags=0).fit(x)
    with pytest.raises(InputError, match="samples"):
        EventRegression(lags=10).fit(x[:40])
    rare = np.full((51, 2), 1.0)
    rare[::3] = 0.9 * np.random.default_rng(0).random((17, 2))
    with pytest.raises(InputError, match=r"samples in which unit 0 does not fire .* got 16"):
        EventRegression(threshold=1.0).fit(rare)
    with pytest.raises(InputError, match="more in unit 0: rescale"):
        EventRegression().fit(x * np.array([1e200, 1.0, 1.0]))
