"""The linear start against scikit-learn's ridge, the law that it is to find, and a start at nothing."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from synfer.forecast import Clock, KANForecaster, MLPForecaster, ScaledGaussian, Windows, evaluate
from synfer.forecast.start import NO_MAP, RIDGES, held_out_losses, ridge_map, start_linear


def linear_process(n_samples, seed=1):
    """0 alone; 0 -> 1 at lag 2."""
    x = np.random.default_rng(seed).standard_normal((n_samples, 2))
    for t in range(2, len(x)):
        x[t] += [0.5 * x[t - 1, 0], 0.9 * x[t - 1, 1] - 0.4 * x[t - 2, 0]]
    return x


def windows_of(x, lag):
    n = x.shape[1]
    return Windows([x], lag, clock=Clock.of(len(x)), offset=np.zeros(n), scale=np.ones(n))


def regression(n_rows, n_predictors=40):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n_rows, n_predictors)) @ rng.standard_normal((n_predictors, n_predictors)) + 2.0
    return x, x @ rng.standard_normal((n_predictors, 3)) * 0.1 + 3.0 * rng.standard_normal((n_rows, 3))


@pytest.mark.parametrize("n_rows", [120, 30])  # more and fewer than predictors
def test_it_is_scikit_learns_ridge(n_rows):
    x, y = regression(n_rows)
    for ridge in RIDGES:
        coef, intercept = ridge_map(x, y, ridge)
        fit = Ridge(alpha=ridge * n_rows).fit(x, y)
        np.testing.assert_allclose(coef, fit.coef_, atol=1e-8)
        np.testing.assert_allclose(intercept, fit.intercept_, atol=1e-8)
    coef, intercept = ridge_map(x, y, NO_MAP)
    assert not coef.any()
    np.testing.assert_allclose(intercept, y.mean(0))


@pytest.mark.parametrize("n_rows", [120, 31])
def test_losses_are_of_rows_that_were_not_fitted(n_rows):
    x, y = regression(n_rows)
    quarter = n_rows // 4
    ends = np.arange(quarter), np.arange(n_rows - quarter, n_rows)
    for ridge, loss in zip(RIDGES, held_out_losses(x, y), strict=False):
        errors = []
        for held_out in ends:
            known = np.setdiff1d(np.arange(n_rows), held_out)
            fit = Ridge(alpha=ridge * len(known)).fit(x[known], y[known])
            errors.append(((y[held_out] - fit.predict(x[held_out])) ** 2).mean())
        assert loss == pytest.approx(np.mean(errors), rel=1e-9)
    means = [((y[held_out] - np.delete(y, held_out, 0).mean(0)) ** 2).mean() for held_out in ends]
    assert held_out_losses(x, y)[-1] == pytest.approx(np.mean(means), rel=1e-9)


@pytest.mark.parametrize("increments", [True, False])
@pytest.mark.parametrize("kind", [MLPForecaster, KANForecaster])
def test_without_a_step_of_training_the_forecast_is_the_ridges(kind, increments):
    x = linear_process(800)
    scale = np.diff(x, axis=0).std(axis=0) if increments else None
    windows = windows_of(x, 2)
    forecaster = kind(2, 2, seeds=[0, 1], scale=scale, strengths=[0.0, 1.0])
    ridge = start_linear(forecaster, windows, windows.starts)
    assert ridge in RIDGES
    with torch.no_grad():  # what the body begins at is noise beside the skip
        for weight in forecaster.body_weights():
            weight.zero_()
        context, times, _ = windows.batch(windows.starts[:, None].expand(-1, 2))
        forecast = forecaster(context, times)[0].numpy()
    rows = np.stack([x[1:-1], x[:-2]], -1)[:, :, ::-1].reshape(len(x) - 2, -1)  # (row, unit and lag, the newest last)
    wanted = (x[2:] - x[1:-1]) / scale if increments else x[2:]
    known = Ridge(alpha=ridge * len(rows)).fit(rows, wanted).predict(rows)
    if increments:
        known = x[1:-1] + scale * known
    for k in range(2):
        np.testing.assert_allclose(forecast[..., k], known, atol=2e-5)


def test_a_forecaster_starts_at_the_law_of_a_linear_process():
    x = linear_process(4000)
    scale = np.diff(x, axis=0).std(axis=0)
    windows = windows_of(x, 2)
    forecaster = MLPForecaster(2, 2, seeds=[0, 1], scale=scale, strengths=[0.0, 1.0])
    assert start_linear(forecaster, windows, windows.starts) == RIDGES[0]
    assert forecaster.skip is not None
    skip = forecaster.skip.detach().numpy().reshape(2, 2, 2, 2)  # (init, target, source, lag), the newest lag last
    np.testing.assert_array_equal(skip[0], skip[1])
    law = np.zeros((2, 2, 2))
    law[0, 0, 1], law[1, 1, 1], law[1, 0, 0] = 0.5 - 1.0, 0.9 - 1.0, -0.4  # of the increment
    np.testing.assert_allclose(skip[0] * scale[:, None, None], law, atol=0.06)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [linear_process, lambda n, seed: np.random.default_rng(seed).standard_normal((n, 12))])
def test_no_later_sample_is_forecast_worse_than_from_nothing(make, seed):
    x = make(240, seed)
    windows = windows_of(x, 3)
    known, unknown = windows.split((0.5, 0.5))
    about = {"scale": np.ones(x.shape[1]), "seeds": [0]}
    nothing, started = MLPForecaster(x.shape[1], 3, **about), MLPForecaster(x.shape[1], 3, **about)
    start_linear(started, windows, known)
    losses = [evaluate(f, windows, unknown, ScaledGaussian(torch.ones(x.shape[1]))) for f in (nothing, started)]
    assert float(losses[1]) <= float(losses[0])


def test_what_cannot_be_forecast_linearly_starts_at_nothing():
    x = np.cumsum(np.random.default_rng(0).standard_normal((60, 12)), axis=0)  # a random walk: no increment is known
    windows = windows_of(x / x.std(0), 4)
    forecaster = MLPForecaster(12, 4, seeds=[0], scale=np.ones(12))
    before = [p.clone() for p in forecaster.parameters()]
    assert start_linear(forecaster, windows, windows.starts) == NO_MAP
    assert all(torch.equal(a, b) for a, b in zip(before, forecaster.parameters(), strict=True))


def test_it_looks_at_the_windows_it_is_given_alone_and_is_the_same_again():
    x = linear_process(400)
    skips = []
    for later in (x[200:], 50.0 * x[200:]):
        windows = windows_of(np.concatenate([x[:200], later]), 2)
        for seed in (0, 7):
            forecaster = MLPForecaster(2, 2, seeds=[seed], scale=np.ones(2))
            start_linear(forecaster, windows, windows.starts[:150])
            assert forecaster.skip is not None
            skips.append(forecaster.skip.detach().numpy())
    for skip in skips[1:]:
        np.testing.assert_array_equal(skip, skips[0])


def test_without_a_skip_or_with_few_windows_there_is_nothing_to_start():
    windows = windows_of(linear_process(50), 1)
    for forecaster, starts in (
        (MLPForecaster(2, 1, seeds=[0], skip=False), windows.starts),
        (MLPForecaster(2, 1, seeds=[0]), windows.starts[:3]),
    ):
        before = [p.clone() for p in forecaster.parameters()]
        assert start_linear(forecaster, windows, starts) == NO_MAP
        assert all(torch.equal(a, b) for a, b in zip(before, forecaster.parameters(), strict=True))
