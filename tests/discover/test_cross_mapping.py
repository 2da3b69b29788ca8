"""Convergent cross mapping against a slow twin, on Sugihara's logistic maps, and its refusals."""

import numpy as np
import pytest
from scipy.stats import binom

from synfer import Recording
from synfer.discover import ConvergentCrossMapping
from synfer.errors import InputError


def logistic_maps(n_samples, forward=0.1, backward=0.0, start=0.4):
    """Sugihara et al. (2012), equation 1: 0 acts on 1 by ``forward``, 1 on 0 by ``backward``."""
    x = np.full((n_samples, 2), [start, 0.2])
    for t in range(1, n_samples):
        a, b = x[t - 1]
        x[t] = a * (3.8 - 3.8 * a - backward * b), b * (3.5 - 3.5 * b - forward * a)
    return x


def slow(trials, E, tau, exclusion, target, source):
    """Skill with all points as library, point by point."""
    points, present, times = [], [], []
    for number, trial in enumerate(trials):
        for t in range((E - 1) * tau, len(trial)):
            points.append([trial[t - e * tau, target] for e in range(E)])
            present.append(trial[t, source])
            times.append((number, t))
    estimates = []
    for at, (number, t) in enumerate(times):
        distances = sorted(
            (float(np.linalg.norm(np.subtract(points[at], points[other]))), other)
            for other, (n, s) in enumerate(times)
            if n != number or abs(s - t) > exclusion
        )[: E + 1]
        weights = [np.exp(-d / distances[0][0]) for d, _ in distances]
        estimates.append(np.average([present[other] for _, other in distances], weights=weights))
    return np.corrcoef(estimates, present)[0, 1]


@pytest.mark.parametrize(("E", "tau", "exclusion"), [(2, 1, 0), (3, 2, 0), (1, 1, 3), (3, 1, 4)])
def test_equals_a_slow_twin(E, tau, exclusion):
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.standard_normal((150, 3)), axis=0)
    model = ConvergentCrossMapping(E, tau, exclusion=exclusion, n_surrogates=0).fit(x)
    for i in range(3):
        for j in range(3):
            if i != j:
                assert model.skill_[-1, i, j] == pytest.approx(slow([x], E, tau, exclusion, i, j), rel=1e-10)


def test_no_point_crosses_a_splice_and_other_trials_are_never_too_close():
    x = np.random.default_rng(0).standard_normal((4, 30, 2))
    trials = Recording({"x": x}, 1.0, leading="trial")
    model = ConvergentCrossMapping(2, 2, exclusion=5, n_surrogates=0).fit(trials)
    assert model.skill_[-1, 0, 1] == pytest.approx(slow(x, 2, 2, 5, 0, 1), rel=1e-10)


def test_the_driver_is_read_off_the_driven_and_skill_converges():
    model = ConvergentCrossMapping(2, library_sizes=(20, 100, 1000), random_state=0).fit(logistic_maps(1001))
    np.testing.assert_array_equal(model.library_sizes_, [20, 100, 1000])
    assert (np.diff(model.skill_[:, 1, 0]) > 0).all()  # 1's past tells of 0, the better the more of it is known
    assert model.skill_[-1, 1, 0] > 0.95
    assert model.convergence_[1, 0] > 0.2 > model.convergence_[0, 1]
    assert model.skill_[-1, 0, 1] < 0.3
    assert model.connectome_.score.sel(target=1, source=0) == model.skill_[-1, 1, 0]
    assert model.connectome_.pvalue.values[1, 0] == pytest.approx(1 / 101)


def test_of_two_that_act_on_each_other_the_stronger_is_read_better():
    # Their figure: beta_xy = .02 (of y on x), beta_yx = .1 (of x on y); both skills converge, x is read better.
    model = ConvergentCrossMapping(2, n_surrogates=0, random_state=0).fit(logistic_maps(3000, 0.1, 0.02))
    assert model.skill_[-1, 1, 0] > model.skill_[-1, 0, 1] > 0.5
    assert model.convergence_[0, 1] > 0.1


def test_rejects_at_its_level():
    n_series = 150
    rejected = 0
    for seed in range(n_series):
        x = np.random.default_rng(seed).standard_normal((90, 3))
        for t in range(1, 90):
            x[t] += 0.4 * x[t - 1]
        model = ConvergentCrossMapping(2, n_surrogates=19, n_libraries=1, random_state=seed).fit(x)
        rejected += int((model.connectome_.pvalue.values <= 0.05).sum())  # NaN is not below
    low, high = binom.interval(1 - 1e-4, n_series * 6, 0.05)
    assert low < rejected < high


def test_points_that_coincide_count_alone():
    x = np.column_stack([np.tile([0.0, 1.0, 2.0, 5.0], 20), np.tile([3.0, 1.0, 4.0, 1.5], 20)])
    model = ConvergentCrossMapping(2, n_surrogates=0).fit(x)
    np.testing.assert_allclose(model.skill_[-1][~np.eye(2, dtype=bool)], 1.0)


def test_the_same_seed_gives_the_same():
    x = np.random.default_rng(0).standard_normal((200, 3))
    once, again = (ConvergentCrossMapping(random_state=5).fit(x) for _ in range(2))
    np.testing.assert_array_equal(once.skill_, again.skill_)
    np.testing.assert_array_equal(once.connectome_.pvalue.values, again.connectome_.pvalue.values)


def test_refusals():
    x = np.random.default_rng(0).standard_normal((60, 2))
    for wrong in ((3, 50), (10.5,), (), "many", ((10, 20),)):
        with pytest.raises(InputError, match="library_sizes"):
            ConvergentCrossMapping(library_sizes=wrong).fit(x)
    with pytest.raises(InputError, match="E"):
        ConvergentCrossMapping(E=0).fit(x)
    with pytest.raises(InputError, match="samples"):
        ConvergentCrossMapping(E=10, tau=6).fit(x)
    trials = Recording({"x": x.reshape(10, 6, 2)}, 1.0, leading="trial")
    with pytest.raises(InputError, match=r"at least 7 points of 5 coordinates 2 samples apart.* got 0"):
        ConvergentCrossMapping(E=5, tau=2).fit(trials)
    with pytest.raises(InputError, match="at least 8 samples in every trial for E=3 and tau=1, got 6"):
        ConvergentCrossMapping(E=3).fit(trials)
