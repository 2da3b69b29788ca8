from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score

from synfer import Recording, plot
from synfer.errors import InputError, ShapeError


@pytest.fixture
def recording() -> Recording:
    return Recording.from_array(np.random.default_rng(0).normal(size=(50, 2)), 0.01, unit_ids=[4, 7])


@pytest.fixture
def forecast(recording: Recording) -> np.ndarray:
    expected = 0.5 * recording["signal"]
    expected[:10] = np.nan  # the first window has no forecast
    return expected


def test_forecast_lies_over_what_came_on_the_same_scale(recording, forecast):
    ax = plot.forecast_against_truth(recording, forecast)
    measured, expected = (line.get_ydata() for line in ax.lines[2:])  # of the second unit
    assert np.isnan(expected[:10]).all()
    values = recording["signal"][:, 1]
    per_unit = np.ptp(measured) / np.ptp(values)
    median = np.median(values)
    np.testing.assert_allclose(measured, 1 - (values - median) * per_unit)
    np.testing.assert_allclose(expected[10:], 1 - (0.5 * values[10:] - median) * per_unit)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["measured", "forecast"]


def test_each_unit_shows_its_r2(recording, forecast):
    ax = plot.forecast_against_truth(recording, forecast)
    expected = r2_score(recording["signal"][10:], forecast[10:], multioutput="raw_values")
    assert [text.get_text() for text in ax.texts] == [f"R² {r2:.2f}" for r2 in expected]


def test_a_silent_unit_has_no_r2():
    values = np.stack([np.arange(20.0), np.zeros(20)], axis=1)
    ax = plot.forecast_against_truth(Recording.from_array(values, 0.1), values + 1.0)
    assert ax.texts[1].get_text() == "R² -"


def test_what_does_not_fit_is_refused(recording, forecast):
    with pytest.raises(ShapeError, match=r"\(50, 2\).*\(49, 2\)"):
        plot.forecast_against_truth(recording, forecast[1:])
    with pytest.raises(InputError, match="longer"):
        plot.forecast_against_truth(recording, np.full((50, 2), np.nan))
