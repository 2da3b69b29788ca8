"""Wirings: who reaches whom, with what weight. Matrices are target x source."""

from __future__ import annotations

import numpy as np

from synfer.errors import InputError
from synfer.simulate.arguments import checked_count, checked_number, checked_seed

WIRING_STREAM, PARAMETER_STREAM = 0, 1


def generator_of(seed: int, network_id: int, stream: int) -> np.random.Generator:
    """Give the random generator of one network of a seed: Philox, the same whatever batch the network stands in."""
    key = np.array([seed, network_id], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, stream], np.uint64)))


def erdos_renyi(
    n_exc: int, n_inh: int, p: float, *, weight: float = 5.0, n_networks: int = 1, seed: int = 0
) -> np.ndarray:
    """Random wiring under Dale's law: each ordered pair of distinct units is joined with probability p, independently.

    The first ``n_exc`` units are excitatory: what leaves them weighs +weight; what leaves the others weighs -weight.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.
    p : float
        Probability of an edge, in [0, 1].
    weight : float
        Magnitude of every weight (mV/ms, acting for one step), at least 0.
    n_networks : int
        Networks; number k is the same in a batch of whatever size.
    seed : int
        Of the random numbers.

    Returns
    -------
    array (network, target, source), float64
        W[k, i, j], the effect of unit j on unit i in network k; zero diagonal.

    Raises
    ------
    InputError
        A parameter is out of its range.
    """
    n_exc, n_inh = checked_count("n_exc", n_exc, 0), checked_count("n_inh", n_inh, 0)
    n_networks, seed = checked_count("n_networks", n_networks, 1), checked_seed(seed)
    n_units = n_exc + n_inh
    if n_units == 0:
        raise InputError("n_exc + n_inh must be at least 1: there are no units.")
    p, weight = checked_number("p", p), checked_number("weight", weight)
    if not 0 <= p <= 1:
        raise InputError(f"p must be a probability, in [0, 1]; got {p}.")
    if weight < 0:
        raise InputError(f"weight must be a magnitude, at least 0, as Dale's law gives the sign; got {weight}.")
    signed = np.where(np.arange(n_units) < n_exc, weight, -weight)
    weights = np.empty((n_networks, n_units, n_units))
    for k in range(n_networks):
        joined = generator_of(seed, k, WIRING_STREAM).random((n_units, n_units)) < p
        np.fill_diagonal(joined, False)
        weights[k] = np.where(joined, signed, 0.0)
    return weights
