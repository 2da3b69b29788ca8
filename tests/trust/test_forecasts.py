from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from synfer.discover import ConditionalGranger, CrossCorrelation, Samples
from synfer.simulate import run, var_network
from synfer.trust.forecasts import coloured, course_of, forecasts_of, together


def samples_of(x: np.ndarray) -> Samples:
    return ConditionalGranger()._read(x, reset=True)


@pytest.fixture(scope="module")
def driven() -> np.ndarray:
    """x0 and x1 white, x1(t) = .8 x0(t - 1) + shock: R2 of x1 is .64 / 1.64 given both, 0 given itself."""
    a = np.array([[0.0, 0.0], [0.8, 0.0]])
    return np.asarray(run(var_network(a), 20.0, record="x", seed=1)["x"])


@pytest.mark.parametrize("estimator", [ConditionalGranger(lag=1), CrossCorrelation(max_lag=3)])
def test_r2_of_a_known_autoregression(driven, estimator):
    found = forecasts_of(samples_of(driven), estimator)
    assert found.by == "ConditionalGranger"  # correlations do not forecast
    assert found.own == pytest.approx(0.0, abs=0.01)
    assert found.full == pytest.approx(0.64 / 1.64 / 2, abs=0.03)
    assert found.gain == found.full - found.own
    assert found.coloured == 0.0 and found.together < 0.05


def test_residuals_of_units_with_a_common_input_are_correlated(driven):
    rng = np.random.default_rng(2)
    common = rng.standard_normal((5000, 1))
    found = forecasts_of(samples_of(rng.standard_normal((5000, 4)) + common), ConditionalGranger(lag=1))
    assert found.together == pytest.approx(0.5, abs=0.05)  # 1 / (1 + 1)


def test_colour_is_seen_and_white_is_not():
    rng = np.random.default_rng(3)
    white = rng.standard_normal((2000, 40))
    slow = white.copy()
    for t in range(1, len(slow)):
        slow[t] += 0.2 * slow[t - 1]
    assert coloured([white]) <= 0.1 and coloured([slow]) == 1.0
    assert together([white]) < 0.02 and coloured([np.zeros((50, 2))]) == 0.0


def test_a_drift_is_seen_in_the_unit_that_has_it():
    x = np.random.default_rng(4).standard_normal((2000, 4))
    steady = course_of(samples_of(x))
    x[:, 2] += np.linspace(0.0, 1.0, 2000)
    with pytest.warns(match="the mean of 2|the mean of unit"):
        samples = samples_of(x)
    drifting = course_of(samples)
    assert steady.drifting == 0.0 and drifting.drifting == 0.25 and drifting.largest > steady.largest


def test_what_is_too_short_has_no_forecast():
    samples = samples_of(np.random.default_rng(5).standard_normal((60, 3)))
    short = dataclasses.replace(samples, segments=[samples.segments[0][:30]])
    assert forecasts_of(short, ConditionalGranger(lag=1)) is None
