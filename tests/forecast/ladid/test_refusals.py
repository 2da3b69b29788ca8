"""LaDID: what is refused, by name."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from synfer import Recording, Trajectories
from synfer.errors import InputError, ShapeError, SynferError, UnknownNameError
from synfer.forecast import copy_last, errors_by_horizon
from synfer.simulate import pendulum_system

from .conftest import small

X, T = np.random.default_rng(0).random((4, 8, 3)), np.arange(8.0)
FILMS = np.random.default_rng(0).random((4, 8, 20, 16))
HOLED = np.where(np.arange(8)[:, None] == 3, np.nan, X)

OF_THE_FIT = {
    "lengths": (lambda: small().fit(X, T[:7]), ShapeError, "trajectory 0 has 8 samples and 7 times"),
    "unsorted": (lambda: small().fit(X, T[::-1]), InputError, "times of trajectory 0 must increase"),
    "duplicate": (lambda: small().fit(X, np.maximum(T, 1)), InputError, "times of trajectory 0 must differ"),
    "NaN": (lambda: small().fit(HOLED, T), InputError, "X of trajectory 0 must be finite"),
    "one array": (lambda: small().fit(X[0], T), ShapeError, r"must be \(time, unit\)"),
    "one trajectory": (lambda: small().fit(X[:1], T), InputError, "at least 2 trajectories.* got 1: cut it into"),
    "beyond float32": (lambda: small().fit(1e200 * X), InputError, r"X must lie within 1e\+37, .* rescale it"),
    "too short": (lambda: small(n_context=8).fit(X, T), InputError, "samples, the shortest has 8"),
    "too short to query": (lambda: small(n_query=5).fit(X, T), InputError, r"n_context \+ n_query = 4 \+ 5"),
    "one long": (
        lambda: small(n_query=4).fit([X[0], X[1, :5], X[2, :5], X[3, :5]], [T, T[:5], T[:5], T[:5]]),
        InputError, "must be among those that are learnt from and",
    ),
    "sides": (lambda: small().fit(FILMS, T), ShapeError, "multiples of 16, got .20, 16."),
    "units through convolutions": (lambda: small(encoder="cnn").fit(X, T), ShapeError, "multiples of 16"),
    "no counts": (lambda: small(head="poisson").fit(X, T), InputError, "X must hold counts"),
    "no signal": (
        lambda: small().fit(Recording({"x": X, "y": X}, 0.1, leading="trial")), InputError, "signal must name one"
    ),
    "times beside its own": (lambda: small().fit(Trajectories(X, T), T), InputError, "times must be None"),
    "context": (lambda: small(n_context=0).fit(X, T), InputError, "n_context"),
    "dynamics": (lambda: small(dynamics="sde").fit(X, T), InputError, "dynamics"),
    "thinning": (lambda: small(thinning=1.0).fit(X, T), InputError, "thinning"),
    "share": (lambda: small(validation_fraction=1.0).fit(X, T), InputError, "validation_fraction"),
    "device": (lambda: small(device="nowhere").fit(X, T), InputError, "device must be one"),
    "a checkpoint of chance": (
        lambda: small(checkpoint="x.pt", random_state=None).fit(X, T), InputError, "random_state must be an int"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_THE_FIT)
def test_refused_by_fit(case):
    call, error, message = OF_THE_FIT[case]
    with pytest.raises(SynferError, match=message) as caught:
        call()
    assert type(caught.value) is error


OF_A_FORECAST = {
    "before the context": (lambda m, c: m.predict(c, [-0.1, 1.0]), InputError, "begins at 0 s in .* 0; got -0.1"),
    "unsorted": (lambda m, c: m.predict(c, [2.0, 1.0]), InputError, "times must increase, got 1 after 2: sort them.$"),
    "duplicate": (lambda m, c: m.predict(c, [1.0, 1.0]), InputError, "times must differ, got 1 twice"),
    "NaN times": (lambda m, c: m.predict(c, [1.0, np.nan]), InputError, "times must be finite, .*: leave them out.$"),
    "none": (lambda m, c: m.predict(c, np.zeros(0)), ShapeError, "at least one time"),
    "empty of one": (lambda m, c: m.predict(c[:2], [[1.0], []]), ShapeError, "at least one time"),
    "of others": (lambda m, c: m.predict(c, [[1.0]] * 3), ShapeError, "of each of 12 realisations; got 3"),
    "one number": (lambda m, c: m.predict(c, 1.0), InputError, "times must be"),
    "text": (lambda m, c: m.predict(c, ["a"]), InputError, "times must be numbers"),
    "shape": (lambda m, c: m.predict([v[:, :2] for v in c.values], [1.0], c.times), ShapeError, r"\(3,\), got \(2,\)"),
    "NaN": (lambda m, c: m.predict([v + np.nan for v in c.values], [1.0], c.times), InputError, "must be finite"),
    "lengths": (lambda m, c: m.predict(c.values, [1.0], c.times[0][:2]), ShapeError, "4 samples and 2 times"),
    "context without times": (lambda m, c: m.predict(c.values, [1.0]), InputError, "context_times must be given"),
    "one context": (
        lambda m, c: m.predict(c.values[0], [1.0], T[:4]), ShapeError, r"context must .* trajectory is given as \[cont"
    ),
    "a wild context": (lambda m, c: m.predict(1e99 * X, [9.0], T), InputError, "context must lie within"),
    "transfer without times": (lambda m, c: m.transfer(c.values), InputError, "^times must be given, .* got None"),
    "score of short ones": (lambda m, c: m.score(c), InputError, "more than n_context = 4 samples"),
    "transfer from one": (lambda m, c: m.transfer(c[0]), InputError, "at least 2 trajectories"),
    "transfer from short ones": (lambda m, c: m.transfer(c), InputError, r"= 4 \+ 6 .*: give longer ones, or fit with"),
    "transfer of what": (lambda m, c: m.transfer(c, refit="dynamics"), UnknownNameError, "refit 'dynamics'"),
    "transfer to other shapes": (
        lambda m, c: m.transfer([v[:, :2] for v in c.values], c.times), ShapeError, r"\(3,\), got \(2,\)"
    ),
    "epochs": (lambda m, c: m.transfer(c, max_epochs=0), InputError, "max_epochs"),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_A_FORECAST)
def test_refused_by_a_fitted_model(fitted, points, case):
    call, error, message = OF_A_FORECAST[case]
    with pytest.raises(SynferError, match=message) as caught:
        call(fitted, points.isel(time=slice(4)))
    assert type(caught.value) is error


def test_one_recording_is_cut_as_the_message_says():
    one = Trajectories.of(Recording.from_array(np.concatenate(X), 0.1))
    cut = Trajectories.of([one.isel(time=slice(k, k + 8)) for k in range(0, 32, 8)])
    np.testing.assert_array_equal(cut.to_array(), X)


def test_a_fit_without_times_takes_none(fitted, points):
    untimed = copy.copy(fitted)
    untimed.timed_ = False
    with pytest.raises(InputError, match=r"context must be arrays and context_times None, .* got a Trajectories\."):
        untimed.predict(points, [1.0])


def test_a_failed_fit_leaves_no_answer_standing(points):
    with pytest.warns(match="had not come to rest"):
        model = small(max_epochs=1).fit(points)
    with pytest.raises(InputError):
        model.fit(HOLED, T)
    assert not hasattr(model, "model_") and not hasattr(model, "residual_variance_")


def test_not_fitted(points):
    from sklearn.exceptions import NotFittedError

    for call in (lambda m: m.predict(points, [1.0]), lambda m: m.save("x"), lambda m: m.transfer(points)):
        with pytest.raises(NotFittedError):
            call(small())


def test_what_explodes_is_said_and_leaves_no_answer_standing():
    from sklearn.exceptions import NotFittedError

    from synfer.errors import FitDivergedError

    films, model = pendulum_system(4, 8, size=16), small(learning_rate=1e30, encoder="mlp")
    with pytest.raises(FitDivergedError, match="loss of initialisation 0"):
        model.fit(films)
    with pytest.raises(NotFittedError):
        model.predict(films.isel(time=slice(4)), [0.2])


OF_ERRORS = {
    "shapes": (np.zeros((2, 3)), np.zeros((2, 4)), {}, ShapeError, "must both be"),
    "NaN": (np.full((2, 3), np.nan), np.ones((2, 3)), {}, InputError, "must be finite"),
    "text": (np.array([["a"]]), np.ones((1, 1)), {}, InputError, "forecast must be an array of numbers; got"),
    "trajectories": (X, Trajectories(X, T), {}, InputError, r"truth must be .* got Trajectories: call its to_array"),
    "text for confidence": (
        np.ones((2, 3)),
        np.ones((2, 3)),
        {"confidence": "x"},
        InputError,
        "finite number; got 'x'",
    ),
    "confidence": (np.ones((2, 3)), np.ones((2, 3)), {"confidence": 95}, InputError, "between 0 and 1"),
}


@pytest.mark.parametrize("case", OF_ERRORS)
def test_refused_by_errors_by_horizon(case):
    forecast, truth, options, error, message = OF_ERRORS[case]
    with pytest.raises(error, match=message):
        errors_by_horizon(forecast, truth, **options)


def test_the_last_sample_of_whatever_holds_contexts():
    recording = Recording.from_array(X, 0.1)
    for contexts in (X, torch.from_numpy(X), recording, Trajectories(X, T)):
        np.testing.assert_array_equal(copy_last(contexts, 2), np.stack([X[:, -1]] * 2, axis=1))


@pytest.mark.parametrize(
    ("contexts", "n_queries", "message"),
    [
        (X, -3, "n_queries must be an integer of at least 1; got -3"),
        (X, 3.5, "n_queries must be an integer .* got 3.5"),
        (X, "3", "n_queries must be an integer .* got '3'"),
        (X[0], 3, r"contexts must be a sequence of trajectories, .* is given as \[contexts\]"),
    ],
)
def test_refused_by_copy_last(contexts, n_queries, message):
    with pytest.raises(InputError, match=message):
        copy_last(contexts, n_queries)
