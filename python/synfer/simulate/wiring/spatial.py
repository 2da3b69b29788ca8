"""Wirings of units that lie somewhere: by distance, and on the ring of Das and Fiete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synfer.arguments import (
    checked_count,
    checked_flag,
    checked_number,
    checked_numbers,
    checked_probability,
    checked_seed,
)
from synfer.connectome import Connectome
from synfer.connectome.connectome import EDGE_LIST_ABOVE
from synfer.errors import InputError, ShapeError
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.wiring.assemble import MOST_UNITS, Pairs, Population, refuse_beyond_memory, wired
from synfer.simulate.wiring.distributions import Delay, Weight
from synfer.simulate.wiring.draws import CHUNK, POSITION_STREAM, bernoulli_pairs, generator_of

PROFILES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exponential": lambda x: np.exp(-x),
    "gaussian": lambda x: np.exp(-0.5 * x**2),
}
"""How the probability falls with distance / length."""
MOST_CELLS = 1500
BLOCKS, CANDIDATES = 2**17, 2**21
"""Pairs of cells drawn from in one go, and about how many pairs of units at most are drawn, to be thinned."""
UNITS_OF_CELL = 64


def random_positions(
    n_units: int, *, side: float = 1.0, n_dims: int = 2, n_networks: int = 1, seed: int = 0
) -> np.ndarray:
    """Positions spread evenly at random over a line, a square or a cube: those `distance_dependent` takes by default.

    Parameters
    ----------
    n_units : int
        Units.
    side : float
        Length of a side, positive, in whatever unit of length.
    n_dims : int
        1 to 3.
    n_networks : int
        More than 1 give a batch, number k the same whatever its size.
    seed : int
        Of the random numbers.

    Returns
    -------
    array ([network,] unit, dim)
        Coordinates in [0, side).

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.

    Examples
    --------
    >>> from synfer.simulate import random_positions
    >>> random_positions(100, side=2.0, seed=1).shape
    (100, 2)
    """
    n_units, n_dims = checked_count("n_units", n_units, 1, MOST_UNITS), checked_count("n_dims", n_dims, 1, 3)
    n_networks, seed = checked_count("n_networks", n_networks, 1), checked_seed(seed)
    side = _positive("side", side)
    refuse_beyond_available(16 * n_networks * n_units * n_dims, "make fewer units or networks", "the positions")
    drawn = [side * generator_of(seed, k, POSITION_STREAM).random((n_units, n_dims)) for k in range(n_networks)]
    return drawn[0] if n_networks == 1 else np.stack(drawn)


def distance_dependent(
    n_exc: int,
    n_inh: int,
    p_max: float,
    length: float,
    *,
    profile: str = "exponential",
    positions: Any = None,
    side: float = 1.0,
    n_dims: int = 2,
    periodic: bool = False,
    weight: Weight = 5.0,
    weight_inh: Weight | None = None,
    delay: Delay | None = None,
    self_connections: bool = False,
    n_networks: int = 1,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Wiring in which near units are joined more often than far ones, under Dale's law.

    Each pair at distance d is joined independently with probability p_max exp(-d / length), or
    p_max exp(-d^2 / (2 length^2)).

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.
    p_max : float
        Probability at distance 0, in [0, 1].
    length : float
        Over which it falls, positive, in the positions' unit of length.
    profile : {"exponential", "gaussian"}
        How it falls.
    positions : array ([network,] unit, dim), optional
        Where the units lie, in 1 to 3 dimensions; default `random_positions` of the same side, n_dims, n_networks and
        seed, which gives them to whoever wants to know them.
    side : float
        Length of a side of the line, square or cube.
    n_dims : int
        Its dimensions, where positions are not given.
    periodic : bool
        Whether opposite sides are joined (a torus): distances are then the shortest way round. Positions given must
        lie in [0, side).
    weight, weight_inh, delay, self_connections, n_networks, seed, layout
        As for `erdos_renyi`; a delay may be a `DistanceDelay` too.

    Returns
    -------
    Connectome
        Weights W[target, source], ([network,] target, source) or (edge,).

    Raises
    ------
    InputError, ShapeError
        A parameter is out of its range, positions are not finite or of another shape, or memory does not hold the
        result.

    Examples
    --------
    Spikes that travel 0.3 units of length a second:

    >>> import numpy as np
    >>> from synfer.simulate import DistanceDelay, distance_dependent, random_positions
    >>> where = random_positions(100, seed=1)
    >>> wiring = distance_dependent(80, 20, p_max=0.5, length=0.2, positions=where, delay=DistanceDelay(0.3), seed=1)
    >>> distance = np.linalg.norm(where[:, None] - where, axis=-1)
    >>> joined = wiring.weight.values != 0
    >>> bool(np.allclose(wiring.delay.values[joined], distance[joined] / 0.3, rtol=0, atol=1e-4))
    True

    References
    ----------
    B. Hellwig, "A quantitative analysis of the local connectivity between pyramidal neurons in layers 2/3 of the rat
    visual cortex", Biological Cybernetics 82 (2000), 111-121.
    """
    population = Population.checked(n_exc, n_inh, weight, weight_inh)
    n = population.n_units
    p_max, length, side = checked_probability("p_max", p_max), _positive("length", length), _positive("side", side)
    if not isinstance(profile, str) or profile not in PROFILES:
        raise InputError(f"profile must be one of {', '.join(map(repr, PROFILES))}; got {profile!r}.")
    loops, torus = checked_flag("self_connections", self_connections), checked_flag("periodic", periodic)
    n_networks, seed = checked_count("n_networks", n_networks, 1), checked_seed(seed)
    refuse_beyond_memory(n, 0, n_networks, layout if isinstance(layout, str) else "edges")
    if positions is None:
        places = random_positions(n, side=side, n_dims=n_dims, n_networks=n_networks, seed=seed)
    else:
        places = _checked_positions(positions, n, n_networks, side if torus else None)
    places = np.broadcast_to(places, (n_networks, *places.shape[-2:]))

    def between(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distances of positions (..., dim)."""
        difference = np.abs(x - y)
        if torus:
            difference = np.minimum(difference, side - difference)
        return np.sqrt(np.sum(difference**2, axis=-1))

    def probability(distance: np.ndarray) -> np.ndarray:
        return p_max * PROFILES[profile](distance / length)

    def draw(random: np.random.Generator, k: int) -> Pairs:
        x = places[k]
        if n <= EDGE_LIST_ABOVE:
            joined = np.empty((n, n), bool)
            for rows in np.array_split(np.arange(n), -(-n * n // CHUNK)):
                joined[rows] = random.random((len(rows), n)) < probability(between(x[rows, None], x))
            if not loops:
                np.fill_diagonal(joined, False)
            target, source = np.nonzero(joined)
        else:
            target, source = _by_cells(random, x, between, probability, side if torus else None, loops)
        return Pairs(target, source, between(x[target], x[source]))

    # The mean over a sample of pairs foresees the edges.
    sample = np.random.default_rng(0).integers(0, n, (2, 20_000))
    expected = n * n * float(probability(between(places[0, sample[0]], places[0, sample[1]])).mean())
    parameters = {
        **population.told(),
        **{"p_max": p_max, "length": length, "profile": profile, "side": side, "periodic": torus},
        **({"n_dims": int(n_dims)} if positions is None else {}),
        **({"self_connections": True} if loops else {}),
    }
    return wired(
        "distance_dependent", parameters, n, expected, draw, population.strengths,
        delay=delay, n_networks=n_networks, seed=seed, layout=layout, has_distances=True,
    )  # fmt: skip


def ring_attractor(
    n_units: int = 100,
    r: float = 0.025,
    *,
    sigma: tuple[float, float] = (6.98, 7.0),
    a: float = 1.0005,
    self_connections: bool = False,
    delay: Delay | None = None,
    layout: str | None = None,
) -> Connectome:
    """Ring attractor of Das and Fiete: local excitation, and inhibition a little wider and stronger.

        W[i, j] = r (exp(-d^2 / (2 sigma_1^2)) - a exp(-d^2 / (2 sigma_2^2))),  d = min(|i - j|, N - |i - j|)

    Every unit sends both signs, so that Dale's law does not hold. With the strength r the population forms bumps by
    itself: correlations then no longer follow connections, and discovery gets hard.

    Parameters
    ----------
    n_units : int
        Units on the ring.
    r : float
        Strength of all weights, at least 0.
    sigma : (float, float)
        Widths of excitation and of inhibition, positive, in units.
    a : float
        Strength of inhibition relative to excitation, at least 0.
    self_connections : bool
        Whether the diagonal, r (1 - a), is kept.
    delay, layout
        As for `erdos_renyi`.

    Returns
    -------
    Connectome
        Weights W[target, source], circulant and symmetric; nothing in it is random.

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.simulate import ring_attractor
    >>> weights = ring_attractor(100, r=0.025).weight.values
    >>> bool(np.allclose(np.roll(weights, (1, 1), axis=(0, 1)), weights))  # the same all around the ring
    True

    References
    ----------
    A. Das, I. R. Fiete, "Systematic errors in connectivity inferred from activity in strongly recurrent networks",
    Nature Neuroscience 23 (2020), 1286-1296.
    """
    n, loops = checked_count("n_units", n_units, 1, MOST_UNITS), checked_flag("self_connections", self_connections)
    r, a = checked_number("r", r), checked_number("a", a)
    for name, value in (("r", r), ("a", a)):
        if value < 0:
            raise InputError(f"{name} must be a strength, at least 0; got {value}.")
    if not isinstance(sigma, tuple) or len(sigma) != 2:
        raise InputError(f"sigma must be two widths, (excitation, inhibition); got {sigma!r}.")
    narrow, wide = (_positive(f"sigma[{k}]", value) for k, value in enumerate(sigma))

    def around() -> np.ndarray:
        d = np.minimum(np.arange(n), n - np.arange(n)).astype(np.float64)
        return r * (np.exp(-(d**2) / (2 * narrow**2)) - a * np.exp(-(d**2) / (2 * wide**2)))

    def draw(random: np.random.Generator, k: int) -> Pairs:
        steps = np.flatnonzero(around())  # those that have not underflowed
        steps = steps if loops else steps[steps > 0]
        source = (np.arange(n)[:, None] + steps) % n
        source.sort(axis=1)
        return Pairs(np.repeat(np.arange(n), len(steps)), source.ravel())

    def strengths(random: np.random.Generator, pairs: Pairs) -> np.ndarray:
        return around()[np.abs(pairs.target - pairs.source)]

    refuse_beyond_memory(n, 0, 1, "edges")  # before anything is made of so many
    parameters = {"n_units": n, "r": r, "sigma": [narrow, wide], "a": a, "self_connections": loops}
    return wired(
        "ring_attractor", parameters, n, n * np.count_nonzero(around()), draw, strengths,
        delay=delay, n_networks=1, seed=0, layout=layout,
    )  # fmt: skip


def _by_cells(
    random: np.random.Generator,
    x: np.ndarray,
    between: Callable[[np.ndarray, np.ndarray], np.ndarray],
    probability: Callable[[np.ndarray], np.ndarray],
    side: float | None,
    loops: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs without looking at all: by the highest probability in each pair of cells, then thinned.

    The cells are a grid of some tens of units each; the probability of a pair of cells is that at their least distance.
    """
    n, n_dims = x.shape
    low, span = (x.min(0), np.ptp(x, axis=0)) if side is None else (np.zeros(n_dims), np.full(n_dims, side))
    per_axis = max(1, int(min(n / UNITS_OF_CELL, MOST_CELLS) ** (1 / n_dims)))
    width = np.where(span > 0, span / per_axis, 1.0)
    place = np.clip(((x - low) / width).astype(np.int64), 0, per_axis - 1)
    cell = np.ravel_multi_index(tuple(place.T), (per_axis,) * n_dims)
    order = np.argsort(cell, kind="stable")
    size = np.bincount(cell, minlength=per_axis**n_dims)
    start = np.cumsum(size) - size

    grid = np.stack(np.unravel_index(np.arange(len(size)), (per_axis,) * n_dims), axis=-1)
    keys = []
    rounds = max(len(size) ** 2 / BLOCKS, n**2 * float(probability(np.zeros(1))[0]) / CANDIDATES)
    for cells in np.array_split(np.arange(len(size)), min(int(rounds) + 1, len(size))):
        squared = np.zeros((len(cells), len(size)))
        for axis in range(n_dims):
            apart = np.abs(grid[cells, None, axis] - grid[:, axis])
            if side is not None:
                apart = np.minimum(apart, per_axis - apart)
            squared += (np.maximum(apart - 1, 0) * width[axis]) ** 2
        bound = probability(np.sqrt(squared)).ravel()
        block, index = bernoulli_pairs(random, np.outer(size[cells], size).ravel(), bound)
        to, by = np.divmod(block, len(size))
        i, j = np.divmod(index, size[by])
        target, source = order[start[cells[to]] + i], order[start[by] + j]
        kept = random.random(len(block)) * bound[block] < probability(between(x[target], x[source]))
        if not loops:
            kept &= target != source
        keys.append(target[kept] * n + source[kept])
    key = np.concatenate(keys)
    key.sort()
    return np.divmod(key, n)


def _positive(name: str, value: Any) -> float:
    number = checked_number(name, value)
    if number <= 0:
        raise InputError(f"{name} must be positive; got {number}.")
    return number


def _checked_positions(positions: Any, n: int, n_networks: int, side: float | None) -> np.ndarray:
    given = checked_numbers("positions", positions).astype(np.float64, copy=False)
    leading = () if given.ndim == 2 else (n_networks,)
    if given.ndim not in (2, 3) or given.shape[:-1] != (*leading, n) or not 1 <= given.shape[-1] <= 3:
        batch = f", or (network, unit, dim) = ({n_networks}, {n}, 1 to 3)" if n_networks > 1 else ""
        raise ShapeError(f"positions must have shape (unit, dim) = ({n}, 1 to 3){batch}; got {given.shape}.")
    if not np.all(np.isfinite(given)):
        raise InputError("positions must be finite; they hold NaN or infinity.")
    if side is not None and not np.all((given >= 0) & (given < side)):
        raise InputError(f"positions must lie in [0, side) = [0, {side:g}) where periodic; give another side.")
    return given
