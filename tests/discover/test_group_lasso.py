"""The group lasso: conditions of its optimum, a slow twin, and what it leaves of spike trains."""

import numpy as np
import pytest

from synfer.discover import SpikeGLM, group_lasso
from synfer.discover.group_lasso import shrink
from synfer.errors import FitDivergedError, InputError


def problem(n=4, size=2, seed=0):
    rng = np.random.default_rng(seed)
    m = 3 + n * size
    x = rng.standard_normal((200, m)) @ (np.eye(m) + 0.3 * rng.standard_normal((m, m)))
    coef = rng.standard_normal(m) * 0.2
    return coef, x.T @ x, np.arange(3), 3 + np.arange(n * size).reshape(n, size)


@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0, 30.0])
def test_the_conditions_of_the_optimum_hold(strength):
    """The problem is convex: where 0 is in the subdifferential of the docstring's objective, there is no better."""
    coef, information, free, groups = problem()
    left, used = shrink(coef, information, free, groups, 200, strength)
    assert used == strength
    slope, covariance = information @ (left - coef), np.linalg.inv(information)
    size = np.abs(information @ coef).max()
    assert np.abs(slope[free]).max() < 1e-5 * size
    n_out = 0
    for group in groups:
        s = np.linalg.inv(covariance[np.ix_(group, group)])
        by_length = strength / np.sqrt(coef[group] @ s @ coef[group])
        if (left[group] == 0).all():
            n_out += 1
            assert np.sqrt(slope[group] @ np.linalg.inv(s) @ slope[group]) <= by_length * (1 + 1e-4)
        else:
            inward = by_length * s @ left[group] / np.sqrt(left[group] @ s @ left[group])
            np.testing.assert_allclose(slope[group], -inward, atol=1e-4 * size)
    if strength == 0.0:
        assert n_out == 0
        np.testing.assert_allclose(left, coef, rtol=1e-4, atol=1e-5)


def test_a_large_strength_takes_all_sources_out_and_frees_the_rest():
    coef, information, free, groups = problem()
    left, _ = shrink(coef, information, free, groups, 200, 1e9)
    assert (left[groups] == 0).all()
    rest = np.linalg.solve(information[np.ix_(free, free)], (information @ coef)[free])
    np.testing.assert_allclose(left[free], rest, rtol=1e-9)


def test_what_does_not_come_to_rest_is_refused(monkeypatch):
    monkeypatch.setattr(group_lasso, "STEPS", 1)
    with pytest.raises(FitDivergedError, match="had not come to rest after 1 steps"):
        shrink(*problem(), 200, 0.5)


@pytest.fixture(scope="module")
def spikes():
    """Eight units, one in five pairs coupled."""
    rng = np.random.default_rng(3)
    weights = (rng.random((8, 8)) < 0.2) * rng.choice([1.5, -1.5], (8, 8))
    np.fill_diagonal(weights, -2.0)
    x, trace = np.zeros((20_000, 8)), np.zeros(8)
    for t in range(len(x)):
        x[t] = rng.random(8) < np.minimum(0.03 * np.exp(weights @ trace), 0.5)
        trace = np.minimum(0.8 * trace + x[t], 2.0)
    np.fill_diagonal(weights, 0.0)
    return x, weights


def test_it_leaves_the_sources_that_act(spikes):
    x, weights = spikes
    settings = {"window": 20, "n_basis": 3}
    plain = SpikeGLM(**settings).fit(x)
    fitted = SpikeGLM(**settings, group_lasso="bic").fit(x)
    assert fitted.connectome_.pvalue is None and plain.connectome_.pvalue is not None
    assert (fitted.group_lasso_ > 0).all()
    left = fitted.connectome_.score.values > 0
    off = ~np.eye(8, dtype=bool)
    clear = (weights != 0) & (plain.connectome_.pvalue.values < 1e-6)
    assert clear.sum() >= 3 and left[clear].all()
    assert left[off & (weights == 0)].mean() < 0.1 < (plain.connectome_.score.values[off & (weights == 0)] > 0).mean()
    assert (np.sign(fitted.connectome_.weight.values) == np.sign(weights))[clear].all()
    # Without strength it is the plain fit.
    same = SpikeGLM(**settings, group_lasso=0.0).fit(x)
    np.testing.assert_allclose(same.coef_, plain.coef_, rtol=1e-3, atol=1e-4)


def test_a_strength_that_is_none_is_refused(spikes):
    with pytest.raises(InputError, match="group_lasso"):
        SpikeGLM(group_lasso=-1.0).fit(spikes[0])
