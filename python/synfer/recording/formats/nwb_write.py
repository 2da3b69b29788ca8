"""A recording as a file of Neurodata Without Borders."""

from __future__ import annotations

import uuid
import warnings
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from synfer.errors import FileError, InputError
from synfer.recording.formats.common import needed
from synfer.recording.formats.nwb_table import AREA, UNKNOWN
from synfer.storage import StrPath, as_path, on_host, written_whole

if TYPE_CHECKING:
    from synfer.recording.recording import Recording

SIGNAL = "synfer signal "
"""Begins the comment of a series that holds a signal, whose name follows."""


def write(
    path: StrPath,
    recording: Recording,
    description: str,
    identifier: str | None,
    start: datetime | None,
    *,
    overwrite: bool = False,
) -> None:
    """Write spikes as a units table, each other signal as an electrical series; see `Recording.to_nwb`."""
    pynwb = needed("pynwb", "nwb")
    if not overwrite and as_path(path).exists():
        raise FileError(f"cannot write {str(path)!r}: it is there already; choose another name or give overwrite=True.")
    if recording.leading is not None:
        raise InputError(
            f"an NWB file holds one stretch of time of one population: choose it by isel({recording.leading}=...)."
        )
    if start is not None and not isinstance(start, datetime):
        raise InputError(f"session_start_time must be a datetime; got a {type(start).__name__}.")
    begun = datetime.now(timezone.utc) if start is None else start if start.tzinfo else start.astimezone()
    file = pynwb.NWBFile(
        session_description=description, identifier=identifier or str(uuid.uuid4()), session_start_time=begun
    )
    info = dict(recording._unit_info)
    ids = recording.unit_ids
    numbers = ids if ids.dtype.kind in "iu" else np.arange(len(ids))
    if ids.dtype.kind == "U":
        info["label"] = ids
    if "spikes" in recording:
        _add_units(file, recording, numbers, info)
    others = [name for name in recording.signal_names if name != "spikes"]
    if others:
        _add_series(pynwb, file, recording, others, numbers, info)
    with written_whole(path) as draft, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The file path provided")  # a draft's name does not end in .nwb
        with pynwb.NWBHDF5IO(str(draft), "w") as io:
            io.write(file)


def _add_units(file: Any, recording: Recording, numbers: np.ndarray, info: dict[str, np.ndarray]) -> None:
    for name in info:
        file.add_unit_column(name, f"{name} of the unit")
    events = recording.spike_times()
    times, units = events["time"].values, events["unit"].values
    span = [[recording.t0, recording.t0 + recording.duration]]
    for k, label in enumerate(recording.unit_ids):
        about = {name: column[k].item() for name, column in info.items()}
        file.add_unit(id=int(numbers[k]), spike_times=times[units == label], obs_intervals=span, **about)


def _add_series(
    pynwb: Any, file: Any, recording: Recording, names: list[str], numbers: np.ndarray, info: dict[str, np.ndarray]
) -> None:
    group = file.create_electrode_group(
        name="population", description="one a unit", location=UNKNOWN, device=file.create_device(name="synfer")
    )
    rest = {name: column for name, column in info.items() if name != AREA}
    for name in rest:
        file.add_electrode_column(name, f"{name} of the unit")
    areas = [str(area) or UNKNOWN for area in info.get(AREA, np.full(len(numbers), ""))]
    for k, number in enumerate(numbers.tolist()):
        about = {name: column[k].item() for name, column in rest.items()}
        file.add_electrode(id=number, location=areas[k], group=group, **about)
    for name in names:
        region = file.create_electrode_table_region(
            region=list(range(len(numbers))), description="all", name="electrodes"
        )
        measure = recording.units_of_measure.get(name, "")
        # an electrical series is of volts; what else a signal is of stands in its comment
        file.add_acquisition(
            pynwb.ecephys.ElectricalSeries(
                name=name,
                data=on_host(recording[name]),
                electrodes=region,
                rate=1.0 / recording.dt,
                starting_time=recording.t0,
                conversion=1e-3,
                comments=f"{SIGNAL}{name} in {measure}",
            )
        )
