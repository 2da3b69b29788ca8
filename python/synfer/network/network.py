"""Network: a model, its parameters, its wiring and its drive; or a batch of networks of one size."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.network.coupling import RateCoupling
from synfer.network.drives import Drive, checked_drives, packed_drives, restored_drives
from synfer.network.models import check_parameters, check_synapse, model_named, refuse_unknown
from synfer.network.synapses import (
    PLASTICITIES,
    STDP,
    SYNAPSES,
    DeltaSynapse,
    Plasticity,
    ShortTermPlasticity,
    Synapse,
    checked_plasticities,
)
from synfer.storage import StrPath, as_floats, as_ids, read_datasets, understood, write_datasets


class Network:
    """A population of model neurons and how it is wired and driven; with a leading axis, a batch of them.

    Parameters
    ----------
    model : str
        Name of the neuron model, such as "izhikevich".
    parameters : dict of str to float or array
        The model's parameters: a scalar, an array (unit,), or in a batch an array (network, unit). Times are in
        seconds; `simulate.models` lists all with units, ranges and defaults, which those not given take.
    connectome : Connectome, or list of Connectome
        The wiring: weights W[target, source] in the unit that the synapse gives them, and delays, one step where it has
        none. Its leading "network" axis, if any, makes this a batch; a list is one (`Connectome.stack`), of networks
        whose edges may be listed and other than each other's.
    drive : Drive, sequence of Drive, dict of name to Drive, or None
        The input each neuron gets besides its synapses: a `GaussianDrive`, for instance, or several drives, which add
        up; None for none. A drive that has a name can be recorded by itself.
    synapse : DeltaSynapse, JumpSynapse, ExponentialSynapse, AlphaSynapse or ConductanceSynapse
        What a presynaptic spike does; default `DeltaSynapse`. Units without spikes are joined by a `RateCoupling`.
    plasticity : ShortTermPlasticity or STDP, or a sequence of one of each, optional
        How what it does changes; default not at all. With both, a spike brings weight x u x, the weight as STDP has it.
    ids : int or array (network,) of int, optional
        Number of each network, the key of its random draws: it travels with `isel`, so that a network of a batch
        taken alone is simulated as it was in the batch. Default 0, 1, ... (a batch: the connectome's). So every single
        network is number 0, and two of one number get the same noise under the same seed of `simulate.run`, whatever
        their wiring: units that nobody joins would look joined. Where networks are made one by one and compared, give
        each its own number here, ``ids=7``, or its own seed there.

    Raises
    ------
    ShapeError
        A parameter or ``ids`` has another shape; the message names it.
    InputError
        A value is not finite or out of its range, or the connectome has no weights, or several times; or the synapse is
        none that the model can have.
    UnknownNameError
        There is no such model, or it has no such parameter.

    Attributes
    ----------
    n_units : int
        Neurons in each network.
    n_networks : int or None
        Networks in the batch; None where there is no network axis.
    drives : tuple of Drive
        What drives it; the terms add up.
    plasticities : tuple of Plasticity
        How its synapses change.
    """

    def __init__(
        self,
        model: str,
        parameters: Mapping[str, Any],
        connectome: Connectome | Sequence[Connectome],
        *,
        drive: Drive | Sequence[Drive] | Mapping[str, Drive] | None = None,
        synapse: Synapse | RateCoupling | None = None,
        plasticity: Plasticity | Sequence[Plasticity] | None = None,
        ids: Any = None,
    ) -> None:
        if not isinstance(model, str) or not model:
            raise InputError(f"model must be the name of a neuron model; got {model!r:.60}.")
        about = model_named(model)
        if isinstance(connectome, list | tuple):
            connectome = Connectome.stack(connectome)
        if not isinstance(connectome, Connectome):
            raise InputError(f"connectome must be a Connectome; got a {type(connectome).__name__}.")
        if not isinstance(parameters, Mapping):
            raise InputError(
                f"parameters must be a dict of name to number or array; got a {type(parameters).__name__}."
            )
        if connectome.weight is None:
            raise InputError("connectome must have weights to be a network's wiring; make it by from_weights.")
        if connectome.leading == "time":
            raise InputError("connectome must be the wiring at one time; choose it by isel(time=...).")
        if synapse is None:
            synapse = DeltaSynapse() if about.spiking else RateCoupling()
        if not isinstance(synapse, tuple(SYNAPSES.values())):
            names = " or ".join(kind.__name__ for kind in SYNAPSES.values())
            raise InputError(f"synapse must be a {names}; got a {type(synapse).__name__}.")
        self.model = model
        self.connectome = connectome
        self.synapse = synapse
        self.plasticities = checked_plasticities(plasticity)
        check_synapse(about, synapse, self.plasticities)
        self.n_units = connectome.n_units
        self.n_networks = connectome.n_networks
        self.drives = checked_drives(drive, self.n_networks, self.n_units)
        if isinstance(synapse, RateCoupling):
            synapse.check_shapes(self.n_networks, self.n_units)
        refuse_unknown(about, parameters)
        self.parameters = {name: self._checked(name, value) for name, value in parameters.items()}
        check_parameters(about, self.parameters, self.unit_ids)
        self.ids = self._checked_ids(ids)

    @property
    def unit_ids(self) -> np.ndarray:
        """Labels of the neurons (unit,), the connectome's."""
        return self.connectome.unit_ids

    @property
    def drive(self) -> Drive | tuple[Drive, ...]:
        """What drives it, as it was given: one drive, or several."""
        return self.drives[0] if len(self.drives) == 1 else self.drives

    @property
    def plasticity(self) -> Plasticity | tuple[Plasticity, ...] | None:
        """How its synapses change: one plasticity, both, or None."""
        return self.plasticities if len(self.plasticities) > 1 else next(iter(self.plasticities), None)

    @property
    def short_term(self) -> ShortTermPlasticity | None:
        """Its short-term plasticity, if it has any."""
        return next((one for one in self.plasticities if isinstance(one, ShortTermPlasticity)), None)

    @property
    def stdp(self) -> STDP | None:
        """Its spike-timing-dependent plasticity, if it has any."""
        return next((one for one in self.plasticities if isinstance(one, STDP)), None)

    def isel(self, network: int | slice | Any) -> Network:
        """Networks of a batch by position; an int drops the axis, and the id is kept in every case.

        Parameters
        ----------
        network : int, slice, or array of int or bool
            Which networks.

        Raises
        ------
        InputError
            This is no batch, or a position lies outside it.
        """
        connectome = self.connectome.isel(network=network)
        chosen = np.arange(len(self.ids))[network]
        parameters = {
            name: value[network] if isinstance(value, np.ndarray) and value.ndim == 2 else value
            for name, value in self.parameters.items()
        }
        ids = np.atleast_1d(self.ids[chosen])
        drives = tuple(drive.isel(network) for drive in self.drives)
        synapse = self.synapse.isel(network) if isinstance(self.synapse, RateCoupling) else self.synapse
        return Network(
            self.model,
            parameters,
            connectome,
            drive=drives,
            synapse=synapse,
            plasticity=self.plasticity,
            ids=ids,
        )

    def save(self, path: StrPath) -> None:
        """Write to a NetCDF4 file, whole or not at all; the wiring is its group "connectome".

        A file that is there is replaced.

        Raises
        ------
        FileError
            The file cannot be written.
        """
        dims = {0: (), 1: ("unit",), 2: ("network", "unit")}
        lags = self.synapse.lags if isinstance(self.synapse, RateCoupling) else None
        couplings = {} if lags is None else {"lags": (("network", "lag", "target", "source")[-lags.ndim :], lags)}
        drives, arrays = packed_drives(self.drives)
        root = xr.Dataset(
            {name: (dims[np.ndim(value)], value) for name, value in {**self.parameters, **arrays}.items()} | couplings,
            coords={"unit": self.unit_ids, "network": self.ids},
            attrs={
                "model": self.model,
                "parameters": json.dumps(list(self.parameters)),
                "unit_of_times": "s",
                "drive": json.dumps(drives),
                "synapse": _told(self.synapse),
                **({"plasticity": f"[{', '.join(map(_told, self.plasticities))}]"} if self.plasticities else {}),
            },
        )
        write_datasets(path, "network", {"/": root, "connectome": self.connectome.to_xarray()})

    @classmethod
    def load(cls, path: StrPath) -> Network:
        """Read what `save` wrote.

        Raises
        ------
        FileError
            Missing, damaged, or not a network.
        """
        with understood(path):
            root, wiring = read_datasets(path, "network", ("/", "connectome"))
            values = {name: root[name].values for name in json.loads(root.attrs["parameters"])}
            if "unit_of_times" not in root.attrs:  # of before they were seconds
                scales = model_named(root.attrs["model"]).scales
                values = {name: value / scales[name] for name, value in values.items()}
            return cls(
                root.attrs["model"],
                {name: value.item() if value.ndim == 0 else value for name, value in values.items()},
                Connectome.from_xarray(wiring),
                drive=restored_drives(json.loads(root.attrs["drive"]), root),
                synapse=_lagged(root) or _restored(json.loads(root.attrs["synapse"]), SYNAPSES),
                plasticity=_plasticities(root),
                ids=root["network"].values,
            )

    def identical(self, other: object) -> bool:
        """Whether the other is a network with equal model, parameters, wiring, drive, synapse, plasticity and ids."""
        return (
            isinstance(other, Network)
            and (self.model, self.drives) == (other.model, other.drives)
            and (self.synapse, self.plasticities) == (other.synapse, other.plasticities)
            and self.parameters.keys() == other.parameters.keys()
            and all(np.array_equal(value, other.parameters[name]) for name, value in self.parameters.items())
            and np.array_equal(self.ids, other.ids)
            and self.connectome.identical(other.connectome)
        )

    def __repr__(self) -> str:
        batch = "" if self.n_networks is None else f"{self.n_networks} networks x "
        lines = [f"<synfer.Network {self.model}, {batch}{self.n_units} units"]
        lines += [f"  {name:<{self._width}}  {text}" for name, text in self._summary().items()]
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        batch = "" if self.n_networks is None else f"{self.n_networks} networks x "
        title = f"Network: {self.model}, {batch}{self.n_units} units"
        return pd.Series(self._summary(), dtype=object).to_frame(title).to_html(escape=True)

    @property
    def _width(self) -> int:
        return max(len(name) for name in self._summary())

    def _summary(self) -> dict[str, str]:
        """What the two representations show, line by line."""
        shown = {}
        for name, value in self.parameters.items():
            low, high = float(np.min(value)), float(np.max(value))
            shown[name] = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        weight = self.connectome.weight
        assert weight is not None
        weights = weight.values
        n_synapses = int(np.count_nonzero(weights))
        networks = self.n_networks or 1
        shown["synapses"] = (
            f"{n_synapses / networks:.4g} a network, {int(np.sum(weights < 0)) / networks:.4g} inhibitory"
        )
        if n_synapses:
            shown["weights"] = f"{np.min(weights):.4g} to {np.max(weights):.4g}"
        if self.plasticities:
            shown["plasticity"] = " + ".join(map(repr, self.plasticities))
        shown["synapse"], shown["drive"] = repr(self.synapse), " + ".join(map(repr, self.drives)) or "none"
        return shown

    def _checked(self, name: str, value: Any) -> float | np.ndarray:
        array = as_floats(value, f"parameter {name!r}")
        shapes = [(), (self.n_units,)] + ([] if self.n_networks is None else [(self.n_networks, self.n_units)])
        if array.shape not in shapes:
            batch = "" if self.n_networks is None else f", or (network, unit) = ({self.n_networks}, {self.n_units})"
            raise ShapeError(
                f"parameter {name!r} must be scalar or of shape (unit,) = ({self.n_units},){batch}; got {array.shape}."
            )
        if not np.all(np.isfinite(array)):
            raise InputError(f"parameter {name!r} must be finite; it holds NaN or infinity.")
        return float(array) if array.ndim == 0 else array

    def _checked_ids(self, ids: Any) -> np.ndarray:
        n = self.n_networks or 1
        if ids is None and self.n_networks is not None:
            ids = self.connectome.leading_ids
        if self.n_networks is None and isinstance(ids, int | np.integer) and not isinstance(ids, bool):
            ids = [ids]
        checked = as_ids(ids, n, "ids")
        if checked.dtype.kind not in "iu" or np.any(checked < 0):
            raise InputError(
                f"ids must be integers, at least 0: they key the random draws; got {checked.tolist()[:5]}."
            )
        return checked.astype(np.int64)


def _lagged(root: xr.Dataset) -> RateCoupling | None:
    return RateCoupling(root["lags"].values) if "lags" in root else None


def _told(thing: Any) -> str:
    """Kind and numbers of a synapse, without its arrays."""
    fields = {name: value for name, value in dataclasses.asdict(thing).items() if not isinstance(value, np.ndarray)}
    return json.dumps({"kind": thing.kind, **fields})


def _plasticities(root: xr.Dataset) -> list[Any]:
    told = json.loads(root.attrs.get("plasticity", "[]"))
    # Until there could be several, one was told alone.
    return [_restored(one, PLASTICITIES) for one in ([told] if isinstance(told, dict) else told)]


def _restored(fields: dict[str, Any], known: Mapping[str, type]) -> Any:
    kind = fields.pop("kind")
    if kind not in known:
        raise UnknownNameError.of("kind", kind, known)
    return known[kind](**fields)
