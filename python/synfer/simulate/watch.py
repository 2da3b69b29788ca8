"""Weights that change during a run, seen every so many steps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from synfer.arguments import checked_number
from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import Network
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.recorded import Span
from synfer.simulate.wires import Wires, ends_of


class Watch:
    """Looks at the weights of a network that learns, at the beginning of a run and every so many seconds of it.

    Parameters
    ----------
    every : float
        Seconds, positive.

    Raises
    ------
    InputError
        ``every`` is no positive number.
    """

    def __init__(self, every: Any) -> None:
        self.every = checked_number("weights_every", every)
        if self.every <= 0:
            raise InputError(f"weights_every must be positive seconds; got {self.every}.")
        self.steps: list[int] = []
        self.weights = np.empty((0, 0))

    def cut(
        self, slices: list[tuple[int, int]], span: Span, dt: float, network: Network, wires: Wires | None
    ) -> list[tuple[int, int]]:
        """Cut the slices of a run at the steps to look at, and look at the first.

        Raises
        ------
        InputError
            The network does not learn by STDP, the steps do not fit into rows of what is recorded, or the
            weights would not fit into memory.
        """
        if network.stdp is None:
            raise InputError(
                f"network must be one with STDP for its weights to be recorded; got plasticity {network.plasticity!r}."
            )
        assert wires is not None
        length = round(self.every / dt)
        if length < 1 or abs(length * dt - self.every) > 1e-6 * dt * length or length % span.every:
            raise InputError(
                f"weights_every must be a whole number of recorded rows, {span.every} x {dt:g} s; got {self.every} s."
            )
        if (span.kept - span.first) % span.every:
            raise InputError(
                f"warmup must be a whole number of recorded rows, {span.every} x {dt:g} s, where weights are looked "
                f"at; got {(span.kept - span.first) * dt:g} s."
            )
        looks = (span.last - span.first) // length + 1
        strengths = wires.remembered["strengths"]
        pairs = network.n_units**2 * (network.n_networks or 1) if wires.places is None else 0
        # of listed edges weights and scores are kept, of all pairs matrices in float64
        needed = looks * (3 * 8 * pairs + 2 * strengths.nbytes)
        refuse_beyond_available(needed, "look at the weights less often")
        self.network, self.wires, self.dt = network, wires, dt
        self.weights = np.empty((looks, len(strengths)), strengths.dtype)
        self.at = set(range(span.first, span.last + 1, length))
        self.look(span.first)
        edges = sorted({begin for begin, _ in slices} | {end for _, end in slices} | (self.at - {span.first}))
        return list(itertools.pairwise(edges))

    def look(self, step: int) -> None:
        """Keep the weights after so many steps, if they are to be looked at."""
        if step in self.at:
            places = slice(None) if self.wires.places is None else self.wires.places
            self.weights[len(self.steps), places] = self.wires.remembered["strengths"]
            self.steps.append(step)

    def connectomes(self) -> list[Connectome]:
        """Give the weights over time, and delays where there are any, network by network: laid out as the wiring."""
        wiring = self.network.connectome
        several = self.network.n_networks is not None
        wirings = [wiring.isel(network=k) for k in range(self.network.n_networks or 0)] if several else [wiring]
        if self.wires.places is None:
            return [self._matrices(one, k) for k, one in enumerate(wirings)]
        assert self.wires.ends is not None
        bounds = np.searchsorted(self.wires.ends[0], np.arange(len(wirings) + 1))
        return [self._lists(one, self.weights[:, bounds[k] : bounds[k + 1]]) for k, one in enumerate(wirings)]

    def _lists(self, wiring: Connectome, weights: np.ndarray) -> Connectome:
        """Give the weights (time, edge), in the order of the wiring's list."""
        _, source, target = ends_of(wiring)
        return Connectome.from_edges(
            source, target, weight=weights, delay=None if wiring.delay is None else wiring.delay.values,
            **self._about(wiring),
        )  # fmt: skip

    def _matrices(self, wiring: Connectome, k: int) -> Connectome:
        """Give the weights (time, target, source)."""
        assert self.wires.ends is not None
        network, target, source = self.wires.ends
        mine = network == k
        weights = np.zeros((len(self.steps), wiring.n_units, wiring.n_units))
        weights[:, target[mine], source[mine]] = self.weights[:, mine]
        delay = None if wiring.delay is None else np.broadcast_to(wiring.delay.values, weights.shape)
        return Connectome(np.abs(weights), weight=weights, delay=delay, **self._about(wiring))

    def _about(self, wiring: Connectome) -> dict[str, Any]:
        about = {key: value for key, value in wiring.origin.items() if key != "versions"}
        return {
            **about,
            "provenance": {**about["provenance"], "made_by": "synfer.simulate.run_plastic"},
            "unit_ids": wiring.unit_ids,
            "leading": "time",
            "leading_ids": np.array(self.steps) * self.dt,
        }
