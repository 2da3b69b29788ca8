"""The state that a simulation ends in, from which another goes on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from synfer.errors import InputError
from synfer.network import Network
from synfer.simulate.fingerprint import Fingerprint
from synfer.storage import StrPath, read_datasets, understood, write_datasets

_WIRING, _EDGES = "fingerprint_wiring", "fingerprint_edges"
_MEND = "give the state's own network, dt, dtype and drives, or a dict of the model's states to begin anew."


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """Everything that a simulation remembers after its last step: give it to `run` as ``initial_state`` to go on.

    A run that goes on is the same to the bit as one that was never interrupted: the same numbers are drawn, for they
    depend on the step, which is counted on. It goes on in the network that it is of: parameters, weights and drives
    without a memory may have changed, on purpose, in between. What its arrays are about may not, and is compared: the
    kinds of synapse, plasticity and drives with a memory, the dtype, and where spikes are under way (delays longer than
    a step) or strengths are learnt, the ends and delays of the edges. An edge of weight 0 remains one in a list of
    edges, not in a matrix; strengths that are learnt are the state's, whatever the weights.

    Attributes
    ----------
    model : str
        The neurons' model.
    ids : array (network,) of int
        Ids of the networks, in order.
    step : int
        Steps taken since the beginning.
    dt : float
        Seconds each.
    seed : int
        Of the random numbers.
    arrays : dict of str to array (network, ...)
        What is remembered: "state" (network, state, unit), the model's states in the core's order; "drive0", "drive1",
        ... of those drives that have a memory; and what the synapses remember.
    fingerprint : Fingerprint or None
        What is compared besides; None in states saved before it was kept, of which shapes alone are compared.
    """

    model: str
    ids: np.ndarray
    step: int
    dt: float
    seed: int
    arrays: Mapping[str, np.ndarray]
    fingerprint: Fingerprint | None = None

    @property
    def time(self) -> float:
        """Seconds since the beginning."""
        return self.step * self.dt

    def save(self, path: StrPath) -> None:
        """Write to a NetCDF4 file, whole or not at all.

        Raises
        ------
        FileError
            The file cannot be written.
        """
        # the weights of all networks' edges are one list
        dims = {name: ("edge" if name == "strengths" else "network", *(f"{name}_{k}" for k in range(1, array.ndim)))
                for name, array in self.arrays.items()}  # fmt: skip
        about = {"model": self.model, "step": self.step, "dt": self.dt, "seed": str(self.seed)}
        fields: dict[str, Any] = {name: (dims[name], array) for name, array in self.arrays.items()}
        made = {}
        if self.fingerprint is not None:
            made = {"fingerprint": json.dumps(self.fingerprint.kinds())}
            if self.fingerprint.wiring is not None and self.fingerprint.edges is not None:
                fields[_WIRING] = (("network", "byte"), self.fingerprint.wiring)
                fields[_EDGES] = (("network",), self.fingerprint.edges)
        root = xr.Dataset(fields, coords={"network": self.ids}, attrs={"about": json.dumps(about), **made})
        write_datasets(path, "state", {"/": root})

    @classmethod
    def load(cls, path: StrPath) -> State:
        """Read what `save` wrote.

        Raises
        ------
        FileError
            Missing, damaged, or not a state.
        """
        with understood(path):
            (root,) = read_datasets(path, "state")
            about = json.loads(root.attrs["about"])
            about["seed"] = int(about["seed"])
            arrays = {str(k): v.values for k, v in root.data_vars.items()}
            wiring, edges = arrays.pop(_WIRING, None), arrays.pop(_EDGES, None)
            made = None
            if "fingerprint" in root.attrs:
                kinds = json.loads(root.attrs["fingerprint"])
                kinds["plasticity"] = tuple(kinds["plasticity"])
                made = Fingerprint(**kinds, wiring=wiring, edges=edges)
            return cls(ids=root["network"].values, arrays=arrays, fingerprint=made, **about)

    def refuse_other(
        self, network: Network, dt: float, shapes: Mapping[str, tuple[int, ...]], other: Fingerprint
    ) -> None:
        """Raise where this is not a state of that network simulated with that step.

        Parameters
        ----------
        network : Network
            To be simulated.
        dt : float
            Its step in seconds.
        shapes : dict of str to tuple
            The arrays that a state of it has.
        other : Fingerprint
            Its own.

        Raises
        ------
        InputError
            Saying what differs.
        """
        pairs: list[tuple[str, Any, Any]] = [
            ("model", self.model, network.model),
            ("ids", self.ids.tolist(), network.ids.tolist()),
            ("dt", self.dt, dt),
        ]
        mine = self.fingerprint
        if mine is not None:
            told = {"synapses": "synapse", "plasticities": "plasticity", "drives with a memory": "drives"}
            pairs += [(what, getattr(mine, name), getattr(other, name)) for what, name in told.items()]
        pairs += [
            ("arrays", {name: array.shape for name, array in self.arrays.items()}, dict(shapes)),
        ]
        if mine is not None:
            pairs.append(("numbers", mine.dtype, other.dtype))
        for what, got, wanted in pairs:
            if got != wanted:
                raise InputError(
                    f"initial_state is that of another simulation: its {what} are {got}, not {wanted}; {_MEND}"
                )
        if mine is not None and (rewired := mine.rewired(other)).size:
            raise InputError(
                f"initial_state is that of another simulation: the edges of network {network.ids[rewired[0]]} have "
                f"other ends or delays than the state's; {_MEND}"
            )
