"""How wide a response is where samples are few: what forecasts best what it was not fitted to."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from sklearn.metrics import roc_auc_score

from synfer.discover import Synformer
from synfer.discover.capacity import NARROWER, SHORT, WIDEST, Capacity, choices, choose, passes
from synfer.discover.foretelling import foretold, log_likelihood
from synfer.discover.held_out import last_fifth, skill
from synfer.errors import FitDivergedError, ResolutionWarning
from synfer.forecast import LAWS, Pasts, SynformerForecaster

SEEN = {"progress": False, "random_state": 0}


def autoregression(n_units, n_samples, seed):
    """(time, unit) and who drives whom, (target, source)."""
    rng = np.random.default_rng(seed)
    weights = np.where(rng.random((n_units, n_units)) < 0.15, rng.choice([-0.35, 0.35], (n_units, n_units)), 0.0)
    np.fill_diagonal(weights, 0.0)
    matrix = weights + 0.4 * np.eye(n_units)
    matrix *= min(1.0, 0.9 / np.abs(np.linalg.eigvals(matrix)).max())
    x = np.zeros((n_samples + 100, n_units))
    for t in range(1, len(x)):
        x[t] = matrix @ x[t - 1] + rng.normal(size=n_units)
    return x[100:], weights != 0


def auroc(estimate, truth):
    off = ~np.eye(len(truth), dtype=bool)
    return roc_auc_score(truth[off], estimate.score.values[off])


def test_a_choice_only_where_training_would_see_a_sample_too_often():
    assert choices(4_993, 20, 2_400, "auto") == [Capacity(WIDEST, 2_400)]
    assert choices(200, 20, "auto", "auto")[0] == Capacity(WIDEST, "auto")
    assert choices(640, 20, 2_400, 64)[1:] == [Capacity(16, 2_400), *(Capacity(h, 10 * SHORT) for h in NARROWER)]
    assert choices(640, 20, 20 * SHORT, 64) == [Capacity(WIDEST, 20 * SHORT)]
    assert choices(10, 2, 2_400, "auto")[-1].n_steps == SHORT  # a batch is all ten
    assert passes(2_400, 1_600, 20, "auto") == 96 and passes(500, 10, 20, "auto") == 500


def made(counts=False, missing=False, floor=-np.inf):
    rng = np.random.default_rng(0)
    x = (rng.random((90, 3)) < 0.2).astype(float) if counts else rng.normal(size=(90, 3))
    if missing:
        x[20:40, 1] = np.nan
    x = np.maximum(x, floor)
    pasts = Pasts(
        (x,), depth=2, window=2, time_constants=(3.0,), offset=np.zeros(3), scale=np.ones(3), counts=counts,
        limits=(np.full(3, floor), np.full(3, np.inf)),
    )  # fmt: skip
    forecaster = SynformerForecaster(3, pasts.n_features, value_window=1, hidden=4, seeds=(1,))
    with torch.no_grad():
        forecaster.skip.normal_(generator=torch.Generator().manual_seed(0))
    return x, pasts, forecaster


@pytest.mark.parametrize("missing", [False, True])
def test_gaussian_forecasts_are_judged_by_their_errors_alone(missing):
    x, pasts, forecaster = made(missing=missing)
    law = LAWS["gaussian"]
    error = np.nanmean((foretold(forecaster, pasts, law)[pasts.rows.numpy() + 1] - x[pasts.rows.numpy() + 1]) ** 2, 0)
    if not missing:
        assert skill(forecaster, pasts, law) == pytest.approx(-0.5 * np.log(error).mean(), rel=1e-5)
    found = skill(forecaster, pasts, law)
    with torch.no_grad():
        forecaster.bias_out[..., 2] -= 5.0  # as sure as training makes it of what it knows by heart
    assert skill(forecaster, pasts, law) == pytest.approx(found)
    assert log_likelihood(forecaster, pasts, law, np.ones(3)) < found - 100


def test_below_a_floor_is_no_error():
    x, pasts, forecaster = made(floor=-0.5)
    law = LAWS["gaussian"]
    told = np.maximum(foretold(forecaster, pasts, law)[pasts.rows.numpy() + 1], -0.5)
    error = ((told - x[pasts.rows.numpy() + 1]) ** 2).mean(0)
    assert (x == -0.5).mean() > 0.2
    # A forecast below the floor of a sample above it is as wrong as it is: only at the floor is it right.
    assert skill(forecaster, pasts, law) <= -0.5 * np.log(error).mean() + 1e-6
    with torch.no_grad():
        forecaster.skip.zero_()
        forecaster.bias_out[..., 0] = -0.5
    at = skill(forecaster, pasts, law)
    above = x[pasts.rows.numpy() + 1] > -0.5
    assert at == pytest.approx(
        -0.5 * np.log((np.where(above, x[pasts.rows.numpy() + 1] + 0.5, 0.0) ** 2).mean(0)).mean(), rel=1e-5
    )


def test_a_fifth_of_what_counts_is_held_out():
    x, pasts, _ = made()
    first, last = last_fifth(pasts)
    assert len(last.rows) == len(pasts.rows) // 5 and len(first.rows) + len(last.rows) == len(pasts.rows)
    x[50:] = np.nan
    pasts = Pasts([x], depth=2, window=2, time_constants=(3.0,), offset=np.zeros(3), scale=np.ones(3))
    first, last = last_fifth(pasts)
    assert len(last.rows) == 48 // 5 and int(last.rows.max()) + 1 == 49  # rows 1 to 48: two samples before a target


def test_counts_are_judged_by_their_likelihood():
    _, pasts, forecaster = made(counts=True)
    law = LAWS["bernoulli"]
    assert skill(forecaster, pasts, law) == log_likelihood(forecaster, pasts, law, np.ones(3))


def test_the_first_stands_unless_another_is_better_by_a_margin(monkeypatch):
    _, pasts, _ = made()
    among = [Capacity(64, 9), Capacity(16, 5), Capacity(4, 5)]
    trained = []

    def learn(some, capacity):
        trained.append((len(some.rows), capacity))
        return capacity.hidden

    def told(values):
        monkeypatch.setattr("synfer.discover.capacity.skill", lambda forecaster, last, law: values[forecaster])

    n = len(pasts.rows)
    told({64: 0.0, 16: 0.05, 4: -1.0})
    assert choose(learn, pasts, LAWS["gaussian"], among) == among[0]
    assert trained == [(n - n // 5, each) for each in among]
    told({64: 0.0, 16: 0.3, 4: 0.2})
    assert choose(learn, pasts, LAWS["gaussian"], among) == among[1]
    told({64: np.nan, 16: np.nan, 4: 0.2})
    assert choose(learn, pasts, LAWS["gaussian"], among) == among[2]
    told({64: -1.0, 16: 0.05, 4: 0.2})

    def diverges(some, capacity):
        if capacity.hidden == 4:
            raise FitDivergedError("no")
        return capacity.hidden

    assert choose(diverges, pasts, LAWS["gaussian"], among) == among[1]
    trained.clear()
    assert choose(learn, pasts, LAWS["gaussian"], among[:1]) == among[0] and not trained
    pasts.rows = pasts.rows[:40]
    assert choose(learn, pasts, LAWS["gaussian"], among) == among[-1] and not trained


def test_few_noisy_samples_are_not_learnt_by_heart():
    x, truth = autoregression(15, 200, 3)
    with pytest.warns(ResolutionWarning, match="no pair has a p-value: 200 samples are too few for 15 units"):
        auto = Synformer(1, **SEEN).fit(x)
    wide = Synformer(1, hidden=64, cross_fit=False, **SEEN).fit(x)
    assert auto.hidden_ < wide.hidden_ == 64
    assert auroc(auto.connectome_, truth) > max(0.9, auroc(wide.connectome_, truth) + 0.02)


def test_tests_of_few_samples_are_of_halves():
    x, truth = autoregression(15, 1000, 3)
    absent = ~truth & ~np.eye(15, dtype=bool)
    auto = Synformer(1, **SEEN).fit(x)
    assert auto.hidden_ < 64 and auto.cross_fitted_
    assert (auto.connectome_.pvalue.values[absent] < 0.05).mean() < 0.1
    assert (auto.connectome_.pvalue.values[truth] < 0.05).mean() > 0.9
    whole = Synformer(1, hidden=64, cross_fit=False, **SEEN).fit(x).connectome_
    assert (whole.pvalue.values[absent] < 0.05).mean() > 0.3


def lorenz(n_samples, dt):
    """Lorenz-96, every sample exact: (time, unit) and who drives whom, (target, source)."""

    def flow(_, x):
        return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + 10.0

    start = 10.0 + 0.1 * np.random.default_rng(0).normal(size=10)
    t = 20.0 + dt * np.arange(n_samples)
    return solve_ivp(flow, (0, t[-1] + dt), start, t_eval=t, rtol=1e-6).y.T, sum(
        np.roll(np.eye(10), k, 1) for k in (-2, -1, 1)
    ) > 0


def test_samples_without_noise_are_trained_for_long():
    x, truth = lorenz(250, 0.1)
    found = Synformer(1, cross_fit=False, **SEEN).fit(x)
    assert found.loss_.shape[1] > 500
    assert auroc(found.connectome_, truth) > 0.95
    x[-60:] = np.nan  # then what is held out lies before
    assert Synformer(1, cross_fit=False, **SEEN).fit(x).loss_.shape[1] > 500


def test_rectified_samples_are_judged_where_they_can_be_wrong():
    """Forecasts far below a floor once chose the narrowest response: .94."""
    x, truth = lorenz(900, 0.05)
    found = Synformer(1, cross_fit=False, **SEEN).fit(np.maximum(x, np.quantile(x, 0.3, axis=0)))
    assert found.hidden_ > 4 and auroc(found.connectome_, truth) > 0.98


def test_a_width_that_is_given_is_kept():
    x, _ = autoregression(4, 100, 0)
    fit = Synformer(1, hidden=5, n_steps=900, cross_fit=False, **SEEN).fit(x)
    assert fit.hidden_ == 5 and fit.loss_.shape[1] == 900
