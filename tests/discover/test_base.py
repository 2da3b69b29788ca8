"""The way in: what is accepted, untouched and uncopied, and what is refused, in which words."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from sklearn.base import clone

from synfer.connectome import Connectome
from synfer.discover import CrossCorrelation, _checks
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.errors import InputError, OrientationWarning, ShapeError, SynferError, UnknownNameError
from synfer.recording import Recording


class Listener(BaseDiscoverer):
    """Keeps what it is given; its connectome is all ones."""

    _parameter_constraints = {"depth": [int], "random_state": ["random_state"]}  # noqa: RUF012

    def __init__(self, depth: int = 1, random_state=None) -> None:
        self.depth = depth
        self.random_state = random_state

    def _min_samples(self, n_units: int) -> int:
        return 4

    def _discover(self, samples: Samples) -> Connectome:
        self.samples_ = samples
        if self.depth < 0:
            raise InputError("depth must be at least 0.")
        return self._connectome(samples, np.ones((samples.n_units, samples.n_units)))


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((60, 4))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_not_copied(x, dtype, order):
    x = np.asarray(x, dtype=dtype, order=order)
    (segment,) = Listener().fit(x).samples_.segments
    assert np.shares_memory(segment, x)
    assert segment.dtype == dtype


def test_a_recording_is_not_copied_and_labels_the_result(x):
    recording = Recording({"v": x}, dt=1e-3, unit_ids=["a", "b", "c", "d"], t0=2.0)
    estimator = Listener(random_state=7).fit(recording)
    samples = estimator.samples_
    assert np.shares_memory(samples.segments[0], x)
    assert (samples.dt, samples.signal, samples.t0s) == (1e-3, "v", [2.0])
    found = estimator.connectome_
    assert list(found.score.coords["target"]) == ["a", "b", "c", "d"]
    assert (found.method, found.seed, found.dt) == ("Listener", 7, 1e-3)
    assert found.parameters == {"depth": 1, "random_state": 7}
    assert list(estimator.unit_ids_) == ["a", "b", "c", "d"]
    assert estimator.n_features_in_ == 4


def test_trials_are_segments(x):
    samples = Listener().fit(Recording({"v": x.reshape(3, 20, 4)}, dt=1e-3)).samples_
    assert [segment.shape for segment in samples.segments] == [(20, 4)] * 3
    assert (samples.n_samples, samples.n_units) == (60, 4)
    np.testing.assert_array_equal(samples.segments[1], x[20:40])


@pytest.mark.parametrize(
    ("given", "held"),
    [("uint8", "float32"), ("bool", "float32"), ("int16", "float32"), ("int64", "float64"), (">f8", "float64")],
)
def test_numbers_become_floats_that_hold_them(given, held):
    counts = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(given)
    (segment,) = Listener().fit(counts).samples_.segments
    assert segment.dtype == np.dtype(held)
    np.testing.assert_array_equal(segment, counts)


def test_frames_tensors_and_labelled_arrays_are_read(x):
    frame = pd.DataFrame(x, columns=["a", "b", "c", "d"])
    estimator = Listener().fit(frame)
    assert list(estimator.unit_ids_) == ["a", "b", "c", "d"]
    assert list(estimator.feature_names_in_) == ["a", "b", "c", "d"]
    labelled = xr.DataArray(x.T, dims=("unit", "time"), coords={"unit": [3, 1, 4, 5]})
    np.testing.assert_array_equal(Listener().fit(labelled).samples_.segments[0], x)
    assert list(Listener().fit(labelled).unit_ids_) == [3, 1, 4, 5]
    np.testing.assert_array_equal(Listener().fit(torch.from_numpy(x)).samples_.segments[0], x)
    timed = Recording({"v": x}, dt=2e-3).to_xarray()
    assert Listener().fit(timed).samples_.dt == pytest.approx(2e-3)
    assert Listener().fit(timed["v"]).samples_.dt == pytest.approx(2e-3)


def test_a_signal_must_be_named_where_there_are_several(x):
    recording = Recording({"v": x, "u": x + 1}, dt=1e-3)
    with pytest.raises(InputError, match=r"signal must be named .* \['v', 'u'\]"):
        Listener().fit(recording)
    np.testing.assert_array_equal(Listener().fit(recording, signal="u").samples_.segments[0], x + 1)
    with pytest.raises(UnknownNameError, match="'vv' does not exist"):
        Listener().fit(recording, signal="vv")
    with pytest.raises(InputError, match="name of one of the Recording's signals"):
        Listener().fit(recording, np.zeros(60))


def test_an_array_s_second_argument_is_scikit_learn_s_y(x):
    assert Listener().fit(x, np.arange(60)).samples_.signal is None


def test_a_batch_of_networks_is_refused(x):
    with pytest.raises(ShapeError, match=r"one network.*isel\(network=0\)"):
        Listener().fit(Recording({"v": x.reshape(3, 20, 4)}, dt=1e-3, leading="network"))


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf")])
def test_the_first_unclean_sample_is_named(x, value, name, monkeypatch):
    monkeypatch.setattr(_checks, "BLOCK", 28)  # 7 rows a block
    x[45, 2] = x[50, 0] = value
    with pytest.raises(InputError, match=f"got {name} in unit 2 at time index 45: "):
        Listener().fit(x)
    with pytest.raises(InputError, match=f"got {name} in unit 2 at time index 5 of trial 2"):
        Listener().fit(Recording({"v": x.reshape(3, 20, 4)}, dt=1e-3))


def test_constant_units_are_refused_by_name(x):
    x[:, [1, 3]] = 5.0
    with pytest.raises(InputError, match="constant samples in units b, d"):
        Listener().fit(pd.DataFrame(x, columns=["a", "b", "c", "d"]))


def test_duplicated_units_are_refused_by_name(x, monkeypatch):
    monkeypatch.setattr(_checks, "BLOCK", 28)
    x[:, 3] = x[:, 1]
    with pytest.raises(InputError, match="identical samples in units 1, 3"):
        Listener().fit(x)
    with pytest.raises(InputError, match="must be distinct: 'a' occurs more than once"):
        Listener().fit(pd.DataFrame(x, columns=["a", "a", "c", "d"]))


@pytest.mark.parametrize("columns", [[0.5, 1.5, 2.5, 3.5], [("a", 1), ("a", 2), ("b", 1), ("b", 2)], ["a", "b", 3, 4]])
def test_labels_that_no_connectome_takes_are_refused_before_the_work(x, columns):
    frame = pd.DataFrame(x)
    frame.columns = pd.Index(columns, tupleize_cols=False)
    estimator = Listener()
    with pytest.raises(InputError, match="must be all integers or all strings"):
        estimator.fit(frame)
    assert not hasattr(estimator, "samples_")  # _discover was not called
    with pytest.raises(InputError, match="must be all integers or all strings"):
        Listener().fit(x)._read(frame)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("scale", "offset"), [(2.0, 1.0), (-0.3, 5.0), (1e-3, 0.0)])
def test_a_unit_that_is_another_one_rescaled_is_refused_by_name(dtype, scale, offset):
    x = np.random.default_rng(0).standard_normal((9000, 6))
    x[:, 4] = scale * x[:, 1] + offset
    with pytest.raises(InputError, match="the same samples but for scale and offset in units 1, 4"):
        Listener().fit(x.astype(dtype))
    x[-1, 4] += 0.1 * abs(scale)
    Listener().fit(x.astype(dtype))


def test_rescaled_units_are_found_across_blocks_and_trials_without_a_copy_of_the_samples(monkeypatch):
    monkeypatch.setattr(_checks, "BLOCK", 1 << 12)
    x = np.random.default_rng(0).standard_normal((200, 15, 100))
    x[..., 71] = 3.0 - x[..., 2]
    low, high = x.min((0, 1)), x.max((0, 1))
    tracemalloc.start()
    try:
        for segments in (list(x), [x.reshape(-1, 100)]):
            assert list(_checks._rescaled(segments, low, high)) == [[2, 71]]
        assert tracemalloc.get_traced_memory()[1] < x.nbytes / 4
    finally:
        tracemalloc.stop()


def test_units_that_differ_late_are_no_duplicates(monkeypatch):
    monkeypatch.setattr(_checks, "BLOCK", 20)
    spikes = np.zeros((60, 3))
    spikes[40, 0] = spikes[59, 1] = spikes[58, 2] = 1
    assert Listener().fit(spikes).connectome_.n_units == 3


def test_one_unit_and_too_few_samples_are_refused(x):
    with pytest.raises(InputError, match=r"X holds 1 feature\(s\) \(shape=\(60, 1\)\)"):
        Listener().fit(x[:, :1])
    with pytest.raises(InputError, match=r"at least 4 samples for 2 units .* got n_samples=3"):
        Listener().fit(x[:3, :2])
    with pytest.raises(ShapeError, match=r"shape \(time, unit\), got \(60,\)"):
        Listener().fit(x[:, 0])


def test_more_units_than_samples_is_warned_of(x):
    with pytest.warns(OrientationWarning, match=r"more units \(60\) than samples \(4\)"):
        Listener().fit(x.T)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Listener().fit(x)


@pytest.mark.parametrize("bad", [np.array([["a", "b"]] * 9), np.ones((9, 2)) * 1j, [[1.0, 2.0], [3.0]], None])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(SynferError):
        Listener().fit(bad)


@pytest.mark.parametrize("bad", [{}, object(), [[object(), 1.0]] * 5, 10**400])
def test_what_is_no_array_is_refused_as_scikit_learn_does(bad):
    with pytest.raises(InputError, match="X must hold numbers"):
        Listener().fit(bad)


def test_parameters_are_checked_in_fit_and_unknown_ones_named(x):
    with pytest.raises(InputError, match="'depth' parameter of Listener"):
        Listener(depth="deep").fit(x)
    with pytest.raises(UnknownNameError, match="did you mean 'depth'"):
        Listener().set_params(dept=2)
    assert clone(Listener().set_params(depth=2)).depth == 2


def test_a_failed_fit_leaves_no_earlier_answer(x):
    estimator = Listener().fit(x)
    with pytest.raises(InputError):
        estimator.set_params(depth=-1).fit(x)
    assert not hasattr(estimator, "connectome_")


def test_held_out_samples_may_be_flat_but_must_fit(x):
    estimator = Listener().fit(pd.DataFrame(x[:, :3], columns=["a", "b", "c"]))
    estimator._read(pd.DataFrame(np.zeros((2, 3)), columns=["a", "b", "c"]))
    with pytest.raises(ShapeError, match="feature names"):
        estimator._read(pd.DataFrame(x[:, :3], columns=["a", "c", "b"]))
    plain = Listener().fit(x)
    with pytest.raises(ShapeError, match="X has 3 features, but Listener is expecting 4"):
        plain._read(x[:, :3])
    with pytest.raises(InputError, match="finite"):
        plain._read(np.full((5, 4), np.nan))


def test_the_fitted_signal_is_read_again(x):
    recording = Recording({"v": x, "u": x + 1}, dt=1e-3)
    estimator = Listener().fit(recording, signal="u")
    np.testing.assert_array_equal(estimator._read(recording).segments[0], x + 1)
    np.testing.assert_array_equal(estimator._read(recording.to_xarray()).segments[0], x + 1)


def test_an_answer_that_is_no_connectome_is_the_subclass_s_fault(x):
    class Careless(BaseDiscoverer):
        def _discover(self, samples):
            return np.ones((samples.n_units, samples.n_units))

    for fit in (Careless().fit, lambda x: Careless()._fit_samples(Careless()._read(x, reset=True))):
        with pytest.raises(
            TypeError, match=r"Careless._discover must give a Connectome, got ndarray: self._connectome"
        ):
            fit(x)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_nothing_is_said_of_a_unit_and_itself(x, dtype):
    given = np.ones((2, 4, 4), dtype=dtype)

    class Whole(Listener):
        def _discover(self, samples):
            weight, score = given
            return self._connectome(samples, score, weight=weight, converged=True)

    found = Whole().fit(x).connectome_
    for field in (found.score.values, found.weight.values):
        assert np.array_equal(np.isnan(field), np.eye(4, dtype=bool)) and np.nanmin(field) == 1.0
    assert (given == 1).all()  # the subclass's own arrays stay as they are
    assert found.score.dtype == (np.float32 if dtype == np.float32 else np.float64)


def test_sparse_counts_that_meet_by_chance_are_two_units():
    x = np.zeros((400, 4))
    x[100, 0], x[100, 1], x[200, 2], x[300, 3] = 1.0, 2.0, 1.0, 1.0
    CrossCorrelation(max_lag=1, n_surrogates=0).fit(x)
