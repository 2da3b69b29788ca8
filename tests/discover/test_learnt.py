"""What a fit leaves for a report: the forecasts that `predict` gives for the whole, of the last samples, and losses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import r2_score

import synfer as sf
from synfer.discover import (
    GRNGC,
    MVGC,
    Causalformer,
    ConditionalGranger,
    CrossCorrelation,
    Mask2Cause,
    NetFormer,
    SpikeGLM,
    Synformer,
    learnt,
)
from synfer.discover.significance import SurrogateTest

QUICK = [
    ConditionalGranger(lag=3),
    MVGC(lag=2),
    GRNGC(lag=2, max_epochs=5, n_init=2, random_state=0),
    NetFormer(n_init=2, max_epochs=3, random_state=0),
    Mask2Cause(n_init=1, max_epochs=2, random_state=0),
    Causalformer(n_init=2, max_epochs=2, random_state=0),
    Synformer(2, n_steps=30, random_state=0, progress=False),
]


def quietly(estimator, x, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so short a training converges to nothing
        return estimator.fit(x, **more)


def series(seed=0, n=600):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    for t in range(1, n):
        x[t] += 0.6 * x[t - 1] + 0.3 * np.roll(x[t - 1], 1)
    return x


@pytest.mark.parametrize("estimator", QUICK, ids=lambda one: type(one).__name__)
def test_it_is_the_end_of_what_predict_gives_for_the_whole(estimator):
    x = series()
    kept = quietly(estimator, sf.Recording.from_array(x, 0.01, unit_ids=list("abcd"))).connectome_.learnt
    whole = estimator.predict(x)
    n = kept.n_forecast
    assert n == int(0.2 * np.isfinite(whole[:, 0]).sum())
    each = r2_score(x[-n:], whole[-n:], multioutput="raw_values")
    np.testing.assert_allclose(kept.r2, each, atol=2e-4)  # traces of a Synformer go back for ever
    assert kept.shown.tolist() == np.array(list("abcd"))[np.argsort(-each)].tolist()
    order = np.argsort(-each)
    np.testing.assert_allclose(kept.forecast, whole[-n:][:, order], atol=2e-3)
    np.testing.assert_allclose(kept.measured, x[-n:][:, order].astype(np.float32))
    np.testing.assert_allclose(kept.times[[0, -1]], [(600 - n) * 0.01, 5.99])


@pytest.mark.parametrize("estimator", QUICK[3:6], ids=lambda one: type(one).__name__)
def test_attention_models_did_not_learn_from_what_is_kept(estimator):
    x = series()
    kept = quietly(estimator, x).connectome_.learnt
    assert kept.held_out and not quietly(ConditionalGranger(lag=1), x).connectome_.learnt.held_out
    last = np.arange(600 - kept.n_forecast, 600)
    shuffled = x.copy()
    shuffled[last] = x[np.random.default_rng(1).permutation(last)]  # units' means and deviations stay
    again = quietly(estimator, shuffled).connectome_.learnt
    np.testing.assert_allclose(again.training_loss, kept.training_loss, rtol=1e-4)
    assert np.abs(again.r2 - kept.r2).min() > 0.05


def test_losses_are_the_histories_and_end_where_these_do():
    x = series()
    fitted = quietly(Causalformer(n_init=2, max_epochs=4, patience=1, learning_rate=0.05, random_state=0), x)
    kept = fitted.connectome_.learnt
    for k, history in enumerate(fitted.history_):
        n = history.n_epochs
        np.testing.assert_allclose(kept.training_loss[k, :n], history.training_loss, rtol=1e-6)
        np.testing.assert_allclose(kept.validation_loss[k, :n], history.validation_loss, rtol=1e-6)
        assert np.isnan(kept.validation_loss[k, n:]).all() and kept.kept_epoch[k] == history.best_epoch
    annealed = quietly(QUICK[2], x).connectome_.learnt
    assert annealed.validation_loss is None and annealed.training_loss.shape == (2, 5)
    own = quietly(QUICK[6], x)
    np.testing.assert_allclose(own.connectome_.learnt.training_loss, own.loss_, rtol=1e-6)


def test_stretches_of_several_trials_are_taken_from_the_last():
    trials = np.stack([series(seed, 50) for seed in range(10)])
    recording = sf.Recording({"x": trials}, 0.1)
    fitted = ConditionalGranger(lag=2).fit(recording)
    kept, whole = fitted.connectome_.learnt, fitted.predict(recording)
    assert kept.n_forecast == 96  # a fifth of 10 x 48: all of the last two trials that has a past
    pooled = whole[-2:, 2:].reshape(-1, 4)
    np.testing.assert_allclose(kept.r2, r2_score(trials[-2:, 2:].reshape(-1, 4), pooled, multioutput="raw_values"))
    assert len(kept.times) == 48 and kept.times[0] == pytest.approx(0.2)


def test_without_a_step_times_are_numbers_of_samples_and_most_are_kept_of_long_ones(monkeypatch):
    monkeypatch.setattr(learnt, "MOST_FORECAST", 70)
    monkeypatch.setattr(learnt, "MOST_TIMES", 30)
    monkeypatch.setattr(learnt, "MOST_SHOWN", 3)
    kept = ConditionalGranger(lag=2).fit(series()).connectome_.learnt
    assert (kept.n_forecast, kept.times[0], kept.times[-1], kept.forecast.shape) == (70, 570, 599, (30, 3))
    best, worst = np.argmax(kept.r2), np.argmin(kept.r2)
    assert kept.shown[0] == best and kept.shown[-1] == worst


def test_a_stimulus_that_the_fit_was_given_is_given_to_the_forecast_too():
    x, stimulus = series(), np.random.default_rng(5).normal(size=(600, 1))
    x[:, 0] += 3 * stimulus[:, 0]
    fitted = quietly(Synformer(1, n_steps=200, random_state=0, progress=False), x, covariates=stimulus)
    kept = fitted.connectome_.learnt
    whole = fitted.predict(x, covariates=stimulus)
    np.testing.assert_allclose(kept.forecast[:, kept.shown.tolist().index(0)], whole[-len(kept.times) :, 0], atol=2e-3)


def test_methods_without_a_forecast_say_what_they_know():
    assert vars(CrossCorrelation(random_state=0).fit(series()).connectome_.learnt)["forecast"] is None
    spikes = (np.random.default_rng(0).random((2000, 3)) < 0.1).astype(float)
    kept = SpikeGLM(window=5, n_basis=2).fit(spikes).connectome_.learnt
    assert kept.forecast is None and kept.told["most steps of a target"] >= 1


def test_around_another_estimator_it_is_that_ones():
    test = SurrogateTest(ConditionalGranger(lag=2), n_surrogates=19, random_state=0).fit(series())
    alone = ConditionalGranger(lag=2).fit(series()).connectome_.learnt
    np.testing.assert_array_equal(test.connectome_.learnt.r2, alone.r2)


def test_units_that_do_not_vary_or_are_not_known_have_no_r2():
    x = np.column_stack([np.arange(6.0), np.ones(6), np.full(6, np.nan)])
    found = learnt._r2(x, x + 1.0)
    assert found[0] == pytest.approx(1 - 6 / 17.5) and np.isnan(found[1:]).all()
    assert learnt._spread(found).tolist() == [0, 1, 2]
