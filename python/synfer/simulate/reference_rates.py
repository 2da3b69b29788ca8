"""Units without spikes again, slow and obvious, in numpy and float64: the twins of csrc/simulator/rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "sigmoid": lambda y: 1 / (1 + np.exp(-y)),
    "relu": lambda y: np.maximum(y, 0),
    "linear": lambda y: y,
}


def step_leaky(
    f: Callable[[np.ndarray], np.ndarray],
    p: Mapping[str, np.ndarray],
    history: np.ndarray,
    weights: np.ndarray,
    current: np.ndarray,
    z: np.ndarray,
    dt: float,
) -> np.ndarray:
    """Take one step of leaky rate units by Euler and Maruyama: history (lag, unit) of one lag, weights alike."""
    x = history[0]
    total = weights[0] @ f(p["gain"] * x) + p["bias"] + current
    return x + dt / p["tau"] * (total - x) + p["noise"] * np.sqrt(dt) * z


def step_map(
    f: Callable[[np.ndarray], np.ndarray],
    p: Mapping[str, np.ndarray],
    history: np.ndarray,
    weights: np.ndarray,
    current: np.ndarray,
    z: np.ndarray,
    dt: float,
) -> np.ndarray:
    """Take one step of a map: history (lag, unit), the latest first, weights (lag, target, source)."""
    total = sum(weights[lag] @ history[lag] for lag in range(len(weights))) + p["bias"] + current
    return f(p["gain"] * total) + p["noise"] * z


def step_lorenz96(
    f: object,
    p: Mapping[str, np.ndarray],
    history: np.ndarray,
    weights: object,
    current: np.ndarray,
    z: np.ndarray,
    dt: float,
) -> np.ndarray:
    """Take one step of Lorenz-96 by the classical Runge-Kutta scheme."""

    def slope(x: np.ndarray) -> np.ndarray:
        return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + p["F"] + current

    x = history[0]
    k1 = slope(x)
    k2 = slope(x + dt / 2 * k1)
    k3 = slope(x + dt / 2 * k2)
    k4 = slope(x + dt * k3)
    return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4) + p["noise"] * np.sqrt(dt) * z


def rates_reference(
    model: str,
    p: Mapping[str, np.ndarray],
    state: np.ndarray,
    weights: np.ndarray,
    acting: np.ndarray,
    z: np.ndarray,
    dt: float,
) -> np.ndarray:
    """Simulate one network of a rate model.

    Parameters
    ----------
    model : str
        Its name.
    p : dict of str to array (unit,)
        Its parameters.
    state : array (lag, unit)
        Before the first step, the latest first.
    weights : array (lag, target, source)
        What acts.
    acting, z : array (time, unit)
        Drive and standard normal numbers of each step.
    dt : float
        Seconds.

    Returns
    -------
    array (time, unit)
        x after each step.
    """
    kind, _, activation = ("map_linear" if model == "var" else model).partition("_")
    step = {"leaky": step_leaky, "map": step_map, "lorenz96": step_lorenz96}[kind]
    f = ACTIVATIONS.get(activation, ACTIVATIONS["linear"])
    history = state.astype(np.float64)
    x = np.empty_like(acting)
    for k in range(len(acting)):
        x[k] = step(f, p, history, weights, acting[k], z[k], dt)
        history = np.concatenate([x[k : k + 1], history[:-1]])
    return x
