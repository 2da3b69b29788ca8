"""Clocks that stray, steps that are no seconds."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr

from synfer.errors import InputError, MillisecondsWarning
from synfer.recording import Recording
from synfer.recording.sampling import regular

TIMES = np.arange(1800) / 30


@pytest.mark.parametrize(
    "times",
    [
        np.round(TIMES, 3),
        np.round(TIMES, 2),
        TIMES + np.random.default_rng(0).normal(0, 1e-4, 1800),
        TIMES + np.random.default_rng(0).uniform(-8e-3, 8e-3, 1800),
    ],
)
def test_times_that_are_not_exact_are_taken_with_dt_and_asked_for_it_without(times):
    assert regular(times, 1 / 30, "the times") == (times[0], 1 / 30)
    with pytest.raises(InputError, match=r"strays by 0\.0\d* s from steps of 0\.0333\d* s: give dt where"):
        regular(times, None, "the times")


@pytest.mark.parametrize("dt", [None, 1 / 30])
@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ([700], r"from sample 699 at 23\.3 s to the next are 0\.0667 s, .*: 1 sample is missing there; put"),
        ([700, 701, 702, 900], "from sample 699 .*: 3 samples are missing there .4 in all.; put"),
    ],
)
def test_missing_samples_are_named_by_the_widest_gap(dt, lacking, message):
    times = np.round(np.delete(TIMES, lacking), 4)
    with pytest.raises(InputError, match=message) as refusal:
        regular(times, dt, "the times")
    assert "from_spikes" not in str(refusal.value)


def test_a_clock_that_drifts_from_dt_is_none_of_it():
    times = np.round(np.arange(1800) * 0.0334, 3)
    with pytest.raises(
        InputError, match=r"steps of dt = 0\.0333333 s .* go off by 0\.12\d* s, .* 0\.0334\d* s: give that"
    ):
        regular(times, 1 / 30, "the times")
    with pytest.raises(InputError):  # two steps of three samples tell little, but not any step
        regular([0.0, 0.1, 0.21], 0.13, "the times")
    assert regular([0.0, 0.1, 0.21], 0.105, "the times")[1] == 0.105


FRAME = pd.DataFrame(np.zeros((20, 2)))
LABELLED = xr.DataArray(np.zeros((20, 2)), dims=("time", "unit"))


@pytest.mark.parametrize(
    "make",
    [
        lambda dt, path: Recording.from_array(np.zeros((20, 2)), dt),
        lambda dt, path: Recording.from_pandas(FRAME, dt),
        lambda dt, path: Recording.from_pandas(FRAME.set_index(np.arange(20) * dt)),
        lambda dt, path: Recording.from_xarray(LABELLED, dt),
        lambda dt, path: Recording.from_xarray(LABELLED.assign_coords(time=np.arange(20) * dt)),
        lambda dt, path: Recording.from_npz(path / "x.npy", dt=dt),
        lambda dt, path: Recording.from_file(path / "x.npy", dt=dt),
        lambda dt, path: Recording.from_matlab(path / "x.mat", dt=dt),
        lambda dt, path: Recording.from_file(path / "x.mat", dt=dt),
    ],
)
def test_milliseconds_and_rates_for_a_step_are_warned_of(make, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((20, 2)))
    scipy.io.savemat(tmp_path / "x.mat", {"x": np.zeros((20, 2))})
    with pytest.warns(MillisecondsWarning, match=r"give dt = 0\.0333 where .* dt = 0\.03003 where .* filter") as caught:
        assert make(33.3, tmp_path).dt == pytest.approx(33.3)
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", MillisecondsWarning)
        assert make(4.0, tmp_path).dt == 4.0  # a volume of fMRI


def test_times_that_say_that_they_are_seconds_are_believed():
    with warnings.catch_warnings():
        warnings.simplefilter("error", MillisecondsWarning)
        Recording.from_pandas(FRAME.set_index(pd.to_timedelta(np.arange(20) * 60, unit="s")))
        slow = Recording({"x": np.zeros((20, 2))}, 60.0)
        assert Recording.from_xarray(slow.to_xarray()).identical(slow)


@pytest.mark.parametrize("dt", [True, np.True_, False])
def test_truth_is_no_step(dt):
    for make in (
        lambda: Recording({"x": np.zeros((20, 2))}, dt),
        lambda: Recording.from_array(np.zeros((20, 2)), dt),
        lambda: Recording.from_pandas(FRAME, dt),
        lambda: Recording.from_spikes([0.1], [0], dt),
    ):
        with pytest.raises(InputError, match=r"dt must be positive seconds, a number; got (True|False)"):
            make()
