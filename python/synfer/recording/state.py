"""The state that a simulation ends in, from which another goes on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from synfer.arguments import checked_count, checked_numbers, checked_seed
from synfer.errors import InputError, ShapeError
from synfer.recording.fingerprint import Fingerprint
from synfer.storage import StrPath, as_ids, as_number, read_datasets, rectangular, understood, write_datasets

if TYPE_CHECKING:
    from synfer.network import Network
    from synfer.recording.recording import Recording

MOST_STEPS = 2**34 - 1
"""The draws' counter holds no more."""
_WIRING, _EDGES = "fingerprint_wiring", "fingerprint_edges"
_ONE = ("model", "dt")
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

    Raises
    ------
    InputError, ShapeError
        Something of it is none, of another kind, or not finite.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, run
    >>> batch = izhikevich_network(8, 2, p=0.4, n_networks=3, seed=1)
    >>> state = run(batch, duration=0.1).final_state
    >>> run(batch.isel(network=2), duration=0.1, initial_state=state.isel(network=2)).t0
    0.101
    """

    model: str
    ids: np.ndarray
    step: int
    dt: float
    seed: int
    arrays: Mapping[str, np.ndarray]
    fingerprint: Fingerprint | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        if not isinstance(self.model, str):
            raise InputError(f"model must be the name of a neuron model; got {self.model!r:.60}.")
        labels = np.atleast_1d(rectangular(self.ids, "ids"))
        put("ids", as_ids(labels, labels.size, "ids"))
        if labels.size == 0 or self.ids.dtype.kind not in "iu" or np.any(self.ids < 0):
            raise InputError(f"ids must be integers, at least 0, one or more; got {self.ids.tolist()[:5]}.")
        put("step", checked_count("step", self.step, 0, MOST_STEPS))
        put("dt", as_number(self.dt, "dt", positive=True))
        put("seed", checked_seed(self.seed))
        if not isinstance(self.arrays, Mapping) or not all(isinstance(name, str) for name in self.arrays):
            raise InputError(f"arrays must be a dict of names to arrays; got {self.arrays!r:.60}.")
        put("arrays", {name: self._checked(name, array) for name, array in self.arrays.items()})
        if self.fingerprint is not None and not isinstance(self.fingerprint, Fingerprint):
            raise InputError(f"fingerprint must be a Fingerprint or None; got a {type(self.fingerprint).__name__}.")
        if self.fingerprint is not None:
            self.fingerprint.check_shapes(len(self.ids))

    def _checked(self, name: str, array: Any) -> np.ndarray:
        values = checked_numbers(f"arrays[{name!r}]", array)
        # the strengths of all networks' edges are one list
        if values.ndim == 0 or (name != "strengths" and len(values) != len(self.ids)):
            raise ShapeError(f"arrays[{name!r}] must have shape (network = {len(self.ids)}, ...); got {values.shape}.")
        if not np.all(np.isfinite(values)):
            raise InputError(f"arrays[{name!r}] must be finite; it holds NaN or infinity.")
        return values

    @property
    def time(self) -> float:
        """Seconds since the beginning."""
        return self.step * self.dt

    def __repr__(self) -> str:
        several = f"networks {', '.join(map(str, self.ids[:5].tolist()))}" + (", ..." if len(self.ids) > 5 else "")
        which = f"network {self.ids[0]}" if len(self.ids) == 1 else f"{len(self.ids)} {several}"
        return (
            f"<synfer.State of {which}, model {self.model!r}, after step {self.step} ({self.time:g} s at dt = "
            f"{self.dt:g} s), seed {self.seed}>"
        )

    def isel(self, network: int | slice | Any) -> State:
        """Networks of a batch by position, to go on without the others, as `Network.isel` gives them.

        Parameters
        ----------
        network : int, slice, or array of int or bool
            Which networks.

        Returns
        -------
        State
            Of copies: with an int that of a single network, which keeps its id and so its random numbers, whatever
            delays the others have.

        Raises
        ------
        InputError
            A position lies outside the batch, none or one twice is taken, or the state has strengths of several
            networks and was saved before it was kept whose they are.
        """
        n = len(self.ids)
        try:
            chosen = np.atleast_1d(np.arange(n)[network])
        except (IndexError, OverflowError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(f"network must select among {n} networks; got {network!r} ({error}).") from error
        if chosen.ndim != 1 or len(chosen) == 0 or len(np.unique(chosen)) < len(chosen):
            raise InputError(f"network must select at least one of {n} networks, and none twice; got {network!r}.")
        arrays = {name: array[chosen] for name, array in self.arrays.items() if name != "strengths"}
        made = self.fingerprint
        if "strengths" in self.arrays:
            if made is not None and made.edges is not None:
                ends = np.cumsum(made.edges)
            elif n == 1:
                ends = np.array([len(self.arrays["strengths"])])
            else:
                raise InputError(
                    "this state does not say which strengths are whose, as those saved by earlier versions: go on with "
                    "the whole batch, and take isel of the final_state that this gives."
                )
            lists = np.split(self.arrays["strengths"], ends[:-1])
            arrays["strengths"] = np.concatenate([lists[k] for k in chosen])
        made = None if made is None else made.isel(chosen)
        return dataclasses.replace(self, ids=self.ids[chosen], arrays=arrays, fingerprint=made)

    def to_xarray(self) -> xr.Dataset:
        """Give a Dataset that shares the arrays' memory; attributes tell the rest."""
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
        return xr.Dataset(fields, coords={"network": self.ids}, attrs={"about": json.dumps(about), **made})

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> State:
        """Build from what `to_xarray` gave.

        Raises
        ------
        InputError, ShapeError
            As for `State`.
        """
        if not isinstance(data, xr.Dataset) or "about" not in data.attrs:
            raise InputError(f"data must be a Dataset of State.to_xarray; got {data!r:.60}.")
        about = json.loads(data.attrs["about"])
        about["seed"] = int(about["seed"])
        arrays = {str(k): v.values for k, v in data.data_vars.items()}
        wiring, edges = arrays.pop(_WIRING, None), arrays.pop(_EDGES, None)
        made = None
        if "fingerprint" in data.attrs:
            kinds = json.loads(data.attrs["fingerprint"])
            kinds["plasticity"] = tuple(kinds["plasticity"])
            made = Fingerprint(**kinds, wiring=wiring, edges=edges)
        return cls(ids=data["network"].values, arrays=arrays, fingerprint=made, **about)

    def save(self, path: StrPath) -> None:
        """Write to a NetCDF4 file, whole or not at all. (`Recording.save` writes its state along.)

        Raises
        ------
        FileError
            The file cannot be written.
        """
        write_datasets(path, "state", {"/": self.to_xarray()})

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
            return cls.from_xarray(root)

    def fitted(self, shapes: Mapping[str, tuple[int, ...]], receptors: int) -> State:
        """Give this with no more slots for what is under way than a network needs that is taken of a batch.

        What arrives before step k is in slot k mod longest delay (csrc/simulator/wiring.hpp), of the batch as yet.
        Left as it is where that cannot be, for `refuse_other` to refuse.

        Parameters
        ----------
        shapes : dict of str to tuple
            The arrays that a state of the network has.
        receptors : int
            Of each unit.
        """
        pending, shape = self.arrays.get("pending"), shapes.get("pending")
        if pending is not None and shape is None and not pending.any():  # delays of one step: nothing waits
            return dataclasses.replace(self, arrays={k: v for k, v in self.arrays.items() if k != "pending"})
        if (
            pending is None
            or shape is None
            or pending.ndim != 3
            or pending.shape[1] <= shape[1]
            or pending.shape[::2] != shape[::2]
        ):
            return self
        before, needed = pending.shape[1] // receptors, shape[1] // receptors
        steps = self.step + np.arange(before)
        arriving = pending.reshape(len(pending), before, receptors, -1)[:, steps % before]
        if arriving[:, needed:].any():
            return self
        slots = np.empty_like(arriving[:, :needed])
        slots[:, steps[:needed] % needed] = arriving[:, :needed]
        return dataclasses.replace(self, arrays={**self.arrays, "pending": slots.reshape(shape)})

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
                    f"initial_state is that of another simulation: its {what} {'is' if what in _ONE else 'are'} {got}, "
                    f"not {wanted}; {_MEND}"
                )
        if mine is not None and (rewired := mine.rewired(other)).size:
            raise InputError(
                f"initial_state is that of another simulation: the edges of network {network.ids[rewired[0]]} have "
                f"other ends or delays than the state's; {_MEND}"
            )


def state_of_part(recording: Recording, to_the_end: bool, networks: Any) -> tuple[Any, str]:
    """Give the state that goes with a part of a recording, or None and why there is none.

    Parameters
    ----------
    recording : Recording
        The whole.
    to_the_end : bool
        Whether the part has the end that the state is of.
    networks : int, slice or array, optional
        Positions along its networks.
    """
    state = recording._final_state
    if not isinstance(state, State):
        return None, recording._stateless
    if not to_the_end:
        return None, "it ends before the simulation did: to go on from there, run for so long and take that recording's"
    try:
        return state if networks is None else state.isel(networks), ""
    except InputError as error:
        return None, str(error).rstrip(".")
