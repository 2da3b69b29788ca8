"""Systems whose connectivity hangs on their state: against their equation, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.errors import SynferError
from synfer.simulate import state_dependent_system


@pytest.mark.parametrize("activation", ["linear", "tanh"])
@pytest.mark.parametrize("state_dependent", [True, False])
def test_it_is_its_equation(activation, state_dependent):
    recording, weights = state_dependent_system(
        4, activation=activation, state_dependent=state_dependent, n_trials=3, n_samples=40, step=0.02, seed=2
    )
    x = np.asarray(recording["x"])
    f = np.tanh if activation == "tanh" else np.asarray
    for trial in range(3):
        for t in range(39):
            expected = x[trial, t] + 0.02 * f(weights[trial, t] @ x[trial, t])
            np.testing.assert_allclose(x[trial, t + 1], expected, rtol=1e-12)
    change = weights - weights[:1, :1]
    assert np.abs(change).max() > 0.01 if state_dependent else not change.any()
    # rows change along one direction: W(t) = A + x a'
    for trial in range(3) if state_dependent else ():
        rows = (weights[trial, 5] - weights[trial, 0]) / (x[trial, 5] - x[trial, 0])[:, None]
        np.testing.assert_allclose(rows, rows[:1].repeat(4, axis=0), rtol=1e-6)


def test_noise_has_its_size_and_seeds_their_draws():
    quiet, _ = state_dependent_system(3, n_trials=200, n_samples=2, step=0.01, seed=1)
    noisy, _ = state_dependent_system(3, n_trials=200, n_samples=2, step=0.01, noise=2.0, seed=1)
    difference = np.asarray(noisy["x"])[:, 1] - np.asarray(quiet["x"])[:, 1]
    assert difference.std() == pytest.approx(0.2, rel=0.1)
    again, _ = state_dependent_system(3, n_trials=200, n_samples=2, step=0.01, noise=2.0, seed=1)
    np.testing.assert_array_equal(noisy["x"], again["x"])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"n_units": 1}, "n_units"),
        ({"activation": "relu"}, "activation"),
        ({"activation": np.array(["tanh", "linear"])}, "activation"),
        ({"step": 0.0}, "step must be positive"),
        ({"noise": -1.0}, "noise at least 0"),
        ({"n_trials": 10**9}, "make fewer trials"),
        ({"n_samples": 300, "step": 5.0, "n_trials": 2}, "n_samples must be smaller"),
    ],
)
def test_what_is_wrong_is_said(changed, told):
    with pytest.raises(SynferError, match=told):
        state_dependent_system(**changed)
