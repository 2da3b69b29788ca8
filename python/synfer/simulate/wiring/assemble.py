"""From drawn pairs to a Connectome: weights, delays, layout, memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from synfer.arguments import checked_count, checked_seed
from synfer.connectome import Connectome
from synfer.connectome.connectome import EDGE_LIST_ABOVE
from synfer.errors import InputError
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.wiring.distributions import (
    Delay,
    Weight,
    checked_delay,
    checked_weight,
    delays,
    magnitudes,
    told,
)
from synfer.simulate.wiring.draws import DELAY_STREAM, WEIGHT_STREAM, WIRING_STREAM, Generators

MOST_UNITS = 2**31 - 1
BYTES_OF_EDGE = 120
"""Of an edge at the peak, while it is drawn, sorted and checked; kept are 40 (two ends, score, weight, delay)."""
BYTES_OF_PAIR = 32
"""Of a pair of a matrix at the peak; kept are 24 (score, weight, delay)."""
LAYOUTS = ("matrix", "edges")


class Pairs(NamedTuple):
    """Pairs that are joined, (edge,), in order of target, then source; and how far apart, where units have places."""

    target: np.ndarray
    source: np.ndarray
    distance: np.ndarray | None = None


Draw = Callable[[np.random.Generator, int], Pairs]
"""Draws the pairs of a network from its random numbers and its number."""
Strengths = Callable[[np.random.Generator, Pairs], np.ndarray]
"""Gives the signed weights (edge,)."""


@dataclasses.dataclass(frozen=True)
class Population:
    """Excitatory units, then inhibitory ones, and the magnitudes of what leaves them: Dale's law."""

    n_exc: int
    n_inh: int
    weight: Weight
    weight_inh: Weight

    @classmethod
    def checked(cls, n_exc: Any, n_inh: Any, weight: Any, weight_inh: Any) -> Population:
        """Check a caller's numbers.

        Raises
        ------
        InputError
            There are no units, or a number is out of its range.
        """
        n_exc, n_inh = (checked_count(name, n, 0, MOST_UNITS) for name, n in (("n_exc", n_exc), ("n_inh", n_inh)))
        if n_exc + n_inh == 0:
            raise InputError("n_exc + n_inh must be at least 1: there are no units.")
        exc = checked_weight("weight", weight)
        return cls(n_exc, n_inh, exc, exc if weight_inh is None else checked_weight("weight_inh", weight_inh))

    @property
    def n_units(self) -> int:
        """Both kinds."""
        return self.n_exc + self.n_inh

    def strengths(self, random: np.random.Generator, pairs: Pairs) -> np.ndarray:
        """Give weights (edge,), positive from excitatory units and negative from inhibitory ones."""
        excitatory = pairs.source < self.n_exc
        n = len(excitatory)
        if self.weight == self.weight_inh:
            return np.where(excitatory, 1.0, -1.0) * magnitudes(self.weight, random, n)
        weights = magnitudes(self.weight, random, n)
        weights[~excitatory] = -magnitudes(self.weight_inh, random, n)[~excitatory]
        return weights

    def told(self) -> dict[str, Any]:
        """Give its numbers as plain values."""
        about = {"n_exc": self.n_exc, "n_inh": self.n_inh, "weight": told(self.weight)}
        return about if self.weight == self.weight_inh else {**about, "weight_inh": told(self.weight_inh)}


def wired(
    method: str,
    parameters: Mapping[str, Any],
    n_units: int,
    expected_edges: float,
    draw: Draw,
    strengths: Strengths,
    *,
    delay: Any,
    n_networks: Any,
    seed: Any,
    layout: Any,
    unit_ids: Any = None,
    has_distances: bool = False,
) -> Connectome:
    """Draw networks and lay them out.

    Parameters
    ----------
    method, parameters
        What the connectome says of itself.
    n_units : int
        Units of each network.
    expected_edges : float
        Mean number of edges of a network, by which memory is foreseen.
    draw, strengths
        What gives the pairs and their weights.
    delay, n_networks, seed, layout
        The caller's, unchecked.
    unit_ids : array (unit,), optional
        Labels.
    has_distances : bool
        Whether ``draw`` gives distances.

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.
    """
    delay = checked_delay(delay, has_distances)
    n_networks, seed = checked_count("n_networks", n_networks, 1), checked_seed(seed)
    layout = checked_layout(layout, n_units)
    refuse_beyond_memory(n_units, expected_edges, n_networks, layout)
    about = {
        "unit_ids": unit_ids,
        "method": method,
        "parameters": {**parameters, **({} if delay is None else {"delay": told(delay)})},
        "seed": seed,
    }

    of_pairs, of_weights, of_delays = (Generators(seed, s) for s in (WIRING_STREAM, WEIGHT_STREAM, DELAY_STREAM))

    def edges(k: int) -> tuple[Pairs, np.ndarray, np.ndarray | None]:
        pairs = draw(of_pairs.of(k), k)
        weights = strengths(of_weights.of(k), pairs)
        return pairs, weights, _delays(delay, of_delays, k, pairs)

    if layout == "edges":
        listed = []
        for pairs, weights, lags in map(edges, range(n_networks)):
            listed.append(
                Connectome.from_edges(pairs.source, pairs.target, n_units=n_units, weight=weights, delay=lags, **about)
            )
        if n_networks == 1:
            return listed[0]
        return Connectome.stack(listed, **{name: value for name, value in about.items() if name != "unit_ids"})
    shape = (n_networks, n_units, n_units)
    matrix, lag_matrix = np.zeros(shape), None if delay is None else np.full(shape, np.nan)
    for k in range(n_networks):
        pairs, weights, lags = edges(k)
        places = pairs.target * n_units + pairs.source
        matrix[k].reshape(-1)[places] = weights
        if lag_matrix is not None:
            lag_matrix[k].reshape(-1)[places] = lags
    if n_networks == 1:
        matrix, lag_matrix = matrix[0], None if lag_matrix is None else lag_matrix[0]
    return Connectome(np.abs(matrix), weight=matrix, delay=lag_matrix, **about)


def checked_layout(layout: Any, n_units: int) -> str:
    """Give the layout asked for, or that which suits the number of units.

    Raises
    ------
    InputError
        There is no such layout.
    """
    if layout is None:
        return "edges" if n_units > EDGE_LIST_ABOVE else "matrix"
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise InputError(f"layout must be 'matrix', 'edges' or None; got {layout!r}.")
    return layout


def refuse_beyond_memory(n_units: int, n_edges: float, n_networks: int, layout: str) -> None:
    """Raise where a wiring would need more memory than there is.

    Raises
    ------
    InputError
        With both numbers.
    """
    needed = 64 * n_units + n_edges * BYTES_OF_EDGE * (n_networks if layout == "edges" else 1)
    if layout == "matrix":
        needed += n_networks * n_units**2 * BYTES_OF_PAIR
    refuse_beyond_available(int(needed), "make fewer units, edges or networks at once", "the wiring")


def _delays(delay: Delay | None, random: Generators, k: int, pairs: Pairs) -> np.ndarray | None:
    if delay is None:
        return None
    if isinstance(delay, float):  # nothing to draw
        return np.full(len(pairs.target), delay)
    return delays(delay, random.of(k), len(pairs.target), pairs.distance)
