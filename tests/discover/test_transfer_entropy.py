"""Transfer entropy against regression, a slow count of neighbours, closed forms, and its refusals."""

import numpy as np
import pytest
from scipy.special import digamma
from scipy.stats import binom

from synfer import Recording
from synfer.discover import ConditionalGranger, PairwiseGranger, TransferEntropy
from synfer.discover.transfer_entropy import _Information
from synfer.errors import InputError


def chain(n_samples, seed=0, strength=0.8):
    """0 -> 1 -> 2, each one sample later, no memory of their own."""
    x = np.random.default_rng(seed).standard_normal((n_samples, 3))
    for t in range(1, n_samples):
        x[t, 1:] += strength * x[t - 1, :2]
    return x


def residual_variance(target, *predictors):
    design = np.column_stack([np.ones(len(target)), *predictors])
    return np.linalg.lstsq(design, target)[1][0]


@pytest.mark.parametrize("lag", [1, 3])
@pytest.mark.parametrize("condition", ["own", "all"])
def test_gaussian_is_half_the_log_ratio_of_residual_variances(condition, lag):
    x = chain(300)
    model = TransferEntropy(lag=lag, condition=condition).fit(x)
    past = [np.column_stack([x[lag - d : -d, unit] for d in range(1, lag + 1)]) for unit in range(3)]
    for i in range(3):
        for j in range(3):
            if i != j:
                given = [i] if condition == "own" else [unit for unit in range(3) if unit != j]
                without = residual_variance(x[lag:, i], *(past[unit] for unit in given))
                within = residual_variance(x[lag:, i], *(past[unit] for unit in given), past[j])
                assert model.transfer_entropy_[i, j] == pytest.approx(0.5 * np.log(without / within), rel=1e-8)
    np.testing.assert_array_equal(np.isnan(model.connectome_.pvalue.values), np.eye(3, dtype=bool))


def test_gaussian_s_pvalues_are_granger_s():
    x = chain(300)
    own = TransferEntropy(lag=2).fit(x).connectome_.pvalue.values
    np.testing.assert_array_equal(own, PairwiseGranger(lag=2).fit(x).connectome_.pvalue.values)
    # ConditionalGranger's denominator has the degrees of freedom of the whole system: the same but for that.
    given = TransferEntropy(lag=2, condition="all").fit(x).connectome_.pvalue.values
    np.testing.assert_allclose(given, ConditionalGranger(lag=2).fit(x).connectome_.pvalue.values, rtol=0.2, atol=1e-4)


def slow(x, y, z, k):
    """Frenzel and Pompe's estimate by all distances."""

    def distances(*parts):
        points = np.hstack(parts)
        return np.abs(points[:, None] - points[None]).max(axis=2)

    joint, xz, yz, only_z = distances(x, y, z), distances(x, z), distances(y, z), distances(z)
    total = 0.0
    for t in range(len(x)):
        radius = np.sort(joint[t])[k]
        n_z, n_xz, n_yz = ((d[t] < radius).sum() - 1 for d in (only_z, xz, yz))
        total += digamma(n_z + 1) - digamma(n_xz + 1) - digamma(n_yz + 1)
    return digamma(k) + total / len(x)


@pytest.mark.parametrize(("dimension", "k"), [(1, 1), (1, 4), (2, 4), (3, 7)])
def test_neighbours_equal_a_count_of_all_distances(dimension, k):
    rng = np.random.default_rng(dimension)
    z = rng.standard_normal((200, dimension))
    y = z[:, :1] + rng.standard_normal((200, dimension))
    x = y[:, :1] + 0.5 * rng.standard_normal((200, 1))
    assert _Information(x, z, k).of(y) == pytest.approx(slow(x, y, z, k), rel=1e-12)


@pytest.mark.parametrize("estimator", ["gaussian", "neighbours"])
def test_closed_form(estimator):
    # x1(t) = b x0(t-1) + e, x0 white: TE = log(1 + b^2) / 2, and nothing back.
    x = chain(8000, strength=0.8)[:, :2]
    te = TransferEntropy(estimator, n_surrogates=0).fit(x).transfer_entropy_
    assert te[1, 0] == pytest.approx(0.5 * np.log(1 + 0.64), abs=0.025)
    assert te[0, 1] == pytest.approx(0.0, abs=0.015)


def test_neighbours_see_what_has_no_correlation():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 2))
    x[1:, 1] += x[:-1, 0] ** 2
    model = TransferEntropy("neighbours", n_surrogates=39, random_state=0).fit(x)
    assert model.connectome_.pvalue.values[1, 0] == pytest.approx(1 / 40)
    assert model.connectome_.pvalue.values[0, 1] > 1 / 40
    assert (model.connectome_.score.values[~np.eye(2, dtype=bool)] >= 0).all()
    assert TransferEntropy().fit(x).transfer_entropy_[1, 0] < 0.02 < 0.2 < model.transfer_entropy_[1, 0]


def test_what_is_given_tells_a_chain_from_a_link():
    x = np.zeros((2000, 3))
    noise = np.random.default_rng(0).standard_normal((2000, 3))
    for t in range(1, 2000):
        x[t] = noise[t] * [1, 0.3, 0.3] + 0.9 * np.array([0, x[t - 1, 0], x[t - 1, 1]])
    for estimator in ("gaussian", "neighbours"):
        own, given = (
            TransferEntropy(estimator, lag=2, condition=c, n_surrogates=0).fit(x).transfer_entropy_[2, 0]
            for c in ("own", "all")
        )
        assert own > 0.5, estimator
        assert given < 0.05, estimator


@pytest.mark.parametrize("estimator", ["gaussian", "neighbours"])
def test_rejects_at_its_level(estimator):
    n_series, n_samples = (300, 200) if estimator == "gaussian" else (80, 80)
    rejected = 0
    for seed in range(n_series):
        x = np.random.default_rng(seed).standard_normal((n_samples, 3))
        for t in range(1, n_samples):
            x[t] += 0.5 * x[t - 1]
        model = TransferEntropy(estimator, n_surrogates=19, random_state=seed).fit(x)
        rejected += int((model.connectome_.pvalue.values <= 0.05).sum())
    low, high = binom.interval(1 - 1e-4, n_series * 6, 0.05)
    assert low < rejected < high


def test_no_lag_crosses_a_splice():
    x = chain(90).reshape(3, 30, 3)
    trials = Recording({"x": x}, 1.0, leading="trial")
    model = TransferEntropy("neighbours", lag=2, n_surrogates=0, random_state=0).fit(trials)
    z = (x - x.reshape(-1, 3).mean(axis=0)) / x.reshape(-1, 3).std(axis=0)
    present = np.concatenate([trial[2:, [1]] for trial in z])
    own, source = (np.concatenate([np.column_stack([t[1:-1, u], t[:-2, u]]) for t in z]) for u in (1, 0))
    assert model.transfer_entropy_[1, 0] == pytest.approx(slow(present, source, own, 4), abs=1e-3)


def test_ties_are_set_apart_the_same_way_every_time():
    spikes = (np.random.default_rng(0).random((300, 2)) < 0.3).astype(float)
    once, again = (
        TransferEntropy("neighbours", n_surrogates=19, random_state=3).fit(spikes).connectome_ for _ in range(2)
    )
    assert np.isfinite(once.score.values[0, 1])
    np.testing.assert_array_equal(once.score.values, again.score.values)
    np.testing.assert_array_equal(once.pvalue.values, again.pvalue.values)


def test_refusals():
    x = chain(60)
    with pytest.raises(InputError, match="estimator"):
        TransferEntropy("kraskov").fit(x)
    with pytest.raises(InputError, match="samples"):
        TransferEntropy("neighbours", n_neighbors=60).fit(x)
    trials = Recording({"x": x.reshape(12, 5, 3)}, 1.0, leading="trial")
    with pytest.raises(InputError, match="at least 8 samples in every trial for lag=2, got 5: take a smaller lag"):
        TransferEntropy("neighbours", lag=2).fit(trials)
    with pytest.raises(InputError, match=r"at least 26 samples with 3 predecessors .* for n_neighbors=24, got 24"):
        TransferEntropy("neighbours", lag=3, n_neighbors=24, n_surrogates=0).fit(trials)
    with pytest.raises(InputError, match="collinear"):
        TransferEntropy(condition="all").fit(np.column_stack([x, x[:, 0] + x[:, 1]]))
