import os
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synfer.errors import InputError, MillisecondsWarning, ShapeError, UnknownNameError
from synfer.recording import Recording
from synfer.recording.spikes import free_memory


@settings(deadline=None, max_examples=200)
@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")  # trains of any times, slow ones too
@given(
    spikes=st.lists(st.tuples(st.floats(0, 5, allow_nan=False), st.integers(0, 4)), min_size=1, max_size=60),
    dt=st.sampled_from([1e-3, 0.01, 0.1, 1 / 3, 2.0]),
    t0=st.sampled_from([0.0, -1.0, -1e-3]),
)
def test_no_spike_is_lost_or_moved(spikes, dt, t0):
    times, units = np.array([s[0] for s in spikes]), np.array([s[1] for s in spikes])
    recording = Recording.from_spikes(times, units, dt, n_units=5, t0=t0)
    counts = recording["spikes"]
    assert counts.sum() == len(spikes)
    np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(units, minlength=5))
    # each in its own bin, by exact rational arithmetic
    bins = [(Fraction(time) - Fraction(t0)) / Fraction(dt) + Fraction(1, 10**6) for time in times.tolist()]
    assume(all(abs(b - round(b)) > 1e-9 for b in bins))  # at the very brink of the tolerance, either bin is right
    expected = np.zeros_like(counts)
    np.add.at(expected, ([int(b // 1) for b in bins], units), 1)
    np.testing.assert_array_equal(counts, expected)
    # and the exact times come back
    events = recording.spike_times()
    given_pairs = sorted(zip(times.tolist(), units.tolist(), strict=True))
    assert sorted(zip(events["time"].values.tolist(), events["unit"].values.tolist(), strict=True)) == given_pairs
    assert np.all(np.diff(events["time"].values) >= 0)


@settings(deadline=None)
@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")  # trains of any times, slow ones too
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=50), st.sampled_from([1e-3, 1e-4, 0.1, 0.3, 1 / 30]))
def test_times_written_as_multiples_of_dt_fall_into_their_own_bin(bins, dt):
    times = np.array(bins) * dt  # rounding leaves many just below the edge of their bin
    recording = Recording.from_spikes(times, np.zeros(len(bins), int), dt, n_units=1)
    np.testing.assert_array_equal(recording["spikes"][:, 0], np.bincount(bins))


def test_the_edge_of_a_bin():
    dt = 1e-3
    times = [0.002 - 0.9e-6 * dt, 0.002 - 1.1e-6 * dt, 0.002]
    recording = Recording.from_spikes(times, [0, 1, 2], dt, n_units=3)
    assert recording["spikes"].argmax(axis=0).tolist() == [2, 1, 2]


def test_counts_take_the_smallest_type_that_holds_them():
    for n, dtype in ((1, np.uint8), (255, np.uint8), (256, np.uint16), (70_000, np.uint32)):
        counts = Recording.from_spikes(np.full(n, 0.5), np.zeros(n, int), 1.0, n_units=2)["spikes"]
        assert counts.dtype == dtype
        assert counts[0, 0] == n


def test_units_are_labels_or_indices():
    distinct = Recording.from_spikes([0.1, 0.2, 0.3], ["b", "a", "b"], 0.1)
    assert distinct.unit_ids.tolist() == ["a", "b"]
    assert distinct["spikes"].sum(axis=0).tolist() == [1, 2]
    labelled = Recording.from_spikes([0.1, 0.2], [7, 9], 0.1, unit_ids=[9, 8, 7])
    assert labelled["spikes"].sum(axis=0).tolist() == [1, 0, 1]
    indexed = Recording.from_spikes([0.1, 0.2], [0, 2], 0.1, n_units=4)
    assert indexed["spikes"].sum(axis=0).tolist() == [1, 0, 1, 0]


def test_duration_and_start():
    assert Recording.from_spikes([0.25], [0], 0.1).n_samples == 3
    assert Recording.from_spikes([0.25], [0], 0.1, duration=1.0).n_samples == 10
    assert Recording.from_spikes([0.25], [0], 0.1, duration=0.95).n_samples == 10  # filled in part, and kept
    assert Recording.from_spikes([0.25], [0], 0.1, duration=0.3).n_samples == 3
    shifted = Recording.from_spikes([-0.75], [0], 0.1, t0=-1.0)
    assert shifted["spikes"][:, 0].tolist() == [0, 0, 1]
    silent = Recording.from_spikes([], [], 0.1, n_units=3, duration=1.0)
    assert (silent.shape, silent["spikes"].sum(), silent.spike_times().sizes["event"]) == ((10, 3), 0, 0)


@pytest.mark.parametrize(
    ("times", "units", "more", "kind", "message"),
    [
        ([0.1, np.nan], [0, 0], {}, InputError, r"times\[1\] is nan"),
        ([0.1, -0.5], [0, 0], {}, InputError, r"at or after t0 = 0 s; 1 of 2 do not, such as times\[1\] = -0.5 s"),
        ([0.1, 2.0], [0, 0], {"duration": 1.0}, InputError, r"before the end, 1 s; 1 of 2 do not"),
        ([1.0], [0], {"duration": 1.0}, InputError, "before the end, 1 s"),
        ([0.1], [0, 1], {}, ShapeError, r"shape \(event,\); got \(1,\) and \(2,\)"),
        ([0.1], [5], {"n_units": 5}, InputError, r"units must lie in 0 to 4; units\[0\] is 5"),
        ([0.1], [-1], {"n_units": 5}, InputError, r"units must lie in 0 to 4; units\[0\] is -1"),
        ([0.1], ["a"], {"n_units": 5}, InputError, "units must be indices 0 to 4, or give unit_ids"),
        ([0.1], ["z"], {"unit_ids": ["a"]}, InputError, "units: 'z' not found"),
        ([], [], {"n_units": 2}, InputError, "duration must be given"),
        ([], [], {"duration": 1.0}, InputError, "n_units or unit_ids must be given"),
        ([0.1], [0], {"duration": -1.0}, InputError, "duration must be positive"),
        ([0.1], [0], {"dt": 0.0}, InputError, "dt must be positive"),
        ([0.1], [0], {"n_units": 0}, InputError, "n_units must be a positive whole number"),
        ([1e15], [0], {}, InputError, "more than memory holds"),
    ],
)
def test_bad_spikes_are_refused(times, units, more, kind, message):
    with pytest.raises(kind, match=message):
        Recording.from_spikes(times, units, **({"dt": 0.1} | more))


def test_parts_keep_their_exact_times():
    times = [0.011, 0.0203, 0.0207, 0.035, 0.099]
    recording = Recording.from_spikes(times, [0, 1, 0, 2, 1], 0.01, n_units=3)
    part = recording.isel(time=slice(1, 4), unit=[1, 0])
    events = part.spike_times()
    assert events["time"].values.tolist() == [0.011, 0.0203, 0.0207]
    assert events["unit"].values.tolist() == [0, 1, 0]
    assert part["spikes"].sum() == 3
    later = part[0.02:]
    assert later.spike_times()["time"].values.tolist() == [0.0203, 0.0207]
    assert recording.isel(unit=[2]).spike_times()["time"].values.tolist() == [0.035]
    assert recording.isel(time=slice(0, 10, 9)).spike_times()["time"].values.tolist() == [0.099]


@pytest.mark.parametrize("make", [np.asarray, torch.tensor])
def test_events_of_a_raster(make):
    raster = np.zeros((2, 5, 3), dtype=np.uint8)
    raster[0, 4, 1] = 1
    raster[1, 0, 2] = 2
    recording = Recording({"spikes": make(raster)}, 0.5, leading="trial", leading_ids=["x", "y"], t0=1.0)
    events = recording.spike_times()
    assert events["time"].values.tolist() == [3.0, 1.0, 1.0]
    assert events["unit"].values.tolist() == [1, 2, 2]
    assert events["trial"].values.tolist() == ["x", "y", "y"]
    assert events["time"].attrs["units"] == "s"


def test_events_need_spikes_that_are_counts():
    with pytest.raises(UnknownNameError, match="signal 'spikes' does not exist"):
        Recording.from_array(np.ones((3, 2)), 0.1, name="v").spike_times()
    with pytest.raises(InputError, match="must hold counts"):
        Recording.from_array(np.full((3, 2), 0.5), 0.1, name="spikes").spike_times()
    with pytest.raises(InputError, match="must hold counts"):
        Recording.from_array(np.full((3, 2), -1), 0.1, name="spikes").spike_times()
    assert Recording.from_array(np.ones((3, 2), bool), 0.1, name="spikes").spike_times().sizes["event"] == 6


def test_positionally_and_by_keyword_it_is_the_same():
    times, units = np.array([0.0105, 0.0301, 0.0102]), np.array([1, 0, 1])
    one = Recording.from_spikes(times, units, dt=0.01)
    assert one.identical(Recording.from_spikes(times, units, 0.01))
    assert one.identical(Recording.from_spikes(times=torch.tensor(times), units=torch.tensor(units), dt=0.01))
    assert one["spikes"].tolist() == [[0, 0], [0, 2], [0, 0], [1, 0]]
    assert (one["spikes"].dtype, one.dt, one.t0, one.unit_ids.tolist()) == (np.uint8, 0.01, 0.0, [0, 1])


@pytest.mark.parametrize(("dtype", "start"), [(np.float32, 0.0), (np.float64, 1.7e9), (np.float64, 0.1)])
def test_times_rounded_to_the_last_place_of_their_type_stay_in_their_bin(dtype, start):
    bins = np.arange(100_000)
    times = (start + bins * 1e-3).astype(dtype)
    counts = Recording.from_spikes(times, np.zeros(len(bins), int), 1e-3, n_units=1, t0=start)["spikes"]
    np.testing.assert_array_equal(counts[:, 0], 1)
    # as they are given: times well inside their bin are not drawn into the next
    inside = (start + (bins + 0.9) * 1e-3).astype(dtype)
    counts = Recording.from_spikes(inside, np.zeros(len(bins), int), 1e-3, n_units=1, t0=start)["spikes"]
    np.testing.assert_array_equal(counts[:, 0], 1)


def test_counts_beyond_thefree_memory_are_refused(monkeypatch):
    monkeypatch.setattr("synfer.recording.spikes.free_memory", lambda: 1000.0)
    assert Recording.from_spikes([9.95], [0], 0.1, n_units=10).shape == (100, 10)
    with pytest.raises(InputError, match=r"dt = 0.1 s cuts .* 101 bins of 10 units, more than memory holds"):
        Recording.from_spikes([10.05], [0], 0.1, n_units=10)
    with pytest.raises(InputError, match="more than memory holds"):  # two bytes a count
        Recording.from_spikes(np.full(256, 9.95), np.zeros(256, int), 0.1, n_units=10)


def testfree_memory_is_known_on_linux():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 2**20 < free_memory() <= total


@pytest.mark.parametrize(
    ("times", "units", "more", "message"),
    [
        ([0.1], [0], {"dt": "a"}, "dt must be positive seconds, a number; got 'a'"),
        ([0.1], [0], {"dt": None}, "dt must be positive seconds, a number; got a NoneType"),
        ([0.1], [0], {"t0": np.nan}, "t0 must be finite seconds; got nan"),
        ([0.1], [0], {"duration": "1"}, "duration must be positive seconds, a number; got '1'"),
        (["x"], [0], {}, "times must be real numbers"),
        (np.array([100], "m8[ms]"), [0], {}, r"times must be real numbers; got timedelta64\[ms\]"),
        ([[0.1], [0.1, 0.2]], [0], {}, "times must be an array, or lists of equal lengths"),
        ([0.1], [0], {"unit_ids": 3}, r"unit_ids must have shape \(1,\)"),
        ([0.1], [0.5], {}, "units must be all integers or all strings"),
        ([1e-3], [0], {"dt": 1e-300}, "more than memory holds"),
        ([1e3], [0], {"dt": 5e-324}, "inf bins"),
    ],
)
def test_what_is_no_time_or_unit_is_refused(times, units, more, message):
    with pytest.raises(InputError, match=message):
        Recording.from_spikes(times, units, **({"dt": 0.1} | more))


@pytest.fixture
def trains() -> tuple[np.ndarray, np.ndarray]:
    """Four units at 5 Hz for 20 s, in seconds."""
    rng = np.random.default_rng(0)
    return np.sort(rng.uniform(0, 20, 400)), rng.integers(0, 4, 400)


def test_times_in_milliseconds_are_warned_of(trains, tmp_path):
    times, units = trains
    Recording.from_spikes(times, units, 1e-3)
    Recording.from_spikes(times[:3] * 1e3, units[:3], 1e-3)  # too few to tell
    with pytest.warns(MillisecondsWarning, match=r"0\.005 times a second .* \(a rate of 5 Hz\)") as caught:
        Recording.from_spikes(times * 1e3, units, 1e-3)
    assert caught[0].filename == __file__
    rng = np.random.default_rng(1)
    fast = np.concatenate([np.cumsum(1.2 + rng.exponential(8.8, 300)) for _ in range(3)])  # 100 Hz in milliseconds
    with pytest.warns(MillisecondsWarning, match=r"never twice within 1\.2"):
        Recording.from_spikes(fast, np.repeat([0, 1, 2], 300), 1e-3)
    Recording.from_spikes(np.cumsum(rng.exponential(10.0, 900)), rng.integers(0, 3, 900), 1e-3)  # slow ones, in seconds
    Recording.from_spikes(np.arange(1.0, 300.0, 2.0), np.zeros(150, int), 0.1)  # slow events in wide bins
    lines = "".join(f"{time},{unit}\n" for time, unit in zip(times * 1e3, units, strict=True))
    (tmp_path / "ms.csv").write_text(lines)
    for read in (Recording.from_csv, Recording.from_file):
        with pytest.warns(MillisecondsWarning, match="times / 1000") as caught:
            read(tmp_path / "ms.csv", dt=1e-3)
        assert [one.filename for one in caught] == [__file__]  # the line to mend is the user's, by either way in
