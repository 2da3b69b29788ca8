"""Vector autoregressions: their coefficients, whether they are stable, and the state they settle in."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse.csgraph
import scipy.sparse.linalg

from synfer.arguments import checked_count, checked_number, checked_numbers, checked_seed
from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError, UnstableSystemError
from synfer.network import Drive, GaussianDrive, Network, RateCoupling, SharedDrive
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.wiring.draws import WEIGHT_STREAM, WIRING_STREAM, generator_of

MOST_LAGS = 64
ALL_EIGENVALUES_BELOW = 1500
"""Size of a companion matrix up to which all its eigenvalues are computed; beyond, only the largest are sought."""
SEARCHED_ABOVE = 300
"""Size of a part of such a matrix from which on that search is the quicker."""
VECTORS, MOST_RESTARTS = 60, 300
"""Of that search. With ARPACK's own 20 vectors it does not end on matrices at random: where it has not ended by then,
eigenvalues lie too close in size for it, and all are computed."""


def var_network(
    coefficients: Any,
    *,
    noise: Any = 1.0,
    bias: Any = 0.0,
    drive: Any = None,
    dt: float = 1e-3,
    unit_ids: Any = None,
    ids: Any = None,
) -> Network:
    """Linear vector autoregression of one lag or several, x(t) = bias + sum_l A_l x(t - l) + I(t) + noise z(t).

    Parameters
    ----------
    coefficients : array ([network,] lag, target, source), or (target, source) for one lag
        A[l - 1, i, j] is the effect of unit j on unit i l steps later, l = 1, 2, ..., at most 64.
    noise : float or array ([network,] unit)
        Standard deviation of the innovations, independent over units and steps. Those that units have in common are a
        `SharedDrive`.
    bias : float or array ([network,] unit)
        Constant input.
    drive : Drive, sequence of Drive, or None
        Further input.
    dt : float
        Seconds of a step, in which the truth's delays are told.
    unit_ids, ids : array, optional
        Labels of the units; numbers of the networks.

    Returns
    -------
    Network
        Its connectome is the truth: the score of an edge is the largest |A_l| over the lags, its weight their sum, its
        delay the first lag at which it acts. A step of `run` is one step of the autoregression, whatever its ``dt``
        (with another than the one here, the delays count other seconds: `DelayWarning`);
        ``initial_state="stationary"`` draws the first state from the stationary distribution, the default is 0.

    Raises
    ------
    UnstableSystemError
        The spectral radius of the companion matrix is not below 1: x would grow without bounds.
    ShapeError, InputError
        An argument cannot be used.

    Examples
    --------
    >>> from synfer.simulate import run, var_network
    >>> network = var_network([[[0.5, 0.0], [0.4, 0.5]]], noise=0.1)
    >>> run(network, duration=0.5, initial_state="stationary", seed=1)["x"].shape
    (500, 2)
    >>> var_network([[[0.5, 0.0], [0.0, 0.5]], [[0.0, 0.0], [0.4, 0.0]]]).connectome.delay.values.tolist()
    [[0.001, nan], [0.002, 0.001]]

    References
    ----------
    H. Luetkepohl, "New Introduction to Multiple Time Series Analysis", Springer (2005).
    """
    a = checked_numbers("coefficients", coefficients).astype(np.float64)
    a = a[None] if a.ndim == 2 else a
    if a.ndim not in (3, 4) or a.shape[-1] != a.shape[-2] or 0 in a.shape or a.shape[-3] > MOST_LAGS:
        raise ShapeError(
            f"coefficients must have shape ([network,] lag, target, source), the last two equal and 1 to {MOST_LAGS} "
            f"lags; got {np.shape(coefficients)}."
        )
    if not np.all(np.isfinite(a)):
        raise InputError("coefficients must be finite; they hold NaN or infinity.")
    for k, of_one in enumerate(a.reshape(-1, *a.shape[-3:])):
        radius = spectral_radius(of_one)
        if not radius < 1:
            which = f" of network {k}" if a.ndim == 4 else ""
            raise UnstableSystemError(
                f"coefficients{which} have a companion matrix of spectral radius {radius:.6g}, not below 1: x would "
                f"grow without bounds; divide each A_l by c^l with c above {radius:.6g}, which divides the radius by c."
            )
    dt = checked_number("dt", dt)
    if dt <= 0:
        raise InputError(f"dt must be positive seconds; got {dt}.")
    first = first_lags(a)
    wiring = Connectome(
        np.abs(a).max(axis=-3),
        weight=a.sum(axis=-3),
        delay=np.where(first > 0, first * dt, np.nan),
        unit_ids=unit_ids,
        method="var",
        parameters={"lags": a.shape[-3]},
        dt=dt,
    )
    return Network("var", {"noise": noise, "bias": bias}, wiring, drive=drive, synapse=RateCoupling(lags=a), ids=ids)


def var_coefficients(
    n_units: int, n_lags: int = 1, p: float = 0.2, *, radius: float = 0.9, n_networks: int = 1, seed: int = 0
) -> np.ndarray:
    """Random coefficients of a stable vector autoregression.

    Each unit depends on its own last value, and each ordered pair of distinct units is joined with probability p, over
    one lag of equal probability for each; magnitudes are uniform in [0.5, 1], signs are tossed. Then A_l is scaled by
    c^l, which scales every eigenvalue of the companion matrix by c, to the spectral radius asked for.

    Parameters
    ----------
    n_units, n_lags : int
        Units, and lags, 1 to 64.
    p : float
        Probability of an edge between distinct units, in [0, 1].
    radius : float
        Spectral radius of the companion matrix, in (0, 1).
    n_networks : int
        1 gives no network axis.
    seed : int
        Of the random numbers; number k of a seed is the same network in a batch of whatever size.

    Returns
    -------
    array ([network,] lag, target, source)
        For `var_network`.

    Raises
    ------
    InputError
        An argument is out of its range.

    Examples
    --------
    >>> from synfer.simulate import run, var_coefficients, var_network
    >>> coefficients = var_coefficients(10, 3, p=0.2, radius=0.9, seed=1)
    >>> coefficients.shape
    (3, 10, 10)
    >>> run(var_network(coefficients), duration=0.5, initial_state="stationary")["x"].shape
    (500, 10)
    """
    n_units, n_lags = checked_count("n_units", n_units, 1), checked_count("n_lags", n_lags, 1, MOST_LAGS)
    n_networks, seed = checked_count("n_networks", n_networks, 1), checked_seed(seed)
    p, radius = checked_number("p", p), checked_number("radius", radius)
    if not 0 <= p <= 1:
        raise InputError(f"p must be a probability, in [0, 1]; got {p}.")
    if not 0 < radius < 1:
        raise InputError(f"radius must lie between 0 and 1, so that the system is stable; got {radius}.")
    matrices = 8 * n_networks * n_lags * n_units**2
    refuse_beyond_available(2 * matrices, "make fewer units or networks", "the coefficients")
    a = np.zeros((n_networks, n_lags, n_units, n_units))
    for k in range(n_networks):
        edges, weights = generator_of(seed, k, WIRING_STREAM), generator_of(seed, k, WEIGHT_STREAM)
        lag = edges.integers(0, n_lags, (n_units, n_units))
        joined = edges.random((n_units, n_units)) < p
        np.fill_diagonal(lag, 0)
        np.fill_diagonal(joined, True)
        size = weights.uniform(0.5, 1, (n_units, n_units)) * np.where(weights.random((n_units, n_units)) < 0.5, -1, 1)
        np.put_along_axis(a[k], lag[None], np.where(joined, size, 0.0)[None], axis=0)
        c = radius / spectral_radius(a[k])
        a[k] *= c ** np.arange(1, n_lags + 1)[:, None, None]
    return a[0] if n_networks == 1 else a


def first_lags(coefficients: np.ndarray) -> np.ndarray:
    """Give the first lag 1, 2, ... at which A (..., lag, target, source) is not 0, or 0 where there is none."""
    acts = coefficients != 0
    return np.where(acts.any(axis=-3), acts.argmax(axis=-3) + 1, 0)


def companion(coefficients: np.ndarray) -> np.ndarray:
    """Give the matrix that takes (x(t - 1), x(t - 2), ...) to (x(t), x(t - 1), ...), of A (lag, target, source)."""
    n_lags, n, _ = coefficients.shape
    matrix = np.eye(n_lags * n, k=-n)
    matrix[:n] = coefficients.swapaxes(0, 1).reshape(n, n_lags * n)
    return matrix


def spectral_radius(coefficients: np.ndarray) -> float:
    """Largest magnitude of an eigenvalue of the companion matrix of A (lag, target, source): below 1 it is stable."""
    matrix = companion(coefficients)
    if len(matrix) <= ALL_EIGENVALUES_BELOW:
        return float(np.abs(np.linalg.eigvals(matrix)).max())
    # Eigenvalues are those of the parts in which each unit reaches each other: so feed-forward chains, on which any
    # search for the largest fails, do not come to it.
    sparse = scipy.sparse.csr_array(matrix)
    n_parts, part = scipy.sparse.csgraph.connected_components(sparse, connection="strong")
    members = np.split(np.argsort(part, kind="stable"), np.cumsum(np.bincount(part, minlength=n_parts))[:-1])
    alone = np.concatenate([own for own in members if len(own) == 1] or [np.zeros(0, np.intp)])
    radius = float(np.abs(matrix[alone, alone]).max(initial=0.0))
    return max([radius, *(_radius_of_part(sparse[own][:, own]) for own in members if len(own) > 1)])


def _radius_of_part(matrix: Any) -> float:
    """Give the spectral radius of a sparse matrix, the same at each call."""
    n = matrix.shape[0]
    if n > SEARCHED_ABOVE:
        start = np.random.default_rng(0).uniform(0.5, 1, n)  # ARPACK's own is another at each call
        try:
            few = scipy.sparse.linalg.eigs(
                matrix, k=6, ncv=VECTORS, which="LM", v0=start, maxiter=MOST_RESTARTS, return_eigenvectors=False
            )
            return float(np.abs(few).max())
        except scipy.sparse.linalg.ArpackError:  # no convergence is one
            pass
    return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())


def stationary_moments(
    coefficients: np.ndarray, bias: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (unit,) and covariance of the companion state (lag x unit) that a stable autoregression settles in.

    The covariance S = C S C' + Q, C the companion matrix and Q the innovations' covariance in its first block, is the
    limit of S <- S + C S C', C <- C C, begun with Q: Smith's doubling, each turn squares the error.

    Parameters
    ----------
    coefficients : array (lag, target, source)
        A.
    bias : array (unit,)
        Mean of the input.
    covariance : array (unit, unit)
        Of the innovations.
    """
    n = coefficients.shape[-1]
    mean = np.linalg.solve(np.eye(n) - coefficients.sum(axis=0), bias)
    power = companion(coefficients)
    s = np.zeros_like(power)
    s[:n, :n] = covariance
    for _ in range(64):
        more = power @ s @ power.T
        s = s + more
        if np.abs(more).max() <= 1e-16 * np.abs(s).max():
            break
        power = power @ power
    return mean, (s + s.T) / 2


def stationary_state(network: Network, drives: Any, seed: int, stream: int) -> np.ndarray:
    """Draw a first state ([network], lag, unit) of a vector autoregression from its stationary distribution.

    Raises
    ------
    InputError
        The network is no vector autoregression, or is driven by what is not white noise.
    """
    if network.model != "var" or not isinstance(network.synapse, RateCoupling):
        raise InputError(
            f"initial_state='stationary' is known for model 'var' alone; for {network.model!r} take warmup."
        )
    a = lagged_weights(network)
    n_networks, n_lags, n_units, _ = a.shape
    values = {name: np.broadcast_to(network.parameters.get(name, default), (n_networks, n_units))
              for name, default in (("gain", 1.0), ("bias", 0.0), ("noise", 0.0))}  # fmt: skip
    state = np.empty((n_networks, n_lags, n_units))
    for k in range(n_networks):
        gain, mean, q = values["gain"][k], values["bias"][k].copy(), np.diag(values["noise"][k] ** 2)
        for drive in drives:
            white, level = _white(drive, k, n_networks, n_units)
            mean += level
            q = q + gain[:, None] * white * gain
        effective = a[k] * gain[:, None]
        radius = spectral_radius(effective)
        if not radius < 1:
            raise UnstableSystemError(
                f"initial_state='stationary': network {network.ids[k]} has spectral radius {radius:.6g}, not below 1."
            )
        center, s = stationary_moments(effective, gain * mean, q)
        eigenvalues, vectors = scipy.linalg.eigh(s)
        z = generator_of(seed, int(network.ids[k]), stream).standard_normal(len(s))
        state[k] = center + (vectors @ (np.sqrt(np.maximum(eigenvalues, 0)) * z)).reshape(n_lags, n_units)
    return state


def lagged_weights(network: Network) -> np.ndarray:
    """Give the weights of a network coupled by `RateCoupling` as (network, lag, target, source)."""
    assert isinstance(network.synapse, RateCoupling)
    lags = network.synapse.lags
    if lags is None:
        weight = network.connectome.to_matrix().weight
        assert weight is not None
        lags = weight.values[..., None, :, :]
    return lags.reshape(network.n_networks or 1, *lags.shape[-3:])


def _white(drive: Drive, k: int, n_networks: int, n_units: int) -> tuple[np.ndarray, Any]:
    """Covariance and mean of a white drive of network k."""

    def of(value: Any) -> np.ndarray:
        return np.broadcast_to(value, (n_networks, n_units))[k]

    if isinstance(drive, GaussianDrive):
        return np.diag(of(drive.variance)), of(drive.mean)
    if isinstance(drive, SharedDrive) and not np.any(drive.tau):
        return np.outer(of(drive.strength), of(drive.strength)), 0.0
    raise InputError(
        f"initial_state='stationary' is known with GaussianDrive and white SharedDrive alone; with {drive!r:.60} take "
        "warmup."
    )
