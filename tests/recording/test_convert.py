import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from synfer.errors import InputError, ShapeError
from synfer.recording import Recording

VALUES = np.arange(12.0).reshape(4, 3)


def frame(index=None, columns=("a", "b", "c")):
    return pd.DataFrame(VALUES, index=index, columns=columns)


@pytest.mark.parametrize(
    ("index", "dt", "t0"),
    [
        (np.arange(4) * 0.5 + 2.0, None, 2.0),
        (np.arange(4) * 0.5 + 2.0, 0.5, 2.0),
        (pd.to_timedelta([1000, 1500, 2000, 2500], unit="ms"), None, 1.0),
        (pd.date_range("2026-01-01", periods=4, freq="500ms"), None, 0.0),
        (None, 0.5, 0.0),
        ([10, 11, 12, 13], 0.5, 0.0),  # whole numbers count rows
        (["w", "x", "y", "z"], 0.5, 0.0),
    ],
)
def test_frames(index, dt, t0):
    recording = Recording.from_pandas(frame(index), dt, name="v")
    np.testing.assert_array_equal(recording["v"], VALUES)
    assert (recording.dt, recording.t0) == (0.5, t0)
    assert recording.unit_ids.tolist() == ["a", "b", "c"]


def test_a_frame_of_one_type_is_not_copied():
    table = frame()
    assert np.shares_memory(Recording.from_pandas(table, 0.5)["signal"], table.to_numpy())


def test_times_with_few_digits_are_regular_enough():
    recording = Recording.from_pandas(frame(np.round(np.arange(4) / 30, 5)))
    assert recording.dt == pytest.approx(1 / 30, rel=1e-3)
    thousandth = pd.DataFrame(np.zeros((5001, 1)), index=np.arange(5001) * 1e-3)
    assert Recording.from_pandas(thousandth).dt == 1e-3  # not 0.0009999999999999998


@pytest.mark.parametrize(
    ("table", "dt", "message"),
    [
        (frame(), None, "dt must be given .* int64 says nothing of seconds"),
        (frame([0, 1, 2, 3]), None, "dt must be given"),
        (frame(["w", "x", "y", "z"]), None, "dt must be given"),
        (frame([0.0, 0.1, 0.2, 0.5]), None, "from sample 2 at 0.2 s .* 2 samples are missing there; put"),
        (frame([0.0, 0.1, np.nan, 0.3]), None, "increasing finite times; sample 2 is at nan s"),
        (frame([0.3, 0.2, 0.1, 0.0]), None, "increasing finite times; it goes from 0.3 to 0.2 at sample 1: sort"),
        (frame([0.0, 0.0, 0.0, 0.0]), None, "increasing finite times"),
        (frame([0.0, 0.1, 0.2, 0.3]), 0.2, "dt = 0.2 s does not agree with the index, whose step is 0.1 s"),
        (frame([0.0, 0.1, 0.2, 0.3]).iloc[:1], None, "dt must be given .* 1 entries, too few"),
        (frame(columns=["a", "b", "a"]), 0.1, "unit_ids must be distinct: 'a' occurs"),
        (frame().assign(b="text"), 0.1, "column 'b' must hold numbers"),
        (frame(columns=pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)])), 0.1, "one level of columns"),
        (VALUES, 0.1, "frame must be a pandas DataFrame; got a ndarray"),
        (frame().iloc[:0], 0.1, "none of them empty"),
        (frame()[[]], 0.1, "none of them empty"),
    ],
)
def test_bad_frames_are_refused(table, dt, message):
    with pytest.raises(InputError, match=message):
        Recording.from_pandas(table, dt)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([0, 1, 5, 6], r"goes from 1 to 5 at row 2: put missing rows back by frame.reindex\(range\(0, 7\)\)"),
        ([0, 4, 5, 6], r"goes from 0 to 4 at row 1: put missing rows back"),
        ([2, 0, 3, 1], r"goes from 2 to 0 at row 1: sort the rows, frame.sort_index\(\), or take frame.reset_index"),
        ([1, 2, 2, 3], r"goes from 2 to 2 at row 2: sort the rows"),
        ([2, 3, 0, 1], r"goes from 3 to 0 at row 2: sort the rows"),  # halves that were exchanged
        ([0, 1, 0, 1], r"goes from 1 to 0 at row 2: where these are 2 trials, .* give them apart, Recording.from_arr"),
        ([0, 1, 0, 1], "where they are successive samples all the same"),
    ],
)
def test_rows_that_are_missing_or_shuffled_are_not_joined_up(index, message):
    with pytest.raises(InputError, match=message):
        Recording.from_pandas(frame(index), 0.5)
    assert Recording.from_pandas(frame(index).reset_index(drop=True), 0.5).n_samples == 4


def test_trials_that_were_joined_are_not_to_be_sorted_into_one_another():
    """Begun anew, each on its own clock a little later, or of unequal lengths; and then as the refusal says."""
    trials = [pd.DataFrame(VALUES + k, index=np.arange(4) * 0.5) for k in range(3)]
    joined = pd.concat(trials)
    for frame, n in (
        (joined, 3),
        (joined.set_index(joined.index + np.repeat([0.0, 0.2, 0.1], 4)), 3),
        (pd.concat([trials[0], trials[1].iloc[:2]]), 2),
    ):
        with pytest.raises(InputError, match=rf"where these are {n} trials, one after another, give them apart, Rec"):
            Recording.from_pandas(frame)
    data = xr.DataArray(joined.to_numpy(), dims=("time", "unit"), coords={"time": joined.index})
    with pytest.raises(InputError, match=r"goes from 1\.5 to 0\.0 at sample 4: where these are 3 trials"):
        Recording.from_xarray(data)
    assert Recording.from_array(np.stack(trials), 0.5).dims == ("trial", "time", "unit")


def test_a_column_of_times_is_no_unit():
    whole = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
    whole["Time"] = np.arange(40) * 0.1
    for table in (whole, pd.concat([whole.iloc[:20], whole.iloc[:20]], ignore_index=True)):
        with pytest.raises(
            InputError, match=r"column 'Time' must be a unit's samples; .* frame\.set_index\('Time'\), or"
        ):
            Recording.from_pandas(table, 0.1)
    assert Recording.from_pandas(whole.set_index("Time")).dt == pytest.approx(0.1)
    assert Recording.from_pandas(whole.assign(Time=whole["a"].cumsum()), 0.1).n_units == 3  # a unit of that name


def test_shuffled_samples_are_to_be_sorted():
    shuffled = pd.DataFrame(np.zeros((300, 2)), index=np.arange(300) * 0.5).sample(frac=1.0, random_state=0)
    for frame in (shuffled, pd.concat([shuffled, shuffled.iloc[:5]]), shuffled.iloc[::-1]):
        with pytest.raises(InputError, match="sort the samples by time, and keep one of each"):
            Recording.from_pandas(frame)


@pytest.mark.parametrize("index", [[3, 4, 5, 6], [0, 2, 4, 6], [0, 33, 67, 100]])
def test_rows_counted_in_steps_are_samples(index):
    """From anywhere, every second, or as rounded milliseconds."""
    assert Recording.from_pandas(frame(index), 0.5).n_samples == 4


def test_missing_rows_come_back_as_the_refusal_says():
    whole = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)))
    counted = whole.drop(index=[7, 8]).reindex(range(0, 40))
    np.testing.assert_array_equal(
        np.isnan(Recording.from_pandas(counted, 0.1)["signal"]).any(axis=1).nonzero(), [[7, 8]]
    )
    times = whole.set_index(np.arange(40) / 30).drop(index=7 / 30)
    with pytest.raises(InputError, match=r"from sample 6 at 0\.2 s .* 1 sample is missing there; .*reindex"):
        Recording.from_pandas(times)
    grid = np.arange(40) / 30
    for mended in (
        Recording.from_pandas(times.reindex(grid, method="nearest", tolerance=1 / 60)),
        Recording.from_xarray(
            xr.DataArray(times.to_numpy(), dims=("time", "unit"), coords={"time": times.index.to_numpy()}).reindex(
                time=grid, method="nearest", tolerance=1 / 60
            )
        ),
    ):
        np.testing.assert_array_equal(np.isnan(mended["signal"]).any(axis=1).nonzero(), [[7]])


@pytest.mark.parametrize(
    ("units", "step"),
    [
        ("ms", 33.0),
        ("milliseconds", 33.0),
        ("us", 33e3),
        ("s", 0.033),
        ("Seconds", 0.033),
        ("ms since 2026-01-01", 33.0),
        ("min", 0.033 / 60),
        ("Minutes since 2026-01-01 12:00", 0.033 / 60),
        ("hr.", 0.033 / 3600),
        ("hours", 0.033 / 3600),
        ("days since 2026-01-01", 0.033 / 86400),
    ],
)
def test_a_time_coordinate_says_what_it_is_in(units, step):
    data = xr.DataArray(VALUES, dims=("time", "unit"), coords={"time": ("time", (2 + np.arange(4)) * step)})
    data["time"].attrs["units"] = units
    recording = Recording.from_xarray(data)
    assert (recording.dt, recording.t0) == (pytest.approx(0.033, rel=1e-12), pytest.approx(0.066))


def test_whole_minutes_are_seconds_without_a_question():
    """A time coordinate of integers, an image a minute: it says what it is of, so that a long step is no surprise."""
    data = xr.DataArray(VALUES, dims=("time", "unit"), coords={"time": ("time", np.arange(4), {"units": "minutes"})})
    assert Recording.from_xarray(data).dt == 60.0


@pytest.mark.parametrize("units", ["frames", "m", "months since 2026-01-01"])
def test_a_time_coordinate_in_what_is_no_time_is_refused(units):
    data = xr.DataArray(VALUES, dims=("time", "unit"), coords={"time": ("time", np.arange(4.0), {"units": units})})
    with pytest.raises(InputError, match=f"must be in d, h, min, s, ms, us or ns; .* units says {units!r}: convert"):
        Recording.from_xarray(data)


def test_xarray_round_trip_shares_memory():
    recording = Recording(
        {"v": np.random.default_rng(0).normal(size=(2, 50, 3)), "spikes": np.ones((2, 50, 3), np.uint8)},
        1 / 30,
        unit_ids=["a", "b", "c"],
        leading="trial",
        leading_ids=["x", "y"],
        t0=0.1,
        units_of_measure={"v": "mV"},
        provenance={"seed": 1},
    )
    data = recording.to_xarray()
    assert data["v"].dims == ("trial", "time", "unit")
    assert np.shares_memory(data["v"].values, recording["v"])
    assert data["v"].attrs["units"] == "mV"
    np.testing.assert_array_equal(data["time"], recording.times)
    back = Recording.from_xarray(data)
    assert back.identical(recording)
    assert np.shares_memory(back["v"], recording["v"])


def test_tensors_go_to_xarray_without_a_copy():
    tensor = torch.zeros(5, 2, requires_grad=True)
    data = Recording.from_array(tensor, 0.1).to_xarray()
    tensor.data[3, 1] = 7
    assert data["signal"].values[3, 1] == 7


def test_transposed_arrays_are_turned_by_name():
    data = xr.DataArray(VALUES.T, dims=("unit", "time"), coords={"time": [0.0, 0.1, 0.2, 0.3]}, name="v")
    recording = Recording.from_xarray(data)
    np.testing.assert_array_equal(recording["v"], VALUES)
    assert np.shares_memory(recording["v"], VALUES)
    assert recording.dt == pytest.approx(0.1)
    networks = xr.DataArray(np.zeros((3, 2, 4)), dims=("unit", "network", "time"))
    assert Recording.from_xarray(networks, 0.1).dims == ("network", "time", "unit")


def test_a_part_of_a_dataset_has_its_own_times():
    part = Recording.from_array(np.arange(20.0)[:, None], 0.1).to_xarray().isel(time=slice(5, None, 2))
    recording = Recording.from_xarray(part, dt=0.2)
    assert (recording.t0, recording.dt) == (0.5, 0.2)
    with pytest.raises(InputError, match=r"dt = 0.1 s does not agree with the time coordinate, whose step is 0.2 s"):
        Recording.from_xarray(part, dt=0.1)


def test_time_coordinates_of_other_kinds():
    for times in (pd.to_timedelta([500, 600, 700, 800], unit="ms"), pd.date_range("2026", periods=4, freq="100ms")):
        data = xr.DataArray(VALUES, dims=("time", "unit"), coords={"time": times})
        recording = Recording.from_xarray(data, name="v")
        assert recording.signal_names == ["v"]
        assert recording.dt == pytest.approx(0.1)
        assert recording.t0 == (0.5 if isinstance(times, pd.TimedeltaIndex) else 0.0)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (xr.DataArray(VALUES, dims=("time", "cell")), ShapeError, r"must have dims \('time', 'unit'\)"),
        (xr.DataArray(VALUES, dims=("t", "cell")), ShapeError, r"name them so, \.rename\(t='time', cell='unit'\)\."),
        (xr.DataArray(VALUES, dims=("dim_0", "dim_1")), ShapeError, r"got \('dim_0', 'dim_1'\)\."),
        (xr.DataArray(VALUES[None], dims=("epoch", "time", "unit")), ShapeError, r"\.rename\(epoch='trial'\)\."),
        (xr.DataArray(VALUES[None], dims=("run", "time", "unit")), ShapeError, "got .'run', 'time', 'unit'"),
        (
            xr.Dataset({"F": (("time", "unit"), VALUES), "speed": ("time", VALUES[:, 0])}),
            ShapeError,
            r"'speed' must have dims .*: choose data\['F'\]\.",
        ),
        (xr.DataArray(VALUES, dims=("time", "unit")), InputError, "dt must be given"),
        (xr.Dataset(), InputError, "at least one variable"),
        (VALUES, InputError, "must be an xarray DataArray or Dataset; got a ndarray"),
        (
            xr.DataArray(VALUES, dims=("time", "unit"), coords={"time": [0.0, 1.0, 2.0, 4.0]}),
            InputError,
            "the time coordinate must be regular",
        ),
    ],
)
def test_bad_xarray_objects_are_refused(data, kind, message):
    with pytest.raises(kind, match=message):
        Recording.from_xarray(data)


def test_anothers_provenance_is_kept():
    data = xr.Dataset({"v": (("time", "unit"), VALUES)}, attrs={"dt": 0.1, "provenance": "rig 3"})
    assert Recording.from_xarray(data).provenance == {"provenance": "rig 3"}
