"""What a simulated network must have for a remembered state to mean the same: compared where a run goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from synfer.errors import ShapeError

DIGEST_BYTES = 16


@dataclasses.dataclass(frozen=True, eq=False)
class Fingerprint:
    """What gives the arrays of a `State` their meaning; of weights and parameters, which may change, nothing.

    Attributes
    ----------
    dtype : str
        In which it was simulated.
    synapse : str
        Kind of the synapses.
    plasticity : tuple of str
        Kinds of what changes them.
    drives : dict of str to str
        Kind of each drive that has a memory, under the memory's name in the state.
    wiring : array (network, 16) of uint8, or None
        A hash of the ends and delays of each network's edges, however they are laid out; None where the state holds
        neither spikes under way nor strengths.
    edges : array (network,) of int64, or None
        How many these are.
    """

    dtype: str
    synapse: str
    plasticity: tuple[str, ...]
    drives: Mapping[str, str]
    wiring: np.ndarray | None = None
    edges: np.ndarray | None = None

    def check_shapes(self, n_networks: int) -> None:
        """Refuse what is no fingerprint of so many networks.

        Raises
        ------
        ShapeError
            Naming the field.
        """
        for name, shape in (("wiring", (n_networks, DIGEST_BYTES)), ("edges", (n_networks,))):
            array = getattr(self, name)
            if array is not None and (not isinstance(array, np.ndarray) or array.shape != shape):
                raise ShapeError(f"{name} of the fingerprint must be an array of shape {shape}; got {array!r:.60}.")

    def kinds(self) -> dict[str, Any]:
        """Give all but the wiring, as JSON has it."""
        return {"dtype": self.dtype, "synapse": self.synapse, "plasticity": list(self.plasticity),
                "drives": dict(self.drives)}  # fmt: skip

    def isel(self, chosen: np.ndarray) -> Fingerprint:
        """Give that of some of the networks, by position."""
        wiring, edges = (None if array is None else array[chosen] for array in (self.wiring, self.edges))
        return dataclasses.replace(self, wiring=wiring, edges=edges)

    def rewired(self, other: Fingerprint) -> np.ndarray:
        """Give the positions of networks whose edges have other ends or delays; both have a wiring or neither."""
        if self.wiring is None or other.wiring is None:
            return np.empty(0, np.int64)
        return np.flatnonzero((self.wiring != other.wiring).any(1))
