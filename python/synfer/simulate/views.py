"""What of a run one recording shows: which signals of which units, how often, and where they are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synfer import _core
from synfer.errors import InputError, UnknownNameError
from synfer.network import Network
from synfer.recording import Recording
from synfer.recording.spikes import ListedSpikes, SpikeEvents
from synfer.simulate import recorded
from synfer.simulate.neurons import NeuronModel
from synfer.simulate.recorded import Span
from synfer.storage import positions

ASKED = {"record": None, "every": 1, "spikes": "raster", "units": None, "out": None}
"""What may be asked of a view, with its defaults: those of `synfer.simulate.run`."""


@dataclasses.dataclass
class View:
    """One recording of a run.

    Attributes
    ----------
    span : Span
        Its steps.
    units : array (unit,) or None
        The positions of the units it shows, rising; None for all.
    kinds : dict of str to dtype
        Its signals, in the order asked for.
    shape : tuple
        Of each of them, ([network,] row, unit).
    listed : bool
        Whether signal "spikes" is held as a list of spikes.
    given : dict of str to array
        Where the caller wants some of the signals.
    alone : dict of str to int
        Of signals that are a drive by itself, its place among the drives.
    """

    span: Span
    units: np.ndarray | None
    kinds: dict[str, np.dtype]
    shape: tuple[int, ...]
    listed: bool
    given: dict[str, np.ndarray]
    alone: dict[str, int]

    @classmethod
    def of(
        cls,
        asked: Mapping[str, Any],
        span: Span,
        network: Network,
        model: NeuronModel,
        alone: Mapping[str, int],
        kind: np.dtype,
    ) -> View:
        """Check what is asked of a view.

        Parameters
        ----------
        asked : dict
            Some of `ASKED`.
        span : Span
            Its steps, ``every`` included.
        network, model, kind
            What is simulated, in which dtype.
        alone : dict of str to int
            The signals that drives are by themselves, and their places among the drives.

        Raises
        ------
        InputError, ShapeError, UnknownNameError
            Something of it cannot be recorded.
        """
        asked = {**ASKED, **asked}
        known = (*model.states, *(("spikes",) if model.spiking else ()), "drive", *alone)
        names = recorded.checked_signals(model.states[:1] if asked["record"] is None else asked["record"], known)
        counted = recorded.spike_dtype(names, span.every, asked["spikes"])
        listed = asked["spikes"] == "events"
        units = None if asked["units"] is None else _units(asked["units"], network.unit_ids)
        n_units = network.n_units if units is None else len(units)
        leading = () if network.n_networks is None else (network.n_networks,)
        shape = (*leading, span.n_rows, n_units)
        kinds = {name: counted if name == "spikes" else kind for name in names}
        held = {name: dtype for name, dtype in kinds.items() if not (listed and name == "spikes")}
        given = recorded.given_arrays(asked["out"], held, shape)
        return cls(span, units, kinds, shape, listed, given, {name: alone[name] for name in names if name in alone})

    @property
    def held(self) -> list[str]:
        """Names of the signals that are arrays."""
        return [name for name in self.kinds if not (self.listed and name == "spikes")]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a unit, of the arrays that are still to be made."""
        return sum(self.kinds[name].itemsize for name in self.held if name not in self.given)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays that are still to be made."""
        return int(np.prod(self.shape, dtype=object)) * self.row_bytes

    def arrays(self) -> dict[str, np.ndarray]:
        """Give the arrays to record into."""
        return {name: self.given.get(name, _core.empty(self.shape, self.kinds[name])) for name in self.held}

    def bound(self, signals: Mapping[str, np.ndarray]) -> tuple[int, list[int] | None, dict[str, np.ndarray], bool]:
        """Give what the core takes, see csrc/bindings/simulation.hpp."""
        called = {name: f"drive:{place}" for name, place in self.alone.items()}
        rows = {called.get(name, name): array.reshape(-1, *self.shape[-2:]) for name, array in signals.items()}
        return self.span.every, None if self.units is None else self.units.tolist(), rows, self.listed

    def recording(
        self,
        signals: Mapping[str, Any],
        events: SpikeEvents | None,
        network: Network,
        model: NeuronModel,
        dt: float,
        provenance: Mapping[str, Any],
    ) -> Recording:
        """Give the recording of what was recorded."""
        units = {**model.units_of_measure, "spikes": "1"} | dict.fromkeys(self.alone, model.units_of_measure["drive"])
        batch = network.n_networks is not None
        return Recording(
            {name: signals.get(name, ListedSpikes(self.shape, self.kinds[name])) for name in self.kinds},
            self.span.every * dt,
            unit_ids=network.unit_ids if self.units is None else network.unit_ids[self.units],
            leading="network" if batch else None,
            leading_ids=network.ids if batch else None,
            t0=(self.span.kept + self.span.every) * dt,
            units_of_measure={name: units[name] for name in self.kinds},
            provenance=provenance,
            events=events,
        )

    def events(self, simulation: _core.Simulation, place: int, dt: float) -> SpikeEvents | None:
        """Give the spikes that were listed for this, view number ``place`` of the simulation."""
        if not self.listed:
            return None
        network, step, unit = simulation.events(record=place, networks=len(self.shape) == 3)
        time = (step + 1) * dt
        step -= self.span.kept
        step //= self.span.every
        return SpikeEvents(time, step, unit, network)


def checked_views(views: Any) -> dict[str, dict[str, Any]]:
    """Give the views that a caller asks for by name, each a dict of some of `ASKED`.

    Raises
    ------
    InputError, UnknownNameError
        They are no dict of dicts, or ask for something else.
    """
    if not isinstance(views, Mapping) or not views:
        raise InputError(
            "views must be a dict of name to what is recorded there, such as {'all': {'record': 'spikes', 'spikes': "
            f"'events'}}}}; got {views!r:.60}."
        )
    for name, asked in views.items():
        if not isinstance(name, str):
            raise InputError(f"views must have names of text; got {name!r:.60}.")
        if not isinstance(asked, Mapping):
            raise InputError(f"views[{name!r}] must be a dict of {', '.join(ASKED)}; got a {type(asked).__name__}.")
        for key in asked:
            if key not in ASKED:
                raise UnknownNameError.of(f"views[{name!r}]: argument", str(key), ASKED)
    return {name: dict(asked) for name, asked in views.items()}


def refuse_shared_memory(views: Sequence[View]) -> None:
    """Raise where two views are to record into the same memory.

    Raises
    ------
    InputError
        Naming the signals.
    """
    arrays = [(place, name, array) for place, view in enumerate(views) for name, array in view.given.items()]
    for place, name, array in arrays:
        for other, name_there, array_there in arrays:
            if other > place and np.may_share_memory(array, array_there):
                raise InputError(f"out[{name!r}] of one view and out[{name_there!r}] of another must not share memory.")


def _units(given: Any, unit_ids: np.ndarray) -> np.ndarray:
    places = positions(unit_ids, given, "units")
    if len(places) == 0 or len(np.unique(places)) < len(places):
        raise InputError(f"units must name at least one unit, and none twice; got {given!r:.60}.")
    return np.sort(places)
