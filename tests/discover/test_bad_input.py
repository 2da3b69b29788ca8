"""What no method can make sense of is refused or warned of by name, whichever method it is."""

import warnings

import numpy as np
import pytest

from synfer import Recording
from synfer.discover import METHODS, create
from synfer.errors import (
    ConstantSegmentWarning,
    InputError,
    NonStationaryWarning,
    NotConvergedWarning,
    SynferError,
    SynferWarning,
    UnitRootWarning,
)

QUICK = {
    "causalformer": {"n_init": 1, "window": 2, "d_model": 8, "n_heads": 2, "d_head": 4, "d_hidden": 8, "max_epochs": 1},
    "componentwise_gc": {"n_hidden": 3, "max_epochs": 4},
    "convergent_cross_mapping": {"E": 2, "n_libraries": 2, "n_surrogates": 19},
    "cross_correlation": {"max_lag": 2, "n_surrogates": 19},
    "cross_correlogram": {"max_lag": 3},
    "conditional_granger": {"lag": 2},
    "event_regression": {"lags": 1, "degree": 1, "time_constants": ()},
    "grngc": {"backbone": "mlp", "max_epochs": 4},
    "jacobian_gc": {"n_hidden": 4, "max_epochs": 4},
    "mask2cause": {"d_model": 8, "n_heads": 2, "max_epochs": 1},
    "mvgc": {"lag": 2},
    "netformer": {"d_embedding": 4, "max_epochs": 1},
    "pairwise_granger": {"lag": 2},
    "spike_glm": {"window": 5, "n_basis": 2},
    "synformer": {"n_init": 1, "hidden": 2, "window": 1, "value_window": 1, "time_constants": (2.0,), "n_steps": 2},
    "transfer_entropy": {"lag": 2},
}
SPIKES = ("cross_correlogram", "event_regression", "spike_glm")
TAKE_DRIFT = ("cross_correlogram", "netformer")
AUTOREGRESSIVE = ("conditional_granger", "mvgc", "pairwise_granger", "transfer_entropy")
TOO_LONG = {  # a lag, or a window, of more samples than there are
    "causalformer": {"window": 500},
    "conditional_granger": {"lag": 500},
    "convergent_cross_mapping": {"E": 500},
    "cross_correlogram": {"max_lag": 500},
    "cross_correlation": {"max_lag": 500},
    "event_regression": {"lags": 500},
    "mask2cause": {"window": 500},
    "netformer": {"window": 500},
    "spike_glm": {"window": 500},
    "synformer": {"window": 500},
}


def method(name, **parameters):
    estimator = create(name, **{**QUICK.get(name, {}), **parameters})
    own = {"random_state": 0, "progress": False}
    return estimator.set_params(**{key: value for key, value in own.items() if key in estimator.get_params()})


def signal(name, n=400, seed=0):
    """White noise (time, unit), or spikes where a method takes these only."""
    rng = np.random.default_rng(seed)
    if name == "event_regression":  # a voltage that is clipped at its spikes
        return np.minimum(rng.standard_normal((n, 3)), 1.5)
    return (rng.random((n, 3)) < 0.2).astype(float) if name in SPIKES else rng.standard_normal((n, 3))


def named(name, X):
    """Names of what was warned of and raised; what is raised is synfer's own."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            method(name).fit(X)
        except SynferError as error:
            return {type(error)}
    return {warning.category for warning in caught if issubclass(warning.category, SynferWarning)}


@pytest.mark.parametrize("name", sorted(METHODS))
def test_nan_duplicates_and_constants_are_refused(name):
    with_nan, twice, flat = signal(name), signal(name), signal(name)
    with_nan[7, 1] = np.nan
    twice[:, 2], flat[:, 2] = twice[:, 1], 0.0
    if name != "synformer":  # which takes NaN for a missing sample
        with pytest.raises(InputError, match=r"X must be finite, got NaN in unit 1 at time index 7"):
            method(name).fit(with_nan)
    with pytest.raises(InputError, match=r"X must hold each unit once, got identical samples in units 1, 2"):
        method(name).fit(twice)
    with pytest.raises(InputError, match=r"X must vary in every unit, got constant samples in unit 2"):
        method(name).fit(flat)


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize(("scale", "what"), [(1e200, "overflow; got more"), (1e-200, "vanish; got less")])
def test_what_has_no_squares_is_refused(name, scale, what):
    with pytest.raises(InputError, match=rf"squares {what} in units 0, 2: rescale it"):
        method(name).fit(signal(name) * [scale, 1.0, scale])


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_what_hardly_varies_beside_its_mean_is_refused_as_that(name):
    x = (signal(name) + np.array([0.0, 1e7, 0.0])).astype(np.float32)
    with pytest.raises(InputError, match=r"more than 1 part in 1e\+06 of its size, but unit 1 hardly does"):
        method(name).fit(x)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_trials_of_unequal_length_are_refused(name):
    with pytest.raises(InputError, match="lists of equal lengths"):
        method(name).fit([signal(name), signal(name)[:-1]])


@pytest.mark.parametrize("name", sorted(METHODS))
def test_more_lags_than_samples_are_refused(name):
    parameters = TOO_LONG.get(name, {"lag": 500} if "lag" in create(name).get_params() else None)
    if parameters is None:
        assert not {"lag", "max_lag", "lags", "window"} & set(create(name).get_params())
        return
    with pytest.raises(InputError, match="samples"):
        method(name, **parameters).fit(signal(name))


@pytest.mark.parametrize("name", sorted(set(METHODS) - set(TAKE_DRIFT)))
def test_a_drifting_mean_is_warned_of(name):
    """Not by `CrossCorrelogram`, which takes off what is slow, nor by `NetFormer`, whose weights follow time."""
    x = signal(name, 800)
    rng = np.random.default_rng(1)
    if name == "spike_glm":
        x[:, 1] = rng.random(800) < np.linspace(0.0, 0.8, 800)
    else:
        x[:, 1] += np.linspace(0.0, 4.0, 800)
    assert NonStationaryWarning in named(name, x)
    assert NonStationaryWarning not in named(name, signal(name, 300))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_trial_that_stands_still_is_warned_of(name):
    trials = signal(name, 800).reshape(4, 200, 3)
    trials[2, :, 1] = 0.0
    assert named(name, Recording({"x": trials}, 1e-3, leading="trial")) & {ConstantSegmentWarning, InputError}


@pytest.mark.parametrize("name", sorted(set(METHODS) - set(SPIKES) - set(TAKE_DRIFT)))
def test_a_random_walk_is_warned_of(name):
    x = signal(name, 800)
    x[:, 0] = np.cumsum(x[:, 0])
    found = named(name, x)
    assert found & {NonStationaryWarning, UnitRootWarning}
    assert (UnitRootWarning in found) == (name in AUTOREGRESSIVE)


@pytest.mark.parametrize("name", ["conditional_granger", "mvgc", "partial_correlation", "differential_covariance",
                                  "pairwise_granger", "transfer_entropy"])  # fmt: skip
def test_units_that_follow_from_others_are_refused(name):
    """By the methods that regress, which could not say whose the effect is; forecasters learn either."""
    x = signal(name)
    x[:, 2] = x[:, 0] + x[:, 1]
    with pytest.raises(InputError, match="collinear"):
        method(name).fit(x)


@pytest.mark.parametrize("name", ["conditional_granger", "pairwise_granger", "transfer_entropy"])
def test_an_explosive_fit_is_no_finished_graph(name):
    x = np.random.default_rng(0).standard_normal((500, 3))
    for t in range(1, 500):
        x[t, 0] += 1.02 * x[t - 1, 0]
    with pytest.warns(NotConvergedWarning, match="not stable"):
        found = method(name).fit(x).connectome_
    assert found.converged is False and found.pvalue is None
