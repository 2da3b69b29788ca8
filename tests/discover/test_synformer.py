"""Synformer as an estimator: what it finds, what it hands out, what it refuses."""

import numpy as np
import pytest

import synfer as sf
from synfer.discover import Synformer
from synfer.errors import InputError, OrientationWarning, ShapeError

SMALL = {
    "n_init": 1,
    "hidden": 8,
    "window": 2,
    "value_window": 1,
    "time_constants": (5.0,),
    "n_steps": 250,
    "progress": False,
}


def driven(n_samples=1500, seed=0, lag=1):
    """Unit 0 excites unit 1 and unit 1 inhibits unit 2, `lag` samples later; unit 3 is on its own."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_samples, 4))
    for t in range(lag, n_samples):
        x[t, 1] += 0.8 * x[t - lag, 0]
        x[t, 2] -= 0.5 * x[t - lag, 1]
    return x


def fit(x, covariates=None, **changes):
    return Synformer(**(SMALL | {"random_state": 0} | changes)).fit(x, covariates=covariates)


@pytest.fixture(scope="module")
def fitted():
    return fit(sf.Recording({"x": driven()}, dt=0.002), n_init=2, max_lag=2)


EDGES = {(1, 0), (2, 1)}
PAIRS = [(i, j) for i in range(4) for j in range(4) if i != j]


def test_finds_who_drives_whom_with_sign_size_delay_and_interval(fitted):
    found = fitted.connectome_
    strongest = sorted(PAIRS, key=lambda pair: -found.score.values[pair])[:2]
    assert set(strongest) == EDGES
    for pair, truth in (((1, 0), 0.8), ((2, 1), -0.5 * np.sqrt(1.64))):  # of a standard deviation of the source
        pooled = np.sqrt((1.0 + 1.64 + 1.41 + 1.0) / 4) / (np.sqrt(1.64) if pair[1] == 1 else 1.0)
        assert found.weight.values[pair] == pytest.approx(truth * pooled, rel=0.35)
        assert found.interval_low.values[pair] * found.interval_high.values[pair] > 0
        assert found.pvalue.values[pair] < 1e-10 and found.delay.values[pair] == pytest.approx(0.002)
    absent = [found.pvalue.values[pair] for pair in PAIRS if pair not in EDGES]
    assert np.min(absent) > 1e-4
    assert np.isnan(np.diag(found.score)).all() and np.isnan(np.diag(found.weight)).all()
    assert fitted.attention_.shape == (2, 4, 4) and fitted.loss_.shape[0] == 2
    np.testing.assert_allclose(fitted.attention_.sum(0)[1, 0], found.weight.values[1, 0])


def test_p_values_of_unconnected_units_are_uniform_enough():
    pvalues = []
    for seed in range(4):
        found = fit(np.random.default_rng(seed).normal(size=(800, 6)), n_steps=150).connectome_.pvalue.values
        pvalues.append(found[~np.eye(6, dtype=bool)])
    rejected = np.mean(np.concatenate(pvalues) < 0.05)
    assert rejected < 0.11  # of 120 pairs: .05 and 3 standard deviations


def test_delays_are_found_where_lags_allow_them():
    found = fit(sf.Recording({"x": driven(lag=3)}, dt=0.001), max_lag=4).connectome_
    for pair in EDGES:
        assert found.delay.values[pair] == pytest.approx(0.003)


def test_delays_of_a_simulated_network():
    network = sf.simulate.izhikevich_network(4, 1, p=0.5, seed=1)
    delayed = sf.Network(
        network.model,
        network.parameters,
        sf.Connectome.from_weights(network.connectome.weight, delay=0.004),
        drive=network.drive,
        synapse=network.synapse,
    )
    seen = sf.simulate.observe.clip_and_zscore(sf.simulate.run(delayed, duration=4.0, seed=1))
    found = Synformer(1, max_lag=6, value_window=2, n_steps=700, progress=False, random_state=0).fit(seen).connectome_
    edges = network.connectome.weight.values != 0
    assert np.median(found.delay.values[edges]) == pytest.approx(0.004)
    assert sf.evaluate.compare(found, network.connectome)["auroc"] > 0.95


def test_an_effect_of_the_product_of_two_sources_is_found():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2500, 4))
    x[1:, 2] = 0.3 * x[1:, 2] + x[:-1, 0] * x[:-1, 1]
    score = fit(x, n_products=1, n_steps=500).connectome_.score.values
    assert set(sorted(PAIRS, key=lambda pair: -score[pair])[:2]) == {(2, 0), (2, 1)}


def spikes(law, seed=0, n_samples=6000):
    rng = np.random.default_rng(seed)
    x = np.zeros((n_samples, 4))
    for t in range(1, n_samples):
        eta = -2.0 + np.array([0.0, 1.6 * x[t - 1, 0], -3.0 * x[t - 1, 1], 0.0])
        x[t] = rng.random(4) < 1 / (1 + np.exp(-eta)) if law == "bernoulli" else rng.poisson(np.exp(eta))
    return x


@pytest.mark.parametrize("law", ["poisson", "bernoulli"])
def test_spikes_and_counts(law):
    fitted = fit(spikes(law), likelihood=law, n_steps=400)
    found = fitted.connectome_
    assert set(sorted(PAIRS, key=lambda pair: -found.score.values[pair])[:2]) == EDGES
    assert found.weight.values[1, 0] > 0 > found.weight.values[2, 1] and found.pvalue.values[2, 1] < 0.05
    forecast = fitted.predict(spikes(law, seed=1))
    assert np.nanmean(forecast) == pytest.approx(spikes(law, seed=1).mean(), rel=0.1)


def test_missing_samples_cost_no_more_than_they_hold():
    x = driven()
    x[np.random.default_rng(1).random(x.shape) < 0.05] = np.nan
    found = fit(x).connectome_
    assert set(sorted(PAIRS, key=lambda pair: -found.score.values[pair])[:2]) == EDGES
    with pytest.raises(InputError, match="only NaN"):
        fit(np.column_stack([driven(100), np.full(100, np.nan)]))
    with pytest.raises(InputError, match="got inf"):
        fit(np.where(np.arange(4) == 1, np.inf, driven(100)))


def test_a_stimulus_that_two_units_share_is_no_edge_where_it_is_given():
    rng = np.random.default_rng(0)
    stimulus = np.convolve(rng.normal(size=1500), np.ones(5), "same")
    x = 0.5 * rng.normal(size=(1500, 3)) + np.stack([stimulus, np.roll(stimulus, 1), 0 * stimulus], axis=1)
    blind, told = (
        fit(x, covariates=given).connectome_.score.values
        for given in (None, np.stack([stimulus, np.roll(stimulus, 1)], 1))
    )
    assert told[1, 0] < 0.4 * blind[1, 0]
    both = sf.Recording({"x": x, "stimulus": np.repeat(stimulus[:, None], 3, axis=1)}, dt=0.001)
    named = Synformer(**SMALL, random_state=0).fit(both, signal="x", covariates="stimulus")
    array = Synformer(**SMALL, random_state=0).fit(both, signal="x", covariates=stimulus[:, None])
    np.testing.assert_allclose(named.connectome_.score, array.connectome_.score)
    assert np.isfinite(named.score(both, covariates="stimulus"))
    with pytest.raises(InputError, match="give the array itself"):
        fit(x, covariates="stimulus")
    with pytest.raises(ShapeError, match="one row for each sample"):
        fit(x, covariates=stimulus[:-1, None])


def test_priors_are_kept():
    x = driven()
    prior = np.full((4, 4), np.nan)
    prior[1, 0], prior[2, 1] = 0.0, 1.0
    found = fit(x, prior=prior, ridge=1e4).connectome_
    assert found.score.values[1, 0] == 0 and np.isnan(found.pvalue.values[1, 0])
    assert found.weight.values[2, 1] < -0.3  # known: the penalty, which takes all others to nothing, spares it
    assert abs(found.weight.values[3, 1]) < 1e-3
    signs = fit(x, dale=[1, -1, 1, -1]).connectome_.weight.values
    assert (signs[[i for i in range(4) if i != 1], 1] <= 1e-9).all() and (signs[1:, 0] >= -1e-9).all()
    learnt = fit(x, dale="learn").connectome_.weight.values
    assert learnt[2, 1] < -0.3 and (learnt[[0, 3], 1] <= 1e-9).all()
    typed = fit(x, cell_types=["a", "b", "c", "c"], ridge=1e4).connectome_.weight.values
    assert typed[1, 0] == pytest.approx(fit(x).connectome_.weight.values[1, 0], rel=0.05)  # the only pair of its types
    assert typed[2, 1] == pytest.approx(typed[3, 1], rel=0.15)  # one and the same pair of types


def test_units_that_far_outnumber_samples_are_refused():
    """As a recording does that lies on its side; else N^2 numbers are learnt from nothing."""
    x = np.random.default_rng(0).standard_normal((30, 400))
    with (
        pytest.warns(OrientationWarning),
        pytest.raises(InputError, match=r"a tenth as many samples .* 400; got .*: if it is \(unit, time\), transpose"),
    ):
        fit(x)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"prior": np.ones((3, 3))}, "prior must be of shape"),
        ({"prior": [["x"] * 4] * 4}, "prior must hold numbers"),
        ({"prior": np.full((4, 4), np.inf)}, "prior must hold finite numbers"),
        ({"dale": [1, 2, 1, 1]}, "dale must be"),
        ({"cell_types": ["a"]}, "cell_types must be of shape"),
        ({"cell_types": ["a", "b", "c", "c"]}, "ridge must be 'gcv' or above 0 with cell_types"),
        ({"cell_types": ["a", None, "c", np.nan]}, "a label for each unit, got none for 2 of 4, the first at 1"),
        ({"likelihood": "poisson"}, "spike counts"),
        ({"time_constants": (0.0,)}, "time_constants must be positive"),
        ({"window": 1500}, "must have at least"),
    ],
)
def test_what_cannot_be_is_refused(changes, match):
    with pytest.raises(InputError, match=match):
        fit(driven(), **changes)


def test_the_same_random_state_gives_the_same_connectome_and_another_another():
    x = driven(400)
    once, again, other = (fit(x, n_steps=40, random_state=seed).connectome_.score for seed in (3, 3, 4))
    np.testing.assert_array_equal(once, again)
    assert not np.allclose(once.values[PAIRS[0]], other.values[PAIRS[0]], rtol=1e-9)


def test_forecast_and_likelihood_are_those_of_the_truth(fitted):
    x = driven(seed=5)
    forecast = fitted.predict(sf.Recording({"x": x}, dt=0.002))
    assert np.isnan(forecast[:2]).all() and np.isfinite(forecast[2:]).all()
    residual = (x - forecast)[2:]
    np.testing.assert_allclose(residual.var(axis=0), 1.0, rtol=0.15)
    best = -0.5 * np.log(2 * np.pi) - 0.5
    assert fitted.score(x) == pytest.approx(best, abs=0.08)
    assert fitted.score(x) - best > -0.08
    scaled = fit(10.0 * driven())
    assert scaled.score(10.0 * x) == pytest.approx(fit(driven()).score(x) - np.log(10.0), abs=1e-3)


@pytest.mark.parametrize("values", ["samples", "events"])
def test_a_forecast_does_not_know_what_came_after_it(values):
    x = driven(600)
    x[::25] += np.array([9.0, 0.0, 9.0, 0.0])  # what may be an event
    x[(np.arange(600) % 50) == 26, 2] += 9.0
    fitted = fit(x, n_init=1, n_steps=30, values=values)
    whole = fitted.predict(x)
    for k in range(100, 111):
        np.testing.assert_allclose(fitted.predict(x[:k]), whole[:k], atol=1e-5)
    holes = x.copy()
    holes[105, 1] = holes[300:330, 0] = np.nan
    np.testing.assert_allclose(fitted.predict(holes[:110]), fitted.predict(holes)[:110], atol=1e-5)


def test_covariates_of_the_fit_are_asked_for_again():
    x = driven(300)
    stimulus = np.random.default_rng(0).normal(size=(300, 1))
    estimator = Synformer(1, n_steps=20, max_lag=1, window=1, value_window=1, time_constants=(3.0,), progress=False)
    estimator.fit(x, covariates=stimulus)
    with pytest.raises(InputError, match="covariates must be as many as the fit had, 1, got 0"):
        estimator.score(x)
    estimator.score(x, covariates=stimulus)


def test_trials_are_segments_and_come_back_as_such():
    x = driven(1200)
    trials = sf.Recording({"x": x.reshape(3, 400, 4)}, dt=0.002)
    fitted = fit(trials)
    assert set(sorted(PAIRS, key=lambda pair: -fitted.connectome_.score.values[pair])[:2]) == EDGES
    forecast = fitted.predict(trials)
    assert forecast.shape == (3, 400, 4) and np.isnan(forecast[:, 0]).all() and np.isfinite(forecast[:, 3:]).all()


def test_a_cut_off_signal_is_known_to_be_cut_off():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 3))
    x[1:, 1] += 1.5 * x[:-1, 0]
    cut = np.minimum(x, [np.inf, 0.3, np.inf])
    fitted = fit(cut)
    np.testing.assert_array_equal(fitted.limits_[1], [np.inf, 0.3, np.inf])
    assert np.nanmax(fitted.predict(cut)[:, 1]) <= np.float32(0.3)
    gain = fitted.connectome_.weight.values[1, 0]
    assert gain == pytest.approx(fit(x).connectome_.weight.values[1, 0], rel=0.15)  # as if it had not been cut


def test_published_network_of_forty_is_recovered(data_folder):
    folder = data_folder / "izhikevich/exc16_inh4_nodiag_withinp_rand/p6/inpvar5_S5_t5000/seed0"
    seen, truth = sf.datasets.load_izhikevich(folder)
    found = Synformer(1, n_steps=1000, progress=False, random_state=0).fit(seen).connectome_
    figures = sf.evaluate.compare(found, truth)
    assert figures["auroc"] > 0.999 and figures["sign_accuracy"] > 0.995


def test_memory_gathers_what_reaches_a_target_until_it_fires():
    """Unit 1 fires when what unit 0 sent since its own last spike is enough; no single lag says so."""
    rng = np.random.default_rng(0)
    x = (rng.random((6000, 4)) < 0.15).astype(float)
    held = 0.0
    x[:, 1] = 0.0
    for t in range(1, len(x)):
        held += 1.3 * x[t - 1, 0]
        x[t, 1] = rng.random() < 1.0 / (1.0 + np.exp(4.5 - held))
        held *= 0.0 if x[t, 1] else 0.95
    fitted = fit(x, likelihood="bernoulli", memory=12, n_steps=500, evidence="wald")
    found = fitted.connectome_
    assert max(PAIRS, key=lambda pair: found.score.values[pair]) == (1, 0) and found.weight.values[1, 0] > 0
    gate = fitted.forecaster_.gate[0].detach().numpy()
    assert np.abs(gate[1:4, 8:]).mean() > np.abs(gate[4:, 2:5]).mean()  # what came before the last spike is forgotten
    with pytest.raises(InputError, match="max_lag must be 1 with memory"):
        fit(x, memory=3, max_lag=2)


def test_evidence_is_the_size_of_an_effect_or_how_sure_it_is_or_both():
    from scipy import stats

    sure, large, both = (fit(driven(), max_lag=2, evidence=name).connectome_ for name in ("wald", "effect", "both"))
    freedom = len(driven()) - 2 - (1 + 1 + 8 + 6)
    off = ~np.eye(4, dtype=bool)
    # Of a Gaussian source a third of the rows count as degrees (its fourth moment is 3), a few more or less.
    # Hotelling's: a covariance of two columns is estimated.
    statistic = sure.score.values[off] ** 2
    fewest, most = (stats.f.sf(statistic * (of - 1) / of, 2, of - 1) for of in (freedom, freedom / 6))
    assert (fewest <= sure.pvalue.values[off]).all() and (sure.pvalue.values[off] <= most).all()
    assert sure.score.values[1, 0] > 10 and large.score.values[1, 0] < 1.5
    mean = np.sqrt(sure.score.values * large.score.values)[off]
    np.testing.assert_allclose(both.score.values[off], mean, rtol=1e-6)


def test_long_recordings_are_learnt_from_in_more_steps() -> None:
    """loss_ has a column for each pass: of few samples many, of many samples the six, and no fewer than 500 steps."""
    small = {"n_steps": "auto", "batch_size": 16, "hidden": 4}
    assert fit(driven(400), **small).loss_.shape[1] == -(-500 // (397 // 16))
    assert fit(driven(1803), **small).loss_.shape[1] == 7  # six and a rest
    with pytest.raises(InputError, match="n_steps"):
        fit(driven(400), n_steps="many")


def test_many_units_have_one_initialisation(monkeypatch) -> None:
    x = driven(300)
    assert fit(x, n_init="auto").forecaster_.n_init == 3
    monkeypatch.setattr("synfer.discover.synformer_fit.MANY", 3)  # of four
    assert fit(x, n_init="auto").forecaster_.n_init == 1
