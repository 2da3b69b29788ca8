"""Networks of units without spikes: leaky rates, maps, Lorenz-96."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.arguments import checked_count, checked_numbers
from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import Network, RateCoupling
from synfer.simulate.memory import refuse_beyond_available
from synfer.storage import as_choice

ACTIVATIONS = ("tanh", "sigmoid", "relu", "linear")


def rate_network(
    weights: Any,
    *,
    activation: str = "tanh",
    tau: Any = 0.01,
    gain: Any = 1.0,
    bias: Any = 0.0,
    noise: Any = 0.0,
    drive: Any = None,
    ids: Any = None,
) -> Network:
    """Leaky rate units, tau dx_i = (-x_i + sum_j W_ij f(gain_j x_j) + bias_i + I_i) dt + tau noise_i dW_i.

    Simulated by Euler and Maruyama's scheme, x_i += dt / tau_i (-x_i + ... + I_i) + noise_i sqrt(dt) z. Noise enters x
    itself, and alone (W = 0) gives it the variance noise^2 tau / 2; gain belongs to the unit that acts, and stands
    inside f. Noise that passes through the input instead is a `GaussianDrive`, whose variance is that of a step.

    Parameters
    ----------
    weights : Connectome, array or scipy.sparse ([network,] target, source)
        W[target, source], the diagonal included. A leading axis makes a batch.
    activation : {"tanh", "sigmoid", "relu", "linear"}
        f: tanh(y), 1 / (1 + exp(-y)), max(y, 0), y.
    tau : float or array ([network,] unit)
        Time constant in seconds, positive.
    gain, bias : float or array ([network,] unit)
        Steepness of f, and constant input (in the unit of x).
    noise : float or array ([network,] unit)
        Diffusion, in the unit of x per square root of a second.
    drive : Drive, sequence of Drive, or None
        Further input I.
    ids : array (network,) of int, optional
        Numbers of the networks, the keys of their noise.

    Returns
    -------
    Network
        Its connectome is the truth. Signal "x".

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Examples
    --------
    Chaos of Sompolinsky, Crisanti and Sommers (1988), g = 1.5:

    >>> import numpy as np
    >>> from synfer.simulate import rate_network, run
    >>> W = 1.5 / np.sqrt(200) * np.random.default_rng(0).standard_normal((200, 200))
    >>> run(rate_network(W, noise=0.1), duration=0.2, every=10)["x"].shape
    (20, 200)
    """
    as_choice(activation, "activation", ACTIVATIONS)
    least = np.min(checked_numbers("tau", tau).astype(np.float64), initial=np.inf)
    if not least > 0:
        raise InputError(f"tau must be positive seconds; got {least}.")
    parameters = {"tau": tau, "gain": gain, "bias": bias, "noise": noise}
    return Network(f"leaky_{activation}", parameters, _wiring(weights), drive=drive, synapse=RateCoupling(), ids=ids)


def map_network(
    weights: Any,
    *,
    activation: str = "tanh",
    gain: Any = 1.0,
    bias: Any = 0.0,
    noise: Any = 0.0,
    drive: Any = None,
    ids: Any = None,
) -> Network:
    """Units in discrete time, x_i(t + 1) = f(gain_i (sum_j W_ij x_j(t) + bias_i + I_i(t))) + noise_i z(t).

    A step of `run` is one step of the map, whatever ``dt``. (The linear map is `var_network`, which has lags too.)

    Parameters
    ----------
    weights : Connectome, array or scipy.sparse ([network,] target, source)
        W[target, source], the diagonal included. A leading axis makes a batch.
    activation : {"tanh", "sigmoid", "relu"}
        f.
    gain, bias : float or array ([network,] unit)
        Steepness of f at the unit that is acted on, and constant input.
    noise : float or array ([network,] unit)
        Standard deviation of what is added in each step.
    drive : Drive, sequence of Drive, or None
        Further input I.
    ids : array (network,) of int, optional
        Numbers of the networks, the keys of their noise.

    Returns
    -------
    Network
        Its connectome is the truth. Signal "x".

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Examples
    --------
    The simulated networks of NetFormer (Lu et al. 2025), N = 200:

    >>> import numpy as np
    >>> from synfer.simulate import map_network, run
    >>> W = np.random.default_rng(0).standard_normal((200, 200)) / np.sqrt(200)
    >>> run(map_network(W, bias=0.1, noise=3.5), duration=0.1)["x"].shape
    (100, 200)
    """
    as_choice(activation, "activation", ACTIVATIONS[:-1])
    parameters = {"gain": gain, "bias": bias, "noise": noise}
    return Network(f"map_{activation}", parameters, _wiring(weights), drive=drive, synapse=RateCoupling(), ids=ids)


def lorenz96_network(
    n_units: int,
    *,
    F: Any = 8.0,
    noise: Any = 0.0,
    n_networks: int | None = None,
    drive: Any = None,
    ids: Any = None,
) -> Network:
    """Lorenz's model of an atmosphere of 1996, dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F + I_i on a ring.

    A step is one of the classical Runge-Kutta scheme of fourth order: take dt = 0.01 s (Lorenz's unit of time counts as
    a second) and every=10 to sample each 0.1. A run begins at F plus normal numbers of its seed and the network's id;
    take a warm-up of 10 s or more to see the attractor alone.

    Parameters
    ----------
    n_units : int
        Units on the ring, at least 4.
    F : float or array ([network,] unit)
        Forcing: 8 is chaotic; the sets of Sims and others use 10 and 40.
    noise : float or array ([network,] unit)
        Diffusion added to x, per square root of a second.
    n_networks : int, optional
        Makes a batch, whose networks differ in their first states (and in F, where that is given for each).
    drive : Drive, sequence of Drive, or None
        Further input I, held constant within a step.
    ids : array (network,) of int, optional
        Numbers of the networks, the keys of first states and noise.

    Returns
    -------
    Network
        Its connectome is the truth: unit i depends on i - 2, i - 1, i + 1 and itself, each marked by a weight of 1 (the
        sign of the effect changes with the state).

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Examples
    --------
    >>> from synfer.simulate import lorenz96_network, run
    >>> run(lorenz96_network(10, F=10), duration=5.0, dt=0.01, every=10, warmup=10.0)["x"].shape
    (50, 10)
    """
    n_units = checked_count("n_units", n_units, 4)
    n_matrices = 1 if n_networks is None else checked_count("n_networks", n_networks, 1)
    refuse_beyond_available(32 * n_matrices * n_units**2, "make fewer units or networks", "the wiring")
    ring = ring_of_neighbours(n_units)
    if n_networks is not None:
        ring = np.broadcast_to(ring, (n_matrices, n_units, n_units))
    wiring = Connectome.from_weights(ring, method="lorenz96")
    return Network("lorenz96", {"F": F, "noise": noise}, wiring, drive=drive, synapse=RateCoupling(), ids=ids)


def ring_of_neighbours(n_units: int) -> np.ndarray:
    """Who acts on whom in Lorenz-96, (target, source): 1 from i - 2, i - 1, i and i + 1 to i, else 0."""
    i = np.arange(n_units)
    ring = np.zeros((n_units, n_units))
    for shift in (-2, -1, 0, 1):
        ring[i, (i + shift) % n_units] = 1.0
    return ring


def _wiring(weights: Any) -> Connectome:
    return weights if isinstance(weights, Connectome) else Connectome.from_weights(weights)
