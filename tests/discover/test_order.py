"""The order: by criteria, and by what is held out."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from synfer import Recording
from synfer.discover import MVGC
from synfer.discover.autoregression import LeastSquares, lagged_factor, leading_factor, n_rows
from synfer.discover.order import cross_validated, split
from synfer.errors import InputError


@pytest.mark.parametrize("lag", ["aic", "aicc", "bic", "hq", "cv"])
def test_every_criterion_finds_the_order(lag, process):
    coef = np.zeros((3, 2, 2))
    coef[0, 0, 0], coef[2, 1, 1], coef[2, 1, 0] = 0.4, 0.5, 0.4
    fitted = MVGC(lag=lag, max_lag=6).fit(process(coef, 4000, seed=1))
    assert fitted.lag_ in ((3,) if lag in ("bic", "hq") else (3, 4, 5, 6))
    assert list(fitted.criterion_.index) == [1, 2, 3, 4, 5, 6]
    assert fitted.criterion_[lag].idxmin() == fitted.lag_


def test_aicc_passes_over_orders_that_it_cannot_correct():
    x = np.random.default_rng(0).standard_normal((300, 12))
    fitted = MVGC(lag="aicc", max_lag=3).fit(x)
    assert fitted.criterion_["aicc"].isna().tolist() == [False, False, True]
    assert fitted.lag_ == 1


@pytest.mark.parametrize("regression", ["lwr", "ols"])
def test_aicc_refuses_where_it_can_correct_no_order(regression):
    x = np.random.default_rng(0).standard_normal((1000, 40))
    with pytest.raises(InputError, match=r"at least 16\d2 samples .* lag='aicc' and 40 units, got 99\d: .* 'bic'"):
        MVGC("aicc", regression=regression).fit(x)
    assert MVGC("bic", regression=regression).fit(x).lag_ == 1


def test_whole_trials_are_held_out_where_there_are_many(process):
    """Trials whose fifths are shorter than max_lag: they can be held out, their fifths could not."""
    coef = np.zeros((3, 2, 2))
    coef[0, 0, 0], coef[2, 1, 1], coef[2, 1, 0] = 0.4, 0.5, 0.4
    trials = np.stack([process(coef, 40, seed) for seed in range(50)])
    fitted = MVGC(lag="cv", max_lag=10).fit(Recording({"x": trials}, 1.0, leading="trial"))
    assert fitted.lag_ == 3
    assert fitted.criterion_["cv"].nunique() == 10


def test_every_sample_is_held_out_once_and_none_is_in_both():
    many = [np.arange(10.0 * k, 10.0 * k + 10)[:, None] for k in range(12)] + [np.full((3, 1), -1.0)]
    single = [np.arange(103.0)[:, None]]
    for segments, expected in ((many, np.arange(120.0)), (single, np.arange(103.0))):
        parts = [(np.concatenate(kept), np.concatenate(held)) for kept, held in split(segments, 3)]
        assert len(parts) == 5
        np.testing.assert_array_equal(np.sort(np.concatenate([held for _, held in parts]), axis=None), expected)
        for kept, held in parts:
            np.testing.assert_array_equal(np.sort(np.concatenate([kept, held]), axis=None), expected)
    for kept, held in split(many, 3):  # whole trials
        assert {len(piece) for piece in kept + held} == {10}


@pytest.mark.parametrize("lengths", [(200,), (30, 30, 30, 40, 50, 60)])
def test_cross_validation_is_what_it_says(lengths):
    rng = np.random.default_rng(1)
    segments = [rng.standard_normal((n, 2)) for n in lengths]

    def fit(kept, highest):
        factor, rows = lagged_factor(kept, highest), n_rows(kept, highest)
        return [LeastSquares(leading_factor(factor, 2, p), 2, p, rows) for p in range(1, highest + 1)]

    expected = np.zeros(3)
    for fold in range(5):
        if len(segments) == 1:
            first, last = 40 * fold, 40 * fold + 40
            kept = [piece for piece in (segments[0][:first], segments[0][last:]) if len(piece)]
            held = [segments[0][first:last]]
        else:
            kept, held = [s for k, s in enumerate(segments) if k % 5 != fold], segments[fold::5]
        for k, model in enumerate(fit(kept, 3)):
            for x in held:
                for t in range(3, len(x)):  # the same samples at every order
                    mean = model.intercept + sum(model.coef[i] @ x[t - 1 - i] for i in range(k + 1))
                    expected[k] -= 2 * multivariate_normal(mean, model.covariance).logpdf(x[t])
    np.testing.assert_allclose(cross_validated(segments, 3, fit), expected, rtol=1e-10)


@pytest.mark.parametrize(("n_trials", "n_samples"), [(3, 40), (1, 50), (5, 11)])
def test_where_nothing_can_be_held_out_or_fitted_it_is_said(n_trials, n_samples):
    x = np.random.default_rng(0).standard_normal((n_trials, n_samples, 2))
    with pytest.raises(InputError, match=r"lag='cv' needs 5 trials .* max_lag = 10 .* got \d of up to .* 'bic'"):
        cross_validated(list(x), 10, lambda kept, highest: pytest.fail("nothing to fit"))
    if n_samples == 40:
        with pytest.raises(InputError, match="lower max_lag"):
            MVGC(lag="cv").fit(Recording({"x": x}, 1.0, leading="trial"))
