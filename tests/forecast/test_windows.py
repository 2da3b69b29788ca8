"""Windows are views, in time order, none across a splice."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synfer.errors import InputError
from synfer.forecast import Clock, Windows


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 8))
def test_every_window_of_every_segment_and_none_across(sizes, length):
    segments, values = [], 0
    for size in sizes:
        segments.append(np.arange(values, values + size, dtype=np.float64)[:, None] * [1, -1])
        values += size + 100  # a jump at each splice
    expected = [(s[k : k + length], s[k + length]) for s in segments for k in range(len(s) - length)]
    if not expected:
        with pytest.raises(InputError, match="window must be shorter"):
            Windows(segments, length, clock=Clock.of(5001))
        return
    windows = Windows(segments, length, clock=Clock(0.1, 100.0))
    context, times, target = windows.batch(windows.starts[:, None])
    assert len(windows) == len(expected)
    np.testing.assert_array_equal(context[..., 0].permute(0, 2, 1), np.array([c for c, _ in expected]))
    np.testing.assert_array_equal(target[..., 0], np.array([t for _, t in expected]))
    np.testing.assert_allclose(times.diff(dim=1), 0.1, atol=1e-5)


def test_series_is_held_once():
    windows = Windows([np.zeros((1000, 3), dtype=np.float32)], 10, clock=Clock.of(5001))
    assert windows._values.data_ptr() == windows.series.data_ptr()


def test_shares_of_the_paper():
    windows = Windows([np.zeros((5000, 2))], 10, clock=Clock.of(5001))
    training, validation, test = windows.split()
    assert [len(s) for s in (training, validation, test)] == [2994, 998, 998]
    assert torch.equal(torch.cat([training, validation, test]), windows.starts)


def test_each_initialisation_gets_its_own_windows():
    series = np.arange(40.0)[:, None]
    windows = Windows([series], 3, clock=Clock(1.0, 9.0))
    context, times, target = windows.batch(torch.tensor([[0, 5], [7, 2]]))
    assert context[:, 0, 0].tolist() == [[0.0, 5.0], [7.0, 2.0]]
    assert target[:, 0].tolist() == [[3.0, 8.0], [10.0, 5.0]]
    assert times[1, -1].tolist() == [9.0, 5.0]  # the clock stands still at its end


def test_the_clock_of_the_paper_and_of_longer_and_shorter_recordings():
    np.testing.assert_array_equal(Clock.of(5001).times(5001), np.arange(5001) * 1e-3)
    assert Clock.of(1000).times(1000)[-1] == pytest.approx(0.999)
    assert Clock.of(10**6).times(10**6)[-1] == pytest.approx(5.0)
    assert Clock.of(1000).times(5000).max() == pytest.approx(0.999)


def test_samples_are_standardised_in_double_precision():
    series = 1e6 + np.arange(30.0)[:, None] * [1e-3, 1e3]
    offset, scale = series.mean(0), series.std(0)
    windows = Windows([series], 3, clock=Clock.of(30), offset=offset, scale=scale)
    np.testing.assert_allclose(windows.series, (series - offset) / scale, atol=1e-6)


def test_too_few_windows_to_share():
    with pytest.raises(InputError, match="at least 3 windows"):
        Windows([np.zeros((5, 2))], 3, clock=Clock.of(5001)).split()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaling_by_blocks_changes_nothing_and_copies_no_segment(dtype, monkeypatch):
    rng = np.random.default_rng(0)
    segments = [rng.standard_normal((n, 20)).astype(dtype) for n in (60_000, 0, 3, 40_000)]
    offset, scale = rng.standard_normal(20), rng.uniform(0.5, 2.0, 20)
    expected = np.concatenate([((s - offset) / scale).astype(np.float32) for s in segments])
    monkeypatch.setattr("synfer.forecast.windows._BLOCK", 20 * 1000)
    tracemalloc.start()
    windows = Windows(segments, 2, clock=Clock.of(60_000), offset=offset, scale=scale)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(windows.series.numpy(), expected)
    assert peak < 1.6 * expected.nbytes  # with the clock's times and the windows' starts, which do not grow with units
