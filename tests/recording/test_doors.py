"""What a newcomer may hand over by mistake: refused by synfer's own errors, in one sentence that names the argument."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr

from synfer.discover import CrossCorrelation, Synformer
from synfer.errors import InputError, OrientationWarning
from synfer.recording import Recording

X = np.zeros((5, 2))
FRAME = pd.DataFrame(X)
LABELLED = xr.DataArray(X, dims=("time", "unit"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recording({"v": X}, dt="a"), "dt must be positive seconds, a number; got 'a'"),
        (lambda: Recording({"v": X}, dt=None), "dt must be positive seconds, a number; got a NoneType"),
        (lambda: Recording({"v": X}, dt=[1, 2]), "dt must be positive seconds, a number; got a list"),
        (lambda: Recording({"v": X}, 1.0, t0="b"), "t0 must be finite seconds, a number; got 'b'"),
        (lambda: Recording({"v": [[1.0], [1.0, 2.0]]}, 1.0), "signal 'v' must be an array, or lists of equal lengths"),
        (lambda: Recording({"v": X}, 1.0, unit_ids=2), r"unit_ids must have shape \(2,\)"),
        (lambda: Recording({"v": X}, 1.0, unit_ids=[[0], [0, 1]]), "unit_ids must be an array, or lists of equal"),
        (lambda: Recording({"v": X}, 1.0, unit_ids=[2**70, 1]), "unit_ids must fit into 64 bits"),
        (lambda: Recording({"v": X}, 1.0, units_of_measure="mV"), "units_of_measure must be a dict .* got a str"),
        (lambda: Recording({"v": X}, 1.0, provenance=["here"]), "provenance must be a dict .* got a list"),
        (lambda: Recording({"v": X}, 1.0, leading=3), "leading axis must be one of 'trial', 'network'"),
        (lambda: Recording.from_array(X, "1 ms"), "dt must be positive seconds, a number; got '1 ms'"),
        (lambda: Recording.from_pandas(FRAME, "a"), "dt must be positive seconds, a number"),
        (lambda: Recording.from_pandas(FRAME.set_index(FRAME.index * 0.1), "a"), "dt must be positive seconds"),
        (lambda: Recording.from_pandas(FRAME.set_index(FRAME.index * 0.1), -0.1), "dt must be positive seconds"),
        (lambda: Recording.from_pandas(FRAME, 0.1, name=3), "a signal's name must be an identifier"),
        (lambda: Recording.from_pandas(X, 0.1), "frame must be a pandas DataFrame; got a ndarray"),
        (lambda: Recording.from_xarray(X, 0.1), "data must be an xarray DataArray or Dataset; got a ndarray"),
        (lambda: Recording.from_xarray(LABELLED, "a"), "dt must be positive seconds"),
        (lambda: Recording.from_xarray(LABELLED.assign_coords(time=list("abcde"))), "time coordinate must be real"),
        (lambda: Recording.from_xarray(LABELLED.to_dataset(name="v").assign_attrs(t0="x", dt=1.0)), "attribute t0"),
        (lambda: Recording({"v": X}, 1.0).isel(time=slice("a", "b")), "time must be a slice of whole numbers"),
        (lambda: Recording({"v": X}, 1.0).isel(time=slice(0, 2, 0)), "time must be a slice of whole numbers"),
        (lambda: Recording({"v": X}, 1.0).isel(unit=slice("a", None)), "unit must be a slice of whole numbers"),
        (lambda: Recording({"v": X}, 1.0).isel(unit=[[0], [0, 1]]), "unit must be an array, or lists of equal"),
        (lambda: Recording({"v": X}, 1.0).sel(unit={"a": 1}), "unit: .* not found"),
        (lambda: Recording({"v": X}, 1.0, unit_ids=["a", "b"]).sel(unit=["a", 1]), "unit: '1' not found"),
        (lambda: Recording({"v": X}, 1.0).sel(time=slice(10**400, None)), "time must be a slice of seconds"),
        (lambda: Recording.from_spikes([0.1], [0], 0.1, n_units=10**30), "n_units: memory does not hold labels"),
        (lambda: Recording.load(3), "path must be a path or its name; got a int"),
        (lambda: Recording({"v": X}, 1.0).save(None), "path must be a path or its name; got a NoneType"),
    ],
)
def test_what_is_no_recording_is_refused_by_name(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_signals_to_load_are_names(tmp_path):
    Recording({"v": X}, 1.0).save(tmp_path / "r.nc")
    with pytest.raises(InputError, match="signals must be a list of names; got a int"):
        Recording.load(tmp_path / "r.nc", signals=3)


@pytest.mark.parametrize(
    "make",
    [
        lambda name: Recording.from_array(X, 0.1, name=name),
        lambda name: Recording.from_pandas(FRAME, 0.1, name=name),
        lambda name: Recording.from_xarray(LABELLED, 0.1, name=name),
    ],
)
@pytest.mark.parametrize("name", [["v"], {}, None, 3])
def test_names_are_text(make, name):
    with pytest.raises(InputError, match="a signal's name must be an identifier such as 'v'; got a"):
        make(name)


@pytest.mark.parametrize("leading", [3, ["trial"], X])
def test_leading_is_text(leading):
    with pytest.raises(InputError, match="leading axis must be one of 'trial', 'network'; got a"):
        Recording({"v": np.zeros((2, 5, 2))}, 1.0, leading=leading)


@pytest.mark.parametrize(
    ("shape", "leading"),
    [
        ((10, 1000), None),
        ((49, 500), None),
        ((300, 3001), None),
        ((3, 10, 500), "trial"),
        ((99, 9, 500), "network"),
        ((200, 1800), None),
        ((350, 10_000), None),
        ((800, 20_000), None),
    ],
)
def test_an_array_that_lies_on_its_side_is_warned_of(shape, leading):
    about = {} if leading is None else {"leading": leading}
    n_samples = shape[-2] * (shape[0] if leading == "trial" else 1)
    with pytest.warns(
        OrientationWarning, match=f"{shape[-1]} units and {n_samples} samples: .* transpose it"
    ) as caught:
        Recording.from_array(np.zeros(shape, np.int8), 1e-3, **about)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("shape", "leading"),
    [
        ((10, 499), None),
        ((50, 500), None),
        ((999, 1000), None),
        ((1500, 1500), None),
        ((20, 10, 500), "trial"),
        ((1000, 10), None),
    ],
)
def test_an_array_that_may_well_be_meant_so_is_not(shape, leading):
    """Few seconds of some hundred units; minutes of more; short trials."""
    Recording.from_array(np.zeros(shape, np.int8), 1e-3, **({} if leading is None else {"leading": leading}))


def test_a_matrix_of_matlab_and_a_table_are_looked_at_too(tmp_path):
    x = np.zeros((200, 1800))
    scipy.io.savemat(tmp_path / "x.mat", {"x": x})
    for read in (
        lambda: Recording.from_matlab(tmp_path / "x.mat", dt=0.1),
        lambda: Recording.from_file(tmp_path / "x.mat", dt=0.1),
        lambda: Recording.from_pandas(pd.DataFrame(x), 0.1),
    ):
        with pytest.warns(OrientationWarning, match="1800 units and 200 samples: .* transpose it") as caught:
            read()
        assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", OrientationWarning)
        Recording.from_matlab(tmp_path / "x.mat", dt=0.1, units_first=True)
        Recording.from_pandas(pd.DataFrame(x, index=np.arange(200) * 0.1))  # its rows are times


def test_several_recordings_are_no_one_recording():
    one = Recording.from_array(np.random.default_rng(0).normal(size=(50, 2)), 0.1)
    with pytest.raises(InputError, match="X must be one Recording, got a list of 2: fit one at a time, or give trials"):
        CrossCorrelation(max_lag=1).fit([one, one])


def test_an_array_of_a_file_is_looked_at_too_and_an_estimator_does_not_say_it_again(tmp_path):
    x = np.random.default_rng(0).normal(size=(600, 20))
    np.save(tmp_path / "x.npy", x.T)
    for read in (Recording.from_file, Recording.from_npz):
        with pytest.warns(OrientationWarning, match="600 units and 20 samples") as caught:
            made = read(tmp_path / "x.npy", dt=0.1)
        assert len(caught) == 1 and caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error", OrientationWarning)
            read(tmp_path / "x.npy", dt=0.1, time=slice(0.0, 1.0))
            assert read(tmp_path / "x.npy", dt=0.1, units_first=True).shape == (600, 20)
            CrossCorrelation(max_lag=1, n_surrogates=0).fit(made)
    with pytest.warns(OrientationWarning, match=r"more units \(600\) than samples \(20\)"):
        CrossCorrelation(max_lag=1, n_surrogates=0).fit(Recording({"x": x.T}, 0.1))


def test_the_ways_that_a_refusal_of_missing_samples_names_are_ones():
    x = np.random.default_rng(0).normal(size=(200, 2))
    x[50:53, 0] = np.nan
    with pytest.raises(InputError, match=r"at time index 50: interpolate it .* or fit Synformer, which takes missing"):
        CrossCorrelation(max_lag=1).fit(x)
    CrossCorrelation(max_lag=1).fit(pd.DataFrame(x).interpolate())
    labelled = xr.DataArray(x, dims=("time", "unit"), coords={"time": np.arange(200) * 0.1})
    CrossCorrelation(max_lag=1).fit(labelled.interpolate_na("time"))
    small = Synformer(1, n_steps=5, hidden=4, random_state=0)
    assert small.fit(Recording.from_array(x, 0.1)).connectome_.n_units == 2
    x[60, 1] = np.inf
    with pytest.raises(InputError, match="got inf in unit 1 at time index 60: mark it as missing, NaN"):
        small.fit(Recording.from_array(x, 0.1))
