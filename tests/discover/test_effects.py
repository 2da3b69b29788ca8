"""What an ensemble says together."""

import numpy as np

from synfer.discover.effects import combine
from synfer.discover.refit import Refit


def member(sign, n=3):
    rng = np.random.default_rng(0)
    theta = sign * rng.normal(size=(n, n, 1))
    cov = np.full((n, n, 1, 1), 0.04)
    return Refit(theta, theta, cov, np.full((n, n, 1), 0.5), np.full(n, 100.0))


def test_statistics_of_opposite_signs_do_not_cancel_each_other() -> None:
    """A drive and the answer to it may both be reversed in as many initialisations as not."""
    off = ~np.eye(3, dtype=bool)
    alone, opposed = (
        combine([member(s) for s in signs], np.full(3, 2.0), 1, 0.95, "wald") for signs in ((1,), (1, -1))
    )
    for name in ("score", "pvalue", "half"):
        np.testing.assert_allclose(getattr(opposed, name)[off], getattr(alone, name)[off])
    assert (alone.score[off] > 0).all()


def test_an_initialisation_in_another_minimum_has_no_say():
    off = ~np.eye(3, dtype=bool)
    good, all_ = (combine([member(sign) for sign in signs], np.full(3, 2.0), 1, 0.95) for signs in ((1, 1), (1, 1, -1)))
    for name in ("score", "weight", "pvalue", "half"):
        np.testing.assert_allclose(getattr(all_, name)[off], getattr(good, name)[off])
    np.testing.assert_allclose(good.weight[off], member(1).theta[..., 0][off])  # gain 1/2, standard deviation 2
