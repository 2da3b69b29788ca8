"""ConditionalGranger against statsmodels, against its slow twin, and against arithmetic in fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.tsa.api import VAR

from synfer import simulate
from synfer.discover import ConditionalGranger
from synfer.discover.autoregression import DENSE, lagged_factor, spectral_radius
from synfer.errors import InputError, NotConvergedWarning, OrientationWarning
from synfer.recording import Recording


def make_series(n_samples: int, n_units: int, seed: int = 0, lags: int = 2) -> np.ndarray:
    """Draw a stable random vector autoregression of the given order, with means and scales of their own."""
    rng = np.random.default_rng(seed)
    coef = rng.standard_normal((lags, n_units, n_units)) * (rng.random((n_units, n_units)) < 0.3)
    coef *= 0.7 / max(1e-9, sum(np.linalg.norm(a, 2) for a in coef))
    x = rng.standard_normal((n_samples + 100, n_units))
    for t in range(lags, len(x)):
        x[t] += sum(coef[k] @ x[t - 1 - k] for k in range(lags))
    return x[100:] * rng.uniform(0.1, 10, n_units) + rng.uniform(-50, 50, n_units)


def rows_of(segments: list[np.ndarray], lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Write the regression out: predictors (row, 1 + unit * lag) and targets (row, unit)."""
    X, Y = [], []
    for segment in segments:
        for t in range(lag, len(segment)):
            X.append(np.concatenate([[1.0], *(segment[t - k] for k in range(1, lag + 1))]))
            Y.append(segment[t])
    return np.array(X, dtype=np.float64), np.array(Y, dtype=np.float64)


def refit_every_pair(segments: list[np.ndarray], lag: int, ridge: float = 0.0) -> np.ndarray:
    """Fit each target with all sources and again without each one: (target, source). Slow and obvious."""
    X, Y = rows_of(segments, lag)
    n_rows, n_units = Y.shape
    penalty = np.sqrt(n_rows * ridge) * np.diag(np.concatenate([[0.0], *[Y.std(axis=0)] * lag]))
    score = np.full((n_units, n_units), np.nan)
    hat = X @ np.linalg.solve(X.T @ X + penalty**2, X.T)
    for i in range(n_units):

        def loss(keep: np.ndarray, i: int = i) -> tuple[float, float]:
            A, b = np.vstack([X, penalty])[:, keep], np.concatenate([Y[:, i], np.zeros(len(penalty))])
            error = b - A @ np.linalg.lstsq(A, b, rcond=None)[0]
            return error @ error, error[:n_rows] @ error[:n_rows]

        full, sse = loss(np.arange(X.shape[1]))
        variance = sse / (n_rows - np.trace(hat))
        for j in range(n_units):
            if i != j:
                keep = np.array([k for k in range(X.shape[1]) if k == 0 or (k - 1) % n_units != j])
                score[i, j] = (loss(keep)[0] - full) / lag / variance
    return score


@pytest.mark.parametrize(("n_samples", "n_units", "lag"), [(120, 3, 1), (700, 5, 3), (400, 2, 6)])
def test_statsmodels_agrees_to_1e_8(n_samples, n_units, lag):
    x = make_series(n_samples, n_units, seed=lag)
    ours, theirs = ConditionalGranger(lag=lag).fit(x), VAR(x).fit(lag, trend="c")
    np.testing.assert_allclose(ours.coef_, theirs.coefs, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept, rtol=1e-8)
    np.testing.assert_allclose(ours.residual_covariance_, theirs.sigma_u, rtol=1e-8, atol=1e-9)
    for i in range(n_units):
        for j in range(n_units):
            if i == j:
                assert np.isnan(ours.connectome_.score[i, j])
                continue
            test = theirs.test_causality(i, [j], kind="f")
            np.testing.assert_allclose(float(ours.connectome_.score[i, j]), test.test_statistic, rtol=1e-8)
            np.testing.assert_allclose(float(ours.connectome_.pvalue[i, j]), test.pvalue, rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("criterion", ["aic", "bic"])
def test_the_order_is_that_of_select_order(seed, criterion):
    x = make_series(260, 3, seed=seed, lags=1 + seed)
    fitted = ConditionalGranger(lag=criterion, max_lag=8).fit(x)
    theirs = VAR(x).select_order(8, trend="c")
    np.testing.assert_allclose(fitted.criterion_[criterion], theirs.ics[criterion], rtol=1e-10)
    assert fitted.lag_ == max(1, theirs.selected_orders[criterion])
    # The order chosen, it is fitted on all rows it can use, not on those that order 8 left.
    np.testing.assert_allclose(fitted.coef_, VAR(x).fit(fitted.lag_, trend="c").coefs, rtol=1e-8, atol=1e-10)


@pytest.mark.filterwarnings("ignore::synfer.errors.UnitRootWarning")  # short, and slow
@pytest.mark.filterwarnings("ignore::synfer.errors.LargestOrderWarning")  # a ridge's memory is spread over all lags
@pytest.mark.parametrize("ridge", [0.0, 0.05])
@pytest.mark.parametrize("lengths", [(200,), (40, 90, 60), (5, 100, 2, 90)])
def test_the_slow_twin_agrees_and_no_lag_crosses_a_segment(lengths, ridge):
    segments = [make_series(n, 3, seed=n) for n in lengths]
    expected = refit_every_pair(segments, 2, ridge)
    # Trials of unequal length reach _discover as segments; a Recording's are equal.
    fitted = ConditionalGranger(lag=2, ridge=ridge)
    connectome = fitted._discover(as_samples(segments))
    np.testing.assert_allclose(connectome.score, expected, rtol=1e-9)
    assert (connectome.pvalue is None) == (ridge > 0)
    searched = ConditionalGranger(lag="bic", max_lag=4, ridge=ridge)
    score = searched._discover(as_samples(segments)).score
    np.testing.assert_allclose(score, refit_every_pair(segments, searched.lag_, ridge), rtol=1e-9)


def as_samples(segments):
    from synfer.discover.base import Samples

    return Samples(segments, 1e-3, np.arange(segments[0].shape[1]), "v", [0.0] * len(segments))


@pytest.mark.filterwarnings("ignore::synfer.errors.UnitRootWarning", "ignore::synfer.errors.NonStationaryWarning")
def test_trials_of_a_recording_equal_their_segments():
    trials = np.stack([make_series(80, 3, seed=k) for k in range(3)])
    fitted = ConditionalGranger(lag=2).fit(Recording({"v": trials}, dt=1e-3))
    np.testing.assert_allclose(fitted.connectome_.score, refit_every_pair(list(trials), 2), rtol=1e-9)
    assert fitted.predict(Recording({"v": trials}, dt=1e-3)).shape == (3, 80, 3)


def test_arithmetic_in_fractions_agrees_to_1e_12():
    """Two units, one lag, ten integer samples: normal equations solved without any rounding."""
    x = [[3, 1], [0, 4], [5, -2], [1, 1], [-3, 2], [2, 6], [4, 0], [-1, -5], [2, 2], [7, 1]]
    X = [[Fraction(1), *map(Fraction, row)] for row in x[:-1]]

    def solve(A: list[list[Fraction]], b: list[Fraction]) -> list[Fraction]:
        M = [[*row, r] for row, r in zip(A, b, strict=True)]
        for k in range(len(M)):
            pivot = next(r for r in range(k, len(M)) if M[r][k] != 0)
            M[k], M[pivot] = M[pivot], M[k]
            M[k] = [v / M[k][k] for v in M[k]]
            for r in range(len(M)):
                if r != k:
                    M[r] = [v - M[r][k] * w for v, w in zip(M[r], M[k], strict=True)]
        return [row[-1] for row in M]

    def sse(columns: list[int], target: int) -> Fraction:
        Z, y = [[row[c] for c in columns] for row in X], [Fraction(row[target]) for row in x[1:]]
        gram = [[sum(r[a] * r[b] for r in Z) for b in range(len(columns))] for a in range(len(columns))]
        b = solve(gram, [sum(r[a] * v for r, v in zip(Z, y, strict=True)) for a in range(len(columns))])
        return sum((v - sum(p * q for p, q in zip(r, b, strict=True))) ** 2 for r, v in zip(Z, y, strict=True))

    score = ConditionalGranger(lag=1).fit(np.array(x, dtype=np.float64)).connectome_.score
    for i, j in [(0, 1), (1, 0)]:
        full = sse([0, 1, 2], i)
        exact = (sse([0, 1 + i], i) - full) / (full / (9 - 3))
        assert abs(float(score[i, j]) / float(exact) - 1) < 1e-12


@pytest.mark.parametrize("n_samples", [255, 256, 257, 515])
def test_blocks_and_layouts_change_nothing(n_samples):
    x = make_series(n_samples, 5, seed=1)
    expected = lagged_factor([x], 20)
    assert np.array_equal(np.tril(expected, -1), np.zeros_like(expected))
    X, Y = rows_of([x], 20)
    Z = np.hstack([X, Y])
    np.testing.assert_allclose(expected.T @ expected, Z.T @ Z, rtol=1e-10, atol=1e-7)
    wide = np.zeros((n_samples, 9))
    wide[:, 1:6] = x
    for view in (np.asfortranarray(x), wide[:, 1:6], np.ascontiguousarray(x[::-1])[::-1]):
        assert np.array_equal(lagged_factor([view], 20), expected)
    single = x.astype(np.float32)
    assert np.array_equal(lagged_factor([single], 20), lagged_factor([single.astype(np.float64)], 20))


@pytest.mark.parametrize("n_samples", [103, 3000, 9999])
def test_threads_change_no_bit(n_samples):
    """Long series are factorised in shares, up to 16 here, which are then joined."""
    from synfer import _core

    x = make_series(n_samples, 3, seed=1)
    factors = []
    for n_threads in (1, 2, 3):
        factors.append(np.zeros((10, 10), order="F"))
        _core.append_lagged_rows(factors[-1], x, 2, 2, n_samples, n_threads)
    assert np.array_equal(factors[0], factors[1])
    assert np.array_equal(factors[0], factors[2])
    Z = np.hstack(rows_of([x], 2))
    np.testing.assert_allclose(factors[0].T @ factors[0], Z.T @ Z, rtol=1e-10)
    assert np.array_equal(np.tril(factors[0], -1), np.zeros((10, 10)))


def test_the_core_refuses_what_it_could_not_read_safely():
    from synfer import _core

    x, factor = np.zeros((10, 2)), np.zeros((5, 5), order="F")
    for bad in [(factor, x, 1, 0, 10), (factor, x, 1, 1, 11), (factor, x, 2, 2, 10), (factor, x[:, 0], 1, 1, 10)]:
        with pytest.raises(ValueError):
            _core.append_lagged_rows(*bad)
    with pytest.raises(ValueError):
        _core.append_rows(factor, np.zeros((3, 4)))
    factor.flags.writeable = False
    with pytest.raises(ValueError):
        _core.append_rows(factor, np.zeros((3, 5)))
    with pytest.raises(TypeError):
        _core.append_rows(np.zeros((5, 5)), np.zeros((3, 5)))  # a copy would be updated, and thrown away


def test_large_means_cost_no_digits():
    """A QR keeps what normal equations would lose: a mean of 1e6 deviations leaves 16 - 6 digits, not 16 - 12."""
    x = make_series(300, 3, seed=3)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    plain, lifted = (ConditionalGranger(lag=2).fit(v).connectome_.score for v in (x, x + 1e6))
    np.testing.assert_allclose(lifted, plain, rtol=1e-7)


@pytest.mark.parametrize("n_units", [4, DENSE // 2 + 10])
def test_spectral_radius_is_that_of_the_companion_matrix(n_units):
    coef = np.random.default_rng(0).standard_normal((2, n_units, n_units)) / n_units
    companion = np.block([[coef[0], coef[1]], [np.eye(n_units), np.zeros((n_units, n_units))]])
    np.testing.assert_allclose(spectral_radius(coef), np.abs(np.linalg.eigvals(companion)).max(), rtol=1e-9)


def test_direction_sign_and_delay():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3000, 3))
    x[3:, 1] += 0.5 * x[:-3, 0]
    x[1:, 2] -= 0.4 * x[:-1, 1]
    fitted = ConditionalGranger(max_lag=5).fit(Recording({"v": x}, dt=2e-3))
    found = fitted.connectome_
    edges = {(int(e.source), int(e.target)) for e in found.edges(alpha=1e-3).itertuples()}
    assert edges == {(0, 1), (1, 2)}
    assert fitted.lag_ == 3
    assert float(found.delay[1, 0]) == pytest.approx(6e-3)
    assert float(found.delay[2, 1]) == pytest.approx(2e-3)
    assert float(found.weight[1, 0]) > 0 > float(found.weight[2, 1])
    assert ConditionalGranger(lag=1).fit(x).connectome_.delay is None


def test_pvalues_are_uniform_where_there_is_nothing_to_find():
    rng = np.random.default_rng(0)
    pvalues = []
    for _ in range(60):
        x = rng.standard_normal((500, 4))
        for t in range(1, 500):
            x[t] += 0.8 * x[t - 1]
        p = ConditionalGranger(lag=2).fit(x).connectome_.pvalue.to_numpy()
        pvalues.append(p[~np.isnan(p)])
    pvalues = np.concatenate(pvalues)
    assert stats.kstest(pvalues, "uniform").pvalue > 0.01
    assert 0.03 < (pvalues < 0.05).mean() < 0.07


def test_predict_and_score_are_what_they_say():
    x = make_series(300, 3, seed=5)
    train, test = x[:200], x[200:]
    fitted = ConditionalGranger(lag=2).fit(train)
    forecast = fitted.predict(test)
    assert np.isnan(forecast[:2]).all()
    for t in (2, 50, 99):
        expected = fitted.intercept_ + fitted.coef_[0] @ test[t - 1] + fitted.coef_[1] @ test[t - 2]
        np.testing.assert_allclose(forecast[t], expected, rtol=1e-12)
    density = stats.multivariate_normal(np.zeros(3), fitted.residual_covariance_).logpdf(test[2:] - forecast[2:])
    assert fitted.score(test) == pytest.approx(density.mean() / 3, rel=1e-12)
    with pytest.raises(InputError, match="more than lag_ = 2 samples"):
        fitted.score(test[:2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_collinear_units_are_named_and_a_ridge_bears_them(dtype):
    x = make_series(400, 4, seed=2).astype(dtype)
    x[:, 2] = x[:, 0] - 2 * x[:, 1]
    with pytest.raises(InputError, match=r"unit 2 \(its past at lag 1\) follows from .*0, 1 .*ridge > 0"):
        ConditionalGranger().fit(x)
    connectome = ConditionalGranger(ridge=0.01).fit(x).connectome_
    assert connectome.pvalue is None
    assert np.isfinite(connectome.score.to_numpy()[~np.eye(4, dtype=bool)]).all()


def test_a_unit_known_beforehand_is_refused():
    x = np.random.default_rng(0).standard_normal((400, 3))
    x[2:, 2] = x[1:-1, 1] + x[:-2, 0]
    with pytest.raises(InputError, match=r"collinear.*unit (2|0|1)"):
        ConditionalGranger(lag=3).fit(x)
    with pytest.raises(InputError, match=r"unit 2 \(its present\) follows from"):
        ConditionalGranger(lag=2).fit(x)


def test_more_units_than_samples_needs_a_ridge():
    x = make_series(40, 30, seed=1)
    with pytest.raises(InputError, match=r"at least .* samples for 30 units"):
        ConditionalGranger(lag=2).fit(x)
    assert ConditionalGranger(lag=2, ridge=0.5).fit(x).connectome_.score.shape == (30, 30)
    with pytest.warns(OrientationWarning):
        fitted = ConditionalGranger(lag=2, ridge=0.5).fit(x[:20])
    np.testing.assert_allclose(fitted.connectome_.score, refit_every_pair([x[:20]], 2, 0.5), rtol=1e-8)
    with pytest.raises(InputError, match="residual covariance is singular"):
        fitted.score(x[20:])


def test_short_trials_are_refused():
    with pytest.raises(InputError, match="predecessors within their own trial"):
        ConditionalGranger(lag=5).fit(Recording({"v": make_series(80, 3).reshape(16, 5, 3)}, dt=1e-3))


def test_an_unstable_fit_is_not_passed_off_as_converged():
    t = np.arange(60)[:, None]
    x = 1.2**t * (1 + 0.1 * np.random.default_rng(0).standard_normal((60, 2)))
    with pytest.warns(NotConvergedWarning, match=r"not stable \(spectral radius 1\."):
        fitted = ConditionalGranger(lag=1).fit(x)
    assert fitted.connectome_.converged is False
    assert fitted.connectome_.pvalue is None
    assert fitted.spectral_radius_ >= 1


def test_an_overflow_leaves_no_connectome():
    estimator = ConditionalGranger(lag=1)
    with pytest.raises(InputError, match="rescale"):
        estimator.fit(make_series(100, 2) * 1e200)
    assert not hasattr(estimator, "connectome_")


def test_published_networks(data_folder):
    """The three networks of N = 10, p = .4: mean off-diagonal AUROC at least .90."""
    aurocs = []
    for folder in sorted((data_folder / "izhikevich").glob("exc8_inh2*/p4/*/seed*")):
        x = np.loadtxt(folder / "v_normed_alltimes.txt", delimiter=",").T
        edge = np.loadtxt(folder / "connectivity.txt", delimiter=",") != 0
        off = ~np.eye(len(edge), dtype=bool)
        aurocs.append(roc_auc_score(edge[off], ConditionalGranger().fit(x).connectome_.score.to_numpy()[off]))
    assert len(aurocs) == 3
    assert np.mean(aurocs) >= 0.90


@pytest.mark.slow
@pytest.mark.parametrize(("parameters", "rejected"), [({}, 0.067), ({"lag": 10}, 0.074)])
def test_how_often_it_rejects_on_voltages_without_connections(parameters, rejected):
    """The figures of the docstring: a spiking neuron is no linear process, and the test is a little too eager."""
    n = 100
    networks = simulate.izhikevich_network(8, 2, 0.0, n_networks=n, seed=0)
    recording = simulate.observe.clip_and_zscore(simulate.run(networks, 5.0, seed=0))
    off = ~np.eye(10, dtype=bool)
    pvalues = [ConditionalGranger(**parameters).fit(recording.isel(network=k)).connectome_.pvalue for k in range(n)]
    assert np.mean([p.values[off] < 0.05 for p in pvalues]) == pytest.approx(rejected, abs=0.006)  # two s.e.
