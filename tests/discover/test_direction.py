"""Direction from non-Gaussian shapes: against a loop with statsmodels' errors, and on pairs of known direction."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from synfer.discover import PartialCorrelation
from synfer.discover.direction import nongaussian_direction
from synfer.discover.robust import newey_west_lag
from synfer.errors import InputError


def _scaled(*segments: np.ndarray) -> list[np.ndarray]:
    pooled = np.concatenate(segments)
    return [(x - pooled.mean(axis=0)) / pooled.std(axis=0) for x in segments]


def test_it_is_what_a_loop_gives():
    rng = np.random.default_rng(0)
    x = rng.laplace(size=(400, 4)).cumsum(axis=0) * 0.1 + rng.laplace(size=(400, 4))
    (x,) = _scaled(x)
    found = nongaussian_direction([x])
    for i in range(4):
        for j in range(4):
            if i == j:
                assert found[i, j] == 0
                continue
            d = np.sign(np.mean(x[:, i] * x[:, j])) * (x[:, j] * np.tanh(x[:, i]) - x[:, i] * np.tanh(x[:, j]))
            fit = sm.OLS(d, np.ones(400)).fit(cov_type="HAC", cov_kwds={"maxlags": newey_west_lag(400)})
            assert found[i, j] == pytest.approx(fit.tvalues[0], rel=1e-8)


def test_it_is_antisymmetric_and_segments_may_come_in_any_order():
    rng = np.random.default_rng(1)
    parts = _scaled(*(rng.laplace(size=(100 + 50 * k, 3)) for k in range(3)))
    found = nongaussian_direction(parts)
    np.testing.assert_allclose(found, -found.T, atol=1e-12)
    np.testing.assert_allclose(nongaussian_direction(parts[::-1]), found, rtol=1e-10)


@pytest.mark.parametrize("sign", [1, -1])
def test_heavy_tails_tell_who_drives(sign):
    rng = np.random.default_rng(2)
    x = rng.laplace(size=(4000, 3))
    x[:, 1] += sign * 0.7 * x[:, 0]
    x[:, 2] += sign * 0.7 * x[:, 1]
    found = PartialCorrelation(direction="nongaussian").fit(x)
    z = found.direction_
    assert min(z[1, 0], z[2, 1]) > 3
    score = found.connectome_.score.values
    assert min(score[1, 0], score[2, 1]) > 10 * np.nanmax(np.delete(score.ravel(), [3, 7]))
    assert np.sign(found.connectome_.weight.values[1, 0]) == sign
    assert np.isnan(np.diag(z)).all()


def test_gaussian_pairs_have_none():
    rng = np.random.default_rng(3)
    drawn = []
    for _ in range(200):
        x = rng.standard_normal((300, 2))
        x[:, 1] += 0.7 * x[:, 0]
        drawn.append(nongaussian_direction(_scaled(x))[1, 0])
    assert abs(np.mean(drawn)) < 0.25
    # standardising takes some of R's variance away: z is on the safe side
    assert 0.5 < np.std(drawn) < 1.1


def test_the_pair_s_evidence_and_the_way_multiply():
    x = np.random.default_rng(4).laplace(size=(500, 3))
    x[:, 1] += x[:, 0]
    plain, directed = PartialCorrelation().fit(x), PartialCorrelation(direction="nongaussian").fit(x)
    assert plain.direction_ is None
    np.testing.assert_array_equal(plain.connectome_.weight, directed.connectome_.weight)
    both = directed.connectome_.score.values + directed.connectome_.score.values.T
    nats = -250.0 * np.log(1.0 - plain.connectome_.score.values**2)
    np.testing.assert_allclose(both[~np.eye(3, dtype=bool)], nats[~np.eye(3, dtype=bool)], rtol=1e-9)
    with pytest.raises(InputError, match="'direction'"):
        PartialCorrelation(direction="lag").fit(x)
