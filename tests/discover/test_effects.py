"""What an ensemble says together."""

import numpy as np

from synfer.discover.effects import combine
from synfer.discover.refit import Refit


def member(sign, n=3):
    rng = np.random.default_rng(0)
    theta = sign * rng.normal(size=(n, n, 1))
    cov = np.full((n, n, 1, 1), 0.04)
    return Refit(theta, theta, cov, np.full((n, n, 1), 0.5), np.full((n, n), 100.0), np.ones((n, n)))


def test_statistics_of_opposite_signs_do_not_cancel_each_other() -> None:
    """A drive and the answer to it may both be reversed in as many initialisations as not."""
    off = ~np.eye(3, dtype=bool)
    alone, opposed = (
        combine([member(s) for s in signs], np.full(3, 2.0), 1, 0.95, "wald") for signs in ((1,), (1, -1))
    )
    for name in ("score", "pvalue", "half"):
        np.testing.assert_allclose(getattr(opposed, name)[off], getattr(alone, name)[off])
    assert (alone.score[off] > 0).all()


def test_where_no_pair_has_a_statistic_the_evidence_is_the_effect_and_else_a_pair_without_one_has_none():
    off = ~np.eye(3, dtype=bool)
    unknown = member(1)
    unknown.cov[0] = np.nan
    both, effect = (combine([unknown, unknown], np.full(3, 2.0), 1, 0.95, name) for name in ("both", "effect"))
    assert (both.score[0, 1:] == 0).all()
    np.testing.assert_allclose(both.score[1:][off[1:]], effect.score[1:][off[1:]] / 0.2**0.5)  # z is effect / .2
    assert (both.spread[off] == 0).all()
    unknown.cov[:] = np.nan
    none = combine([unknown, unknown], np.full(3, 2.0), 1, 0.95, "both")
    np.testing.assert_array_equal(none.score[off], effect.score[off])


def test_an_initialisation_in_another_minimum_has_no_say():
    off = ~np.eye(3, dtype=bool)
    good, all_ = (combine([member(sign) for sign in signs], np.full(3, 2.0), 1, 0.95) for signs in ((1, 1), (1, 1, -1)))
    for name in ("score", "weight", "pvalue", "half"):
        np.testing.assert_allclose(getattr(all_, name)[off], getattr(good, name)[off])
    np.testing.assert_allclose(good.weight[off], member(1).theta[..., 0][off])  # gain 1/2, standard deviation 2
