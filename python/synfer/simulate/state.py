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
from synfer.storage import StrPath, read_datasets, understood, write_datasets


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """Everything that a simulation remembers after its last step: give it to `run` as ``initial_state`` to go on.

    A run that goes on is the same to the bit as one that was never interrupted: the same numbers are drawn, for they
    depend on the step, which is counted on.

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
        ... of those drives that have a memory.
    """

    model: str
    ids: np.ndarray
    step: int
    dt: float
    seed: int
    arrays: Mapping[str, np.ndarray]

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
        root = xr.Dataset(
            {name: (dims[name], array) for name, array in self.arrays.items()},
            coords={"network": self.ids},
            attrs={"about": json.dumps(about)},
        )
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
            return cls(
                ids=root["network"].values, arrays={str(k): v.values for k, v in root.data_vars.items()}, **about
            )

    def refuse_other(self, network: Network, dt: float, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise where this is not a state of that network simulated with that step.

        Parameters
        ----------
        network : Network
            To be simulated.
        dt : float
            Its step in seconds.
        shapes : dict of str to tuple
            The arrays that a state of it has.

        Raises
        ------
        InputError
            Saying what differs.
        """
        pairs: list[tuple[str, Any, Any]] = [
            ("model", self.model, network.model),
            ("ids", self.ids.tolist(), network.ids.tolist()),
            ("dt", self.dt, dt),
            ("arrays", {name: array.shape for name, array in self.arrays.items()}, dict(shapes)),
        ]
        for what, mine, wanted in pairs:
            if mine != wanted:
                raise InputError(
                    f"initial_state is that of another simulation: its {what} are {mine}, not {wanted}; give the "
                    "state's own network, dt and drives, or a dict of the model's states to begin anew."
                )
