"""A recording as Neo's Block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synfer.errors import InputError
from synfer.recording.formats.common import needed
from synfer.storage import on_host

if TYPE_CHECKING:
    from synfer.recording.recording import Recording


def to_block(recording: Recording) -> Any:
    """A segment, or one a trial, with spike trains and analog signals; see `Recording.to_neo`."""
    neo, pq = needed("neo", "neo"), needed("quantities", "neo")
    if recording.leading == "network":
        raise InputError("a Block holds one population: choose a network by isel(network=...).")
    block = neo.Block(name="synfer")
    parts = [recording] if recording.leading is None else [recording.isel(trial=k) for k in range(recording.shape[0])]
    for part in parts:
        segment = neo.Segment()
        if "spikes" in part:
            _add_trains(neo, segment, part)
        for name in part.signal_names:
            if name != "spikes":
                segment.analogsignals.append(_signal(neo, pq, part, name))
        block.segments.append(segment)
    return block


def _add_trains(neo: Any, segment: Any, part: Recording) -> None:
    events = part.spike_times()
    times, units = events["time"].values, events["unit"].values
    for k, label in enumerate(part.unit_ids.tolist()):
        about = {name: column[k].item() for name, column in part._unit_info.items()}
        train = neo.SpikeTrain(
            times[units == label], units="s", t_start=part.t0, t_stop=part.t0 + part.duration, name=str(label)
        )
        train.annotate(id=label, **about)
        segment.spiketrains.append(train)


def _signal(neo: Any, pq: Any, part: Recording, name: str) -> Any:
    return neo.AnalogSignal(
        on_host(part[name]),
        units=_unit(pq, part.units_of_measure.get(name, "")),
        sampling_rate=1.0 / part.dt * pq.Hz,
        t_start=part.t0 * pq.s,
        name=name,
        array_annotations={"channel_ids": part.unit_ids, **part._unit_info},
    )


def _unit(pq: Any, measure: str) -> Any:
    """The unit of measure by its name, or none where Neo's package does not know it."""
    try:
        return pq.Quantity(1.0, measure).units if measure else pq.dimensionless
    except LookupError:
        return pq.dimensionless
