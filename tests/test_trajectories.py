"""Trajectories: held as given, converted from what holds realisations, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from synfer import Recording, Trajectories
from synfer.errors import InputError, ShapeError, SynferError

TWO = Trajectories(
    [np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(4, 2)],
    [[0, 1, 2], [0.0, 0.1, 0.5, 0.6]],
    parameters={"F": [1.0, 2.0]},
    states=[np.zeros((3, 1)), np.ones((4, 1))],
)


def test_parts_keep_what_belongs_to_them():
    last = TWO[-1].isel(time=slice(1, 3))
    assert last.lengths == (2,) and last.parameters["F"] == [2.0] and (last.states[0] == 1).all()
    assert np.array_equal(last.times[0], [0.1, 0.5]) and np.array_equal(last.values[0], [[2, 3], [4, 5]])
    assert len(TWO[[True, False]]) == 1 and TWO[np.array([1, 0])].lengths == (4, 3)
    assert [part.lengths for part in TWO] == [(3,), (4,)]
    assert TWO.isel(time=[0, 2]).to_array().shape == (2, 2, 2)


def test_of_arrays_recordings_and_parts():
    array = np.random.default_rng(0).random((3, 5, 2)).astype(np.float32)
    plain = Trajectories.of(array)
    assert plain.values[0].dtype == np.float32 and np.array_equal(plain.times[2], np.arange(5))
    timed = Trajectories.of(array, np.linspace(0, 1, 5))
    assert np.array_equal(timed.times[1], np.linspace(0, 1, 5)) and Trajectories.of(timed) is timed
    recording = Recording({"x": array, "y": array + 1}, 0.1, leading="trial", t0=2.0)
    of_recording = Trajectories.of(recording, signal="y")
    assert np.allclose(of_recording.times[0], 2.0 + 0.1 * np.arange(5)) and (of_recording.values[0] >= 1).all()
    assert len(Trajectories.of(recording.isel(trial=0), signal="x")) == 1
    again = Trajectories.of([timed[0], timed[1:]])
    assert len(again) == 3 and np.array_equal(again.to_array(), array)
    with pytest.raises(InputError, match="signal must name one"):
        Trajectories.of(recording)
    with pytest.raises(InputError, match="times must be None"):
        Trajectories.of(timed, [0.0])


X = np.zeros((2, 3, 4))
REFUSED = {
    "lengths": (lambda: Trajectories(X, np.arange(4.0)), ShapeError, "3 samples and 4 times"),
    "numbers": (lambda: Trajectories(X, [[0, 1, 2]] * 3), ShapeError, "as many trajectories as values, 2"),
    "unsorted": (lambda: Trajectories(X, [0.0, 2.0, 1.0]), InputError, "1 after 2: sort them, and their samples"),
    "duplicate": (lambda: Trajectories(X, [0.0, 1.0, 1.0]), InputError, "must differ, got 1 twice"),
    "times NaN": (lambda: Trajectories(X, [0.0, np.nan, 1.0]), InputError, "times of trajectory 0 must be finite"),
    "NaN": (lambda: Trajectories([X[0], X[1] + np.inf], np.arange(3)), InputError, "values of trajectory 1 must be"),
    "infinities of an array": (lambda: Trajectories.of(X + np.inf), InputError, "X of trajectory 0 must be finite"),
    "shapes": (lambda: Trajectories([X[0], X[1, :, :2]], np.arange(3)), ShapeError, "samples of one shape"),
    "vectors": (lambda: Trajectories(X[0], np.arange(3)), ShapeError, "must be .time, unit."),
    "one array": (
        lambda: Trajectories.of(X[0]), ShapeError, r"X must be a sequence .* single trajectory is given as \[X\]"
    ),
    "scalars": (lambda: Trajectories.of(X[0, 0], name="context"), ShapeError, "context must .* got ()"),
    "a table": (lambda: Trajectories.of(pd.DataFrame(X[0])), InputError, r"DataFrame: give its rows, \[X.to_numpy"),
    "a dict": (lambda: Trajectories.of({"a": X[0]}), InputError, r"got a dict: give list\(X.values\(\)\)"),
    "a word": (lambda: Trajectories.of("ab"), InputError, "X must be a sequence of arrays, .* got a str."),
    "recordings": (
        lambda: Trajectories.of([Recording.from_array(X[0], 0.1)] * 2), InputError,
        r"got a Recording: join several by Trajectories.of\(\[Trajectories.of",
    ),
    "a recording for values": (
        lambda: Trajectories(Recording.from_array(X[0], 0.1), [0.0]), InputError, r"take Trajectories.of\(values\)"
    ),
    "text": (lambda: Trajectories([["a"]], [0]), InputError, "must be numbers"),
    "no sequence": (lambda: Trajectories(3, [0]), InputError, "sequence of arrays"),
    "none": (lambda: Trajectories([], [0]), InputError, "at least one"),
    "times in two axes": (lambda: Trajectories(X, np.zeros((2, 3, 1))), ShapeError, "must be .time,"),
    "parameters": (lambda: Trajectories(X, np.arange(3), parameters={"F": [1]}), ShapeError, "'F'"),
    "no parameters": (lambda: Trajectories(X, np.arange(3), parameters=3), InputError, "mapping of names .* got a int"),
    "states": (lambda: Trajectories(X, np.arange(3), states=[X[0]]), ShapeError, "states"),
    "numbers for states": (lambda: Trajectories(X, np.arange(3), states=[1, 2]), ShapeError, "states must have a row"),
    "outside": (lambda: TWO[2], InputError, "positions among 2"),
    "nothing left": (lambda: TWO.isel(time=slice(4, None)), InputError, "nothing is left"),
    "unequal": (TWO.to_array, ShapeError, "3 to 4 samples"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, error, message = REFUSED[case]
    with pytest.raises(SynferError, match=message) as caught:
        call()
    assert type(caught.value) is error


def test_several_recordings_are_joined_as_the_message_says():
    recordings = [Recording.from_array(X[0], 0.1), Recording.from_array(X[1], 0.2)]
    joined = Trajectories.of([Trajectories.of(one) for one in recordings])
    assert len(joined) == 2 and np.allclose(joined.times[1], [0.0, 0.2, 0.4])
