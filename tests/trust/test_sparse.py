from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from synfer.trust.sparse import LEVEL, full_criterion, sparse_fit, sparse_granger, swept


def system(seed: int, n: int, length: int, edges: dict[tuple[int, int], float]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(length, n))
    for t in range(1, length):
        for (i, j), weight in edges.items():
            x[t, i] += weight * x[t - 1, j]
    return x


def schwarz(y: np.ndarray, columns: list[np.ndarray]) -> float:
    """Statsmodels' BIC, a row's, without the Gaussian's constants."""
    return float(sm.OLS(y, sm.add_constant(np.stack(columns, axis=1))).fit().bic / len(y) - np.log(2.0 * np.pi) - 1.0)


def slowly(x: np.ndarray, lags: int) -> tuple[np.ndarray, float]:
    """The same selection, the same tests and the same criterion, each by statsmodels."""
    n, own = x.shape[1], max(lags, 3)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    found, criteria = np.full((n, n), np.nan), []

    def back(j: int, k: int) -> np.ndarray:
        return z[own - k : len(z) - k, j]

    for i in range(n):
        last, before = np.clip(back(i, 1), -4, 4), np.clip(back(i, 2), -4, 4)
        base = [back(i, k) for k in range(1, own + 1)] + [last**2, last**3, last * before, before**2]
        columns = {j: [back(j, k) for k in range(1, lags + 1)] for j in range(n)}

        def tested(j: int, given: list[int], base: list = base, columns: dict = columns, i: int = i) -> float:
            less = base + [c for k in given if k != j for c in columns[k]]
            fits = [sm.OLS(z[own:, i], sm.add_constant(np.stack(c, axis=1))).fit() for c in (less, less + columns[j])]
            return float(fits[1].compare_f_test(fits[0])[1])

        inside: list[int] = []
        while True:
            outside = {j: tested(j, inside) for j in range(n) if j != i and j not in inside}
            if not outside or min(outside.values()) >= LEVEL:
                break
            inside.append(min(outside, key=outside.get))
        for j in range(n):
            if j != i:
                found[i, j] = tested(j, inside)
        criteria.append(schwarz(z[own:, i], base + [c for k in inside for c in columns[k]]))
    return found, float(np.mean(criteria))


@pytest.mark.parametrize("lags", [1, 3])
def test_agrees_with_regressions_one_by_one(lags):
    x = system(1, 5, 250, {(1, 0): 0.4, (2, 1): 0.4, (3, 3): 0.5, (3, 1): -0.2})
    fast, criterion = sparse_fit([x], lags)
    slow, other = slowly(x, lags)
    assert fast == pytest.approx(slow, rel=1e-4, abs=1e-12, nan_ok=True) and criterion == pytest.approx(other, abs=1e-6)
    assert np.array_equal(sparse_granger([x], lags), fast, equal_nan=True)
    assert fast[1, 0] < 1e-4 and fast[2, 1] < 1e-4


@pytest.mark.parametrize("lags", [1, 3])
def test_the_criterion_of_all_sources_is_that_of_regressions_one_by_one(lags):
    x = system(1, 5, 250, {(1, 0): 0.4, (2, 1): 0.4}) * np.array([1.0, 5.0, 0.1, 2.0, 1.0])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    columns = [z[lags - k : len(z) - k, j] for k in range(1, lags + 1) for j in range(5)]
    assert full_criterion([x], lags) == pytest.approx(np.mean([schwarz(z[lags:, i], columns) for i in range(5)]))
    assert full_criterion([x[:20]], lags) == (np.inf if lags == 3 else pytest.approx(full_criterion([x[:20]], 1)))


def test_the_criterion_asks_for_the_lags_that_act():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1500, 6))
    for t in range(2, len(x)):
        x[t, 1:] += 0.5 * x[t - 2, :-1]
    assert sparse_fit([x], 2)[1] < min(sparse_fit([x], 1)[1], sparse_fit([x], 5)[1]) - 0.01


def test_sweeping_regresses_and_can_be_undone():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    both = np.column_stack([x, y])
    gram = both.T @ both
    made = swept(swept(gram, 0), 2)
    beta, rss, *_ = np.linalg.lstsq(x[:, [0, 2]], y, rcond=None)
    assert made[[0, 2], 3] == pytest.approx(beta) and made[3, 3] == pytest.approx(rss[0])
    assert swept(swept(made, 0, out=True), 2, out=True) == pytest.approx(gram)


def test_of_units_that_do_not_act_few_are_rejected_and_stretches_are_kept_apart():
    pvalues = np.concatenate([sparse_granger([system(k, 10, 300, {})], 1)[~np.eye(10, dtype=bool)] for k in range(6)])
    assert 0.03 < (pvalues < 0.05).mean() < 0.09  # 540 tests, a standard error of .01; the selection makes some smaller
    x = system(9, 4, 400, {(1, 0): 0.5})
    whole, cut = sparse_granger([x], 1), sparse_granger([x[:200], x[200:]], 1)
    assert whole[1, 0] < 1e-9 and cut[1, 0] < 1e-9 and not np.array_equal(whole, cut)
