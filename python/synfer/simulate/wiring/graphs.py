"""Random graphs under Dale's law: Erdos-Renyi, fixed in-degree, small-world, scale-free."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.arguments import checked_count, checked_flag, checked_probability
from synfer.connectome import Connectome
from synfer.connectome.connectome import EDGE_LIST_ABOVE
from synfer.errors import InputError
from synfer.simulate.wiring.assemble import Pairs, Population, refuse_beyond_memory, wired
from synfer.simulate.wiring.distributions import Delay, Weight
from synfer.simulate.wiring.draws import bernoulli_pairs, distinct_numbers, preferential_attachment


def erdos_renyi(
    n_exc: int,
    n_inh: int,
    p: float,
    *,
    weight: Weight = 5.0,
    weight_inh: Weight | None = None,
    delay: Delay | None = None,
    self_connections: bool = False,
    n_networks: int = 1,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Random wiring under Dale's law: each ordered pair of distinct units is joined with probability p, independently.

    The first ``n_exc`` units are excitatory: what leaves them weighs +weight; what leaves the others weighs -weight.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.
    p : float
        Probability of an edge, in [0, 1].
    weight : float or LogNormal
        Magnitude of the weights, at least 0, or what it is drawn from (mV/ms, acting for one step, in networks with
        delta synapses).
    weight_inh : float or LogNormal, optional
        Magnitude of the inhibitory weights, where it is another.
    delay : float, UniformDelay or (where units have positions) DistanceDelay, optional
        Seconds of each edge; None says nothing of delays.
    self_connections : bool
        Whether a unit may drive itself.
    n_networks : int
        More than 1 give a batch; number k of a seed is the same network in a batch of whatever size.
    seed : int
        Of the random numbers: of edges, weights and delays each from a stream of its own, so that other weights leave
        the edges as they are.
    layout : {"matrix", "edges"}, optional
        How it is held; default a matrix up to 4,096 units, an edge list above. The network is the same in either. A
        matrix takes 32 bytes a pair while it is made, an edge list 120 an edge.

    Returns
    -------
    Connectome
        Weights W[target, source], ([network,] target, source) or (edge,).

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.

    Examples
    --------
    >>> from synfer.simulate import LogNormal, UniformDelay, erdos_renyi
    >>> wiring = erdos_renyi(80, 20, 0.1, weight=LogNormal(1.0, 0.5), delay=UniformDelay(1e-3, 5e-3), seed=1)
    >>> wiring.weight.shape
    (100, 100)
    >>> bool((wiring.weight.values[:, 80:] <= 0).all())  # what inhibitory units do
    True

    References
    ----------
    E. N. Gilbert, "Random graphs", Annals of Mathematical Statistics 30 (1959), 1141-1144.
    """
    population = Population.checked(n_exc, n_inh, weight, weight_inh)
    n = population.n_units
    p, loops = checked_probability("p", p), checked_flag("self_connections", self_connections)

    def draw(random: np.random.Generator, k: int) -> Pairs:
        if n <= EDGE_LIST_ABOVE:
            joined = random.random((n, n)) < p
            if not loops:
                np.fill_diagonal(joined, False)
            return Pairs(*np.nonzero(joined))
        per_target = n if loops else n - 1
        _, index = bernoulli_pairs(random, np.array([n * per_target]), np.array([p]))
        return _pairs(index, per_target, loops)

    parameters = {**population.told(), "p": p, **({"self_connections": True} if loops else {})}
    return wired(
        "erdos_renyi", parameters, n, n * n * p, draw, population.strengths,
        delay=delay, n_networks=n_networks, seed=seed, layout=layout,
    )  # fmt: skip


def fixed_in_degree(
    n_exc: int,
    n_inh: int,
    in_degree: int | tuple[int, int],
    *,
    weight: Weight = 5.0,
    weight_inh: Weight | None = None,
    delay: Delay | None = None,
    self_connections: bool = False,
    n_networks: int = 1,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Random wiring in which every unit has as many inputs, under Dale's law.

    Every set of so many sources is equally likely for each target, independently; no pair is joined twice.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.
    in_degree : int or (int, int)
        Inputs of each unit: in all, from whatever units, or from excitatory and from inhibitory ones (Brunel's C_E and
        C_I); at most as many as there are to choose from.
    weight, weight_inh, delay, self_connections, n_networks, seed, layout
        As for `erdos_renyi`.

    Returns
    -------
    Connectome
        Weights W[target, source], ([network,] target, source) or (edge,).

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.

    Examples
    --------
    Eight excitatory and two inhibitory inputs of each unit:

    >>> from synfer.simulate import fixed_in_degree
    >>> weights = fixed_in_degree(80, 20, (8, 2), seed=1).weight.values
    >>> (weights > 0).sum(axis=1)[:4].tolist(), (weights < 0).sum(axis=1)[:4].tolist()
    ([8, 8, 8, 8], [2, 2, 2, 2])

    References
    ----------
    N. Brunel, "Dynamics of sparsely connected networks of excitatory and inhibitory spiking neurons", J. Computational
    Neuroscience 8 (2000), 183-208.
    """
    population = Population.checked(n_exc, n_inh, weight, weight_inh)
    n, loops = population.n_units, checked_flag("self_connections", self_connections)
    own = 0 if loops else 1
    if isinstance(in_degree, tuple):
        if len(in_degree) != 2:
            raise InputError(f"in_degree must be an integer, or one for each kind, (exc, inh); got {in_degree!r}.")
        sizes = [population.n_exc, population.n_inh]
        asked = [(f"in_degree[{kind}]", count) for kind, count in enumerate(in_degree)]
    else:
        sizes, asked = [n], [("in_degree", in_degree)]
    wanted = [
        checked_count(name, count, 0, max(size - own, 0)) for (name, count), size in zip(asked, sizes, strict=True)
    ]

    def draw(random: np.random.Generator, k: int) -> Pairs:
        rows, first = [], 0
        for count, size in zip(wanted, sizes, strict=True):
            targets = np.arange(n)[:, None]
            inside = (targets >= first) & (targets < first + size) & (not loops)
            sources = np.empty((n, count), np.int64)
            for excluded in (0, 1):  # a unit of this kind chooses among one less
                which = np.flatnonzero(inside[:, 0] == bool(excluded))
                if len(which):
                    drawn = first + distinct_numbers(random, len(which), count, size - excluded)
                    sources[which] = drawn + (excluded * (drawn >= which[:, None]))
            rows.append(sources)
            first += size
        source = np.concatenate(rows, axis=1)  # excitatory units come first: still increasing
        return Pairs(np.repeat(np.arange(n), source.shape[1]), source.ravel())

    told = wanted[0] if len(wanted) == 1 else wanted
    parameters = {**population.told(), "in_degree": told, **({"self_connections": True} if loops else {})}
    return wired(
        "fixed_in_degree", parameters, n, n * sum(wanted), draw, population.strengths,
        delay=delay, n_networks=n_networks, seed=seed, layout=layout,
    )  # fmt: skip


def small_world(
    n_exc: int,
    n_inh: int,
    k: int,
    p: float,
    *,
    weight: Weight = 5.0,
    weight_inh: Weight | None = None,
    delay: Delay | None = None,
    n_networks: int = 1,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Small-world wiring of Watts and Strogatz, directed, under Dale's law.

    Units lie on a ring; each has inputs from its k nearest, k / 2 on either side. With probability p, each input is
    moved to another source, any that is not yet one of this target's. Inhibitory units are spread evenly along the
    ring (`ring_order`).

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.
    k : int
        Inputs of each unit, even, below the number of units.
    p : float
        Probability of rewiring an input, in [0, 1]: 0 gives a ring lattice, 1 a random graph of in-degree k.
    weight, weight_inh, delay, n_networks, seed, layout
        As for `erdos_renyi`.

    Returns
    -------
    Connectome
        Weights W[target, source], ([network,] target, source) or (edge,).

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.

    Examples
    --------
    >>> from synfer.simulate import small_world
    >>> len(small_world(80, 20, k=10, p=0.1, seed=1).edges())
    1000

    References
    ----------
    D. J. Watts, S. H. Strogatz, "Collective dynamics of 'small-world' networks", Nature 393 (1998), 440-442.
    """
    population = Population.checked(n_exc, n_inh, weight, weight_inh)
    n = population.n_units
    k, p = checked_count("k", k, 0, n - 1), checked_probability("p", p)
    if k % 2:
        raise InputError(f"k must be even, as many inputs from either side; got {k}.")

    def draw(random: np.random.Generator, number: int) -> Pairs:
        order = ring_order(population.n_exc, population.n_inh)
        place = np.arange(n)[:, None]
        steps = np.concatenate([np.arange(-(k // 2), 0), np.arange(1, k // 2 + 1)])
        taken = (place + steps) % n
        taken -= taken > place  # numbers below n - 1: a unit is not its own source
        taken[random.random(taken.shape) < p] = -1
        if p > 0:
            taken = distinct_numbers(random, n, k, n - 1, taken)
        source = order[taken + (taken >= place)]
        return _in_order(np.repeat(order, k), source.ravel(), n)

    parameters = {**population.told(), "k": k, "p": p}
    return wired(
        "small_world", parameters, n, n * k, draw, population.strengths,
        delay=delay, n_networks=n_networks, seed=seed, layout=layout,
    )  # fmt: skip


def ring_order(n_exc: int, n_inh: int) -> np.ndarray:
    """Units along the ring of `small_world`, inhibitory ones spread evenly among the excitatory.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.

    Returns
    -------
    array (place,) of int
        The unit at each place.

    Raises
    ------
    InputError
        There are no units, or a number is negative.

    Examples
    --------
    >>> from synfer.simulate import ring_order
    >>> ring_order(4, 2).tolist()
    [0, 4, 1, 2, 5, 3]
    """
    population = Population.checked(n_exc, n_inh, 0.0, None)
    n = population.n_units
    refuse_beyond_memory(n, 0, 1, "edges")
    inhibitory = np.zeros(n, bool)
    inhibitory[(2 * np.arange(population.n_inh) + 1) * n // max(2 * population.n_inh, 1)] = True
    order = np.empty(n, np.int64)
    order[~inhibitory], order[inhibitory] = np.arange(population.n_exc), np.arange(population.n_exc, n)
    return order


def scale_free(
    n_exc: int,
    n_inh: int,
    m: int,
    *,
    weight: Weight = 5.0,
    weight_inh: Weight | None = None,
    delay: Delay | None = None,
    n_networks: int = 1,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Scale-free wiring of Barabasi and Albert, directed, under Dale's law.

    Units arrive one by one, in random order, and each joins m of those there, an old unit the likelier the more edges
    it has: the degree d (in and out together) falls off as d^-3. Each edge points either way, as likely: hubs send and
    receive.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.
    m : int
        Edges that each unit brings, from 1 to below the number of units: the mean in-degree, nearly.
    weight, weight_inh, delay, n_networks, seed, layout
        As for `erdos_renyi`.

    Returns
    -------
    Connectome
        Weights W[target, source], ([network,] target, source) or (edge,).

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.

    Examples
    --------
    A few units are hubs: of 1,000 that are joined to 6 others on average, one is joined to more than 30.

    >>> from synfer.simulate import scale_free
    >>> joined = scale_free(800, 200, m=3, seed=1).weight.values != 0
    >>> bool((joined | joined.T).sum(axis=1).max() > 30)
    True

    References
    ----------
    A.-L. Barabasi, R. Albert, "Emergence of scaling in random networks", Science 286 (1999), 509-512.
    """
    population = Population.checked(n_exc, n_inh, weight, weight_inh)
    n = population.n_units
    if n < 2:
        raise InputError(f"n_exc + n_inh must be at least 2, for an edge to join two units; got {n}.")
    m = checked_count("m", m, 1, n - 1)

    def draw(random: np.random.Generator, number: int) -> Pairs:
        arrived = random.permutation(n)
        new, old = (arrived[end] for end in preferential_attachment(random, n, m))
        forth = random.random(len(new)) < 0.5
        return _in_order(np.where(forth, old, new), np.where(forth, new, old), n)

    return wired(
        "scale_free", {**population.told(), "m": m}, n, m * (n - m), draw, population.strengths,
        delay=delay, n_networks=n_networks, seed=seed, layout=layout,
    )  # fmt: skip


def _pairs(index: np.ndarray, per_target: int, loops: bool) -> Pairs:
    """Pairs by their number in order of target, then source."""
    target, source = np.divmod(index, per_target)
    return Pairs(target, source if loops else source + (source >= target))


def _in_order(target: Any, source: Any, n: int) -> Pairs:
    key = target * n + source
    key.sort()
    return Pairs(*np.divmod(key, n))
