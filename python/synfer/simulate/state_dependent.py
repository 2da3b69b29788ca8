"""Systems whose connectivity changes with their state, and its course: what time-varying estimates are held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.arguments import checked_count, checked_flag, checked_number, checked_seed
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.simulate.memory import refuse_beyond_available
from synfer.storage import as_choice

RADIUS = 0.5
"""How far the static part's eigenvalues lie left of 0, at least."""


def state_dependent_system(
    n_units: int = 5,
    *,
    activation: str = "linear",
    state_dependent: bool = True,
    n_trials: int = 50,
    n_samples: int = 100,
    step: float = 0.01,
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Recording, np.ndarray]:
    """Simulate x(t+1) = x(t) + step f(W(t) x(t)) + sqrt(step) noise z, W(t) = A + x(t) a' where it depends on the
    state.

    f is the identity or tanh. A has normal elements of variance 1 / unit, its diagonal moved left until all eigenvalues
    have real parts below -0.5; a is normal with variance 1 / (4 unit). Trials begin at N(0, 1) for each unit. After the
    systems that NetFormer was published with, whose constants are not known.

    Parameters
    ----------
    n_units : int
    activation : {"linear", "tanh"}
    state_dependent : bool
        False leaves W = A.
    n_trials, n_samples : int
        Samples of each trial, its first state with them.
    step : float
    noise : float
    seed : int

    Returns
    -------
    recording : Recording
        Signal "x" (trial, time, unit), float64; ``dt`` is ``step`` in seconds.
    weights : numpy.ndarray, (trial, time, target, source)
        W(t), which leads from sample t to the next.

    Raises
    ------
    InputError
        An argument is out of its range, or a state grows beyond all bounds.

    Examples
    --------
    >>> from synfer.simulate import state_dependent_system
    >>> recording, weights = state_dependent_system(5, activation="tanh", n_trials=2, seed=1)
    >>> recording["x"].shape, weights.shape
    ((2, 100, 5), (2, 100, 5, 5))
    """
    n_units, n_trials = checked_count("n_units", n_units, 2), checked_count("n_trials", n_trials, 1)
    n_samples, seed = checked_count("n_samples", n_samples, 2), checked_seed(seed)
    step, noise = checked_number("step", step), checked_number("noise", noise)
    state_dependent = checked_flag("state_dependent", state_dependent)
    activation = as_choice(activation, "activation", ("linear", "tanh"))
    numbers = n_trials * n_samples * n_units * (n_units + 2)
    refuse_beyond_available(8 * numbers, "make fewer trials, samples or units", "states and weights")
    if step <= 0 or noise < 0:
        raise InputError(f"step must be positive and noise at least 0; got {step} and {noise}.")
    rng = np.random.default_rng(seed)
    static = rng.standard_normal((n_units, n_units)) / np.sqrt(n_units)
    static -= np.eye(n_units) * max(0.0, float(np.linalg.eigvals(static).real.max()) + RADIUS)
    direction = rng.standard_normal(n_units) / np.sqrt(n_units) * (0.5 if state_dependent else 0.0)
    x = np.zeros((n_trials, n_samples, n_units))
    x[:, 0] = rng.standard_normal((n_trials, n_units))
    weights = np.zeros((n_trials, n_samples, n_units, n_units))
    f: Any = np.tanh if activation == "tanh" else np.asarray
    with np.errstate(over="ignore", invalid="ignore"):  # said below
        for t in range(n_samples):
            weights[:, t] = static + x[:, t, :, None] * direction
            if t + 1 < n_samples:
                pushed = f(np.einsum("bij,bj->bi", weights[:, t], x[:, t]))
                x[:, t + 1] = x[:, t] + step * pushed + np.sqrt(step) * noise * rng.standard_normal((n_trials, n_units))
    if not np.isfinite(x).all() or np.abs(x).max() > 1e6:
        raise InputError("n_samples must be smaller: with this step and seed a state grows beyond all bounds.")
    about = {"made_by": "synfer.simulate.state_dependent_system", "seed": seed, "activation": activation}
    return Recording({"x": x}, step, leading="trial", provenance=about), weights
