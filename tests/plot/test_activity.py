from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from synfer import Recording, plot
from synfer.errors import InputError, ShapeError, UnknownNameError


def two_units() -> Recording:
    signals = {"v": np.array([[-60.0, -70.0], [-50.0, -70.0], [400.0, -60.0]]), "spikes": [[0, 1], [0, 0], [1, 0]]}
    signals["spikes"] = np.array(signals["spikes"], dtype=np.uint8)
    return Recording(signals, 1e-3, unit_ids=["left", "right"], t0=0.5, units_of_measure={"v": "mV"})


def tick_labels(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def test_raster_draws_each_spike_in_its_units_row():
    ax = plot.raster(two_units())
    left, right = ax.collections
    assert (left.get_positions(), left.get_lineoffset()) == ([pytest.approx(0.502)], 0)
    assert (right.get_positions(), right.get_lineoffset()) == ([pytest.approx(0.5)], 1)
    assert tick_labels(ax.yaxis) == ["left", "right"]
    assert ax.yaxis_inverted()  # the first unit on top, as in a matrix
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "unit")


def test_raster_takes_exact_spike_times_and_silent_units():
    recording = Recording.from_spikes([0.0123, 0.0511], [2, 0], dt=0.01, n_units=3, duration=0.1)
    ax = plot.raster(recording, unit_colours=["red", "green", "blue"])
    assert [list(row.get_positions()) for row in ax.collections] == [[0.0511], [], [0.0123]]
    assert ax.collections[2].get_color().tolist() == [0.0, 0.0, 1.0, 1.0]


def test_traces_keep_one_scale_and_point_upwards():
    ax = plot.traces(two_units(), "v")
    left, right = (line.get_ydata() for line in ax.lines[:2])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.5, 0.501, 0.502])
    # The range of the left unit, 460 mV, times 1.1 separates two units; medians lie on the units' rows.
    np.testing.assert_allclose(left, 0 - (np.array([-60, -50, 400]) + 50) / 506)
    np.testing.assert_allclose(right, 1 - (np.array([-70, -70, -60]) + 70) / 506)
    assert ax.get_ylim()[1] < left.min()  # nothing is cut off: the axis points down
    bar = ax.lines[2].get_ydata()
    assert abs(bar[1] - bar[0]) * 506 == pytest.approx(500)
    assert [text.get_text() for text in ax.texts] == ["500 mV"]


def test_traces_cut_overshoot_at_the_ceiling():
    ax = plot.traces(two_units(), "v", ceiling=30.0)
    assert np.ptp(ax.lines[0].get_ydata()) == pytest.approx(90 / 99)


def test_traces_leave_gaps_where_nothing_was_measured():
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    ax = plot.traces(Recording.from_array(values, 0.1))
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, True, False]
    assert np.isnan(ax.lines[1].get_ydata()).all()


def test_given_axes_are_drawn_on_and_returned():
    _, ax = plt.subplots()
    assert plot.traces(two_units(), "v", ax=ax) is ax
    assert plot.raster(two_units(), ax=ax) is ax
    assert len(plt.get_fignums()) == 1


def test_many_units_have_fewer_labels():
    ax = plot.traces(Recording.from_array(np.random.default_rng(0).normal(size=(5, 130)), 1.0))
    assert tick_labels(ax.yaxis)[:2] == ["0", "7"]
    assert len(tick_labels(ax.yaxis)) <= 20


def test_what_cannot_be_drawn_is_refused():
    batch = Recording.from_array(np.zeros((2, 5, 3)), 1.0, leading="network")
    with pytest.raises(InputError, match=r"isel\(network=0\)"):
        plot.traces(batch)
    with pytest.raises(InputError, match=r"v, spikes.*signal="):
        plot.traces(two_units())
    with pytest.raises(UnknownNameError, match=r"'vv'.*'v'"):
        plot.traces(two_units(), "vv")
    with pytest.raises(UnknownNameError, match="spikes"):
        plot.raster(Recording.from_array(np.zeros((5, 3)), 1.0))
    with pytest.raises(ShapeError, match=r"\(2,\).*\(1,\)"):
        plot.raster(two_units(), unit_colours=["red"])


def test_importing_and_drawing_leave_matplotlib_as_it_was():
    before = dict(plt.rcParams)
    plot.raster(two_units())
    plot.traces(two_units(), "v")
    assert dict(plt.rcParams) == before
