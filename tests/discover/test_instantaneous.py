"""Coupling within a sample against regressions and Geweke's decomposition, and what it adds to two methods' scores."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score

import synfer as sf
from synfer.discover import ConditionalGranger, Synformer
from synfer.discover.foretelling import unforeseen
from synfer.discover.instantaneous import coupling, shares
from synfer.errors import InputError
from synfer.forecast import LAWS

FAST = {"n_init": 1, "n_steps": 150, "hidden": 8, "progress": False, "random_state": 0}
OFF = ~np.eye(6, dtype=bool)


def slow_network(n=4000, seed=0, coupled=0.4, n_units=6):
    """A ring of lags, unit i to i + 1, and one within the sample, i to i + 2, which leaves no trace in the next."""
    rng = np.random.default_rng(seed)
    lagged = np.roll(np.eye(n_units), 1, axis=0) * 0.15
    now = np.linalg.inv(np.eye(n_units) - coupled * np.roll(np.eye(n_units), 2, axis=0))
    x = np.zeros((n, n_units))
    for t in range(1, n):
        x[t] = now @ (lagged @ x[t - 1] + rng.standard_normal(n_units))
    within = np.roll(np.eye(n_units), 2, axis=0)
    return x, (lagged + within + within.T) > 0


def test_partial_correlation_is_that_of_residuals():
    rng = np.random.default_rng(0)
    e = rng.standard_normal((500, 5)) @ rng.standard_normal((5, 5))
    e -= e.mean(0)
    found = coupling(e.T @ e / 499, 499)
    for i, j in ((0, 1), (3, 2)):
        rest = np.delete(e, [i, j], axis=1)
        left = [e[:, k] - rest @ np.linalg.lstsq(rest, e[:, k], rcond=None)[0] for k in (i, j)]
        r = stats.pearsonr(*left).statistic
        assert found.correlation[i, j] == pytest.approx(r)
        # Pearson's exact test, the three given taken off.
        exact = 2 * stats.t.sf(abs(r) * np.sqrt((500 - 3 - 2) / (1 - r * r)), 500 - 3 - 2)
        assert found.fields()["pvalue"][i, j] == pytest.approx(exact)
    np.testing.assert_allclose(found.correlation, found.correlation.T)


def test_two_units_have_gewekes_measure():
    """F_{x . y} = log |var x| |var y| / |covariance| of the innovations."""
    covariance = np.array([[2.0, 0.7], [0.7, 1.5]])
    found = coupling(covariance, 1000)
    assert found.chi_square[0, 1] / 1000 == pytest.approx(np.log(3.0 / np.linalg.det(covariance)))


def test_intervals_hold_the_correlation():
    """Of three units of which two share: nine in ten at .9, and the same as scipy's for two alone."""
    rng = np.random.default_rng(0)
    mixing = np.array([[1.0, 0.0, 0.0], [0.3, 1.0, 0.0], [0.0, 0.0, 1.0]])
    precision = np.linalg.inv(mixing @ mixing.T)
    true = -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])
    held = []
    for _ in range(400):
        e = rng.standard_normal((80, 3)) @ mixing.T
        found = coupling(np.cov(e.T), 79).weights(0.9)
        held.append(found["interval_low"][0, 1] < true < found["interval_high"][0, 1])
    assert 0.86 < np.mean(held) < 0.94
    e = rng.standard_normal((80, 2))
    ends = stats.pearsonr(*e.T).confidence_interval(0.9)
    found = coupling(np.cov(e.T), 79).weights(0.9)
    np.testing.assert_allclose([found["interval_low"][0, 1], found["interval_high"][0, 1]], ends, rtol=1e-9)


def test_pvalues_hold_without_coupling():
    p = []
    for seed in range(40):
        x, _ = slow_network(800, seed=seed, coupled=0.0)
        found = ConditionalGranger(lag=1, instantaneous=True).fit(x).instantaneous_
        p.append(found.pvalue.values[np.triu_indices(6, 1)])
    p = np.concatenate(p)
    assert stats.kstest(p, "uniform").pvalue > 0.01 and (p < 0.05).mean() < 0.08


def test_few_samples_are_no_excuse():
    """20 units and 30 samples, nothing coupled."""
    rng = np.random.default_rng(0)
    found = [coupling(np.cov(rng.standard_normal((30, 20)).T), 29).fields()["pvalue"] for _ in range(60)]
    p = np.concatenate([one[np.triu_indices(20, 1)] for one in found])
    assert abs((p < 0.05).mean() - 0.05) < 0.008 and (p < 0.001).mean() < 0.002


@pytest.mark.parametrize("edge", [0.0, 0.5])
def test_what_is_cut_off_is_not_taken_for_shared(edge):
    """Independent AR(1) units, of which a half and more are seen at their ceiling."""
    rng = np.random.default_rng(0)
    x = np.zeros((6000, 6))
    for t in range(1, 6000):
        x[t] = 0.5 * x[t - 1] + rng.standard_normal(6)
    found = Synformer(instantaneous=True, **FAST).fit(np.minimum(x, edge)).instantaneous_
    assert np.abs(found.weight.values[OFF]).max() < 0.06
    assert (found.pvalue.values[OFF] < 0.01).mean() < 0.1


@pytest.mark.filterwarnings("ignore:no pair has a p-value")  # by lags
def test_the_fit_is_taken_off_the_degrees_of_freedom():
    p = []
    for seed in range(6):
        x = np.random.default_rng(seed).standard_normal((150, 12))
        p.append(Synformer(instantaneous=True, **FAST).fit(x).instantaneous_.pvalue.values[np.triu_indices(12, 1)])
    assert (np.concatenate(p) < 0.05).mean() < 0.075


def test_coupling_goes_where_the_lags_point():
    f = np.array([[np.nan, 9.0, 1.0], [1.0, np.nan, np.nan], [1.0, np.nan, np.nan]])
    found = shares(f)
    assert found[0, 1] == pytest.approx(10 / 12) and found[1, 0] == pytest.approx(2 / 12)
    assert found[0, 2] == found[2, 0] == found[1, 2] == found[2, 1] == 0.5
    allowed = np.ones((3, 3), dtype=bool)
    allowed[0, 1] = False
    one_way = shares(f, allowed)
    assert one_way[0, 1] == 0.0 and one_way[1, 0] == 1.0 and one_way[0, 2] == 0.5


def test_granger_counts_lags_and_what_is_shared():
    x, truth = slow_network()
    plain, both = (ConditionalGranger(lag=2, instantaneous=inst).fit(x) for inst in (False, True))
    residuals = x[2:] - both.predict(x)[2:]
    shared = coupling(residuals.T @ residuals, len(residuals) - 13)
    f = plain.connectome_.score.values
    share = (1 + f) / (2 + f + f.T)
    expected = (2 * f + share * shared.chi_square) / 2.5
    np.testing.assert_allclose(both.connectome_.score.values[OFF], expected[OFF], rtol=1e-6)
    np.testing.assert_array_equal(*(e.connectome_.pvalue.values for e in (plain, both)))  # which have a direction
    np.testing.assert_array_equal(both.connectome_.weight.values, both.instantaneous_.weight.values)
    aurocs = [roc_auc_score(truth[OFF], e.connectome_.score.values[OFF]) for e in (plain, both)]
    assert aurocs[1] > aurocs[0] + 0.05
    assert not hasattr(plain, "instantaneous_") and both.instantaneous_.method == "ConditionalGranger.instantaneous_"
    assert ConditionalGranger(lag=2, ridge=0.1, instantaneous=True).fit(x).instantaneous_.pvalue is None


@pytest.mark.parametrize("evidence", ["effect", "wald", "both"])
def test_synformer_counts_what_is_shared(evidence):
    x, truth = slow_network()
    plain, both = (Synformer(evidence=evidence, instantaneous=inst, **FAST).fit(x) for inst in (False, True))
    np.testing.assert_array_equal(*(e.connectome_.pvalue.values for e in (plain, both)))
    np.testing.assert_array_equal(plain.attention_, both.attention_)
    np.testing.assert_array_equal(both.connectome_.weight.values, both.instantaneous_.weight.values)
    aurocs = [roc_auc_score(truth[OFF], e.connectome_.score.values[OFF]) for e in (plain, both)]
    assert aurocs[1] > max(aurocs[0] + 0.05, 0.9), aurocs
    shared = both.instantaneous_.weight.values
    np.testing.assert_array_equal(shared[OFF], shared.T[OFF])
    linear = ConditionalGranger(lag=1, instantaneous=True).fit(x).instantaneous_.weight.values
    np.testing.assert_allclose(shared[OFF], linear[OFF], atol=0.05)
    if evidence == "effect":
        credited = both.connectome_.score.values**2 - plain.connectome_.score.values**2
        np.testing.assert_allclose((credited + credited.T)[OFF], shared[OFF] ** 2, rtol=1e-6)


def test_an_edge_that_cannot_be_has_no_score():
    x, _ = slow_network(1000)
    prior = np.full((6, 6), np.nan)
    prior[0, 4] = 0.0
    for evidence in ("effect", "wald", "both"):
        found = Synformer(evidence=evidence, instantaneous=True, prior=prior, **FAST).fit(x)
        assert found.connectome_.score.values[0, 4] == found.connectome_.weight.values[0, 4] == 0.0
        assert np.isnan(found.connectome_.interval_low.values[0, 4])
        assert found.connectome_.score.values[4, 0] > 0.0 and abs(found.instantaneous_.weight.values[0, 4]) > 0.0


def test_missing_samples_count_for_nothing():
    x, _ = slow_network(3000)
    whole = Synformer(instantaneous=True, **FAST).fit(x).instantaneous_.weight.values
    holes = x.copy()
    holes[np.random.default_rng(1).random(x.shape) < 0.02] = np.nan
    found = Synformer(instantaneous=True, **FAST).fit(holes).instantaneous_.weight.values
    np.testing.assert_allclose(found[OFF], whole[OFF], atol=0.12)


def test_units_that_were_seldom_measured_together():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 4))
    x[:, 1] += x[:, 0]
    half = x.copy()
    half[:2000, 0] = np.nan
    never = half.copy()
    never[2000:, 1] = np.nan
    settings = {**FAST, "window": 1, "value_window": 1, "time_constants": (2.0,)}
    found = Synformer(instantaneous=True, **settings).fit(half)
    low, high = (getattr(found.connectome_, name).values[0, 1] for name in ("interval_low", "interval_high"))
    assert low < 0.5**0.5 < high
    apart = Synformer(instantaneous=True, **settings).fit(never)
    assert np.isnan(apart.instantaneous_.weight.values[0, 1]) and np.isnan(apart.instantaneous_.pvalue.values[0, 1])
    assert np.isfinite(apart.connectome_.score.values[0, 1])


def test_counts_have_pearsons_residuals():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, size=(3000, 3)) + rng.poisson(0.4, size=(3000, 1)) * np.array([1, 1, 0])
    fitted = Synformer(likelihood="poisson", instantaneous=True, **FAST).fit(counts)
    found = fitted.instantaneous_
    assert found.weight.values[0, 1] > 0.3 and abs(found.weight.values[0, 2]) < 0.08
    assert found.pvalue.values[0, 1] < 1e-20


def test_the_median_of_initialisations():
    x, _ = slow_network(800)
    fitted = Synformer(instantaneous=True, **{**FAST, "n_init": 3}).fit(x)
    pasts = fitted._pasts(fitted._read(x, None), None)
    each = [unforeseen(member, pasts, LAWS["gaussian"], 13).correlation for member in fitted.forecaster_.members()]
    np.testing.assert_allclose(fitted.instantaneous_.weight.values[OFF], np.median(each, axis=0)[OFF], atol=1e-6)
    assert torch.is_grad_enabled()


def test_what_cannot_be_told_is_said():
    with pytest.raises(InputError, match="instantaneous must be False where units' innovations are collinear"):
        coupling(np.ones((3, 3)), 100)
    with pytest.raises(InputError, match="collinear"):
        coupling(np.diag([1.0, 1.0, 0.0]), 100)
    with pytest.raises(InputError, match=r"X must hold at least 7 samples .* and 6 units, got 5"):
        coupling(np.eye(6), 5)
    x, _ = slow_network(200)
    copied = np.c_[x, x[:, 0] + x[:, 1]]
    with pytest.raises(InputError, match="leave out what others make up"):
        ConditionalGranger(lag=1, ridge=0.1, instantaneous=True).fit(copied)
    with pytest.raises(InputError, match="samples"):  # before the training
        Synformer(instantaneous=True, **{**FAST, "n_steps": 10**9}).fit(x[:10])


def test_no_sign_can_be_asked_of_a_source():
    with pytest.raises(InputError, match="dale must be None with instantaneous=True"):
        Synformer(instantaneous=True, dale="learn", **FAST).fit(slow_network(100)[0])


def test_frames_show_more_with_it():
    """Calcium at 30 Hz of an effect within a millisecond."""
    network = sf.simulate.izhikevich_network(8, 2, p=0.2, seed=3)
    seen = sf.simulate.observe.calcium(
        sf.simulate.run(network, 200.0, record="spikes", seed=3), noise=0.2, frame_rate=30.0, seed=3
    )
    truth = network.connectome
    plain, both = (
        sf.evaluate.compare(ConditionalGranger(instantaneous=inst).fit(seen).connectome_, truth)
        for inst in (False, True)
    )
    assert both["auroc"] > plain["auroc"] + 0.03
    assert both["sign_accuracy"] > max(0.85, plain["sign_accuracy"] + 0.2)
