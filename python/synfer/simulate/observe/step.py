"""What every step of observing shares: its input checked, its output labelled and told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synfer.errors import InputError
from synfer.recording import Recording
from synfer.recording.spikes import SpikeEvents
from synfer.simulate.wiring.draws import generator_of


def checked_recording(recording: Any) -> Recording:
    """Give the recording.

    Raises
    ------
    InputError
        It is none.
    """
    if not isinstance(recording, Recording):
        raise InputError(f"recording must be a Recording; got a {type(recording).__name__}.")
    return recording


def told(recording: Recording, step: str, **parameters: Any) -> dict[str, Any]:
    """Give the recording's provenance with one more step in it."""
    before = recording.provenance.get("observed", [])
    done = {"step": step, **parameters}
    return {**recording.provenance, "observed": [*(before if isinstance(before, list) else [before]), done]}


def observed(
    recording: Recording,
    signals: Mapping[str, np.ndarray],
    units_of_measure: Mapping[str, str],
    provenance: Mapping[str, Any],
    dt: float | None = None,
    events: SpikeEvents | None = None,
) -> Recording:
    """Give a recording of other signals of the same units and networks, from the same time on."""
    seen = Recording(
        signals,
        recording.dt if dt is None else dt,
        unit_ids=recording.unit_ids,
        unit_info=recording.unit_info,
        leading=recording.leading,
        leading_ids=recording.leading_ids,
        t0=recording.t0,
        units_of_measure=units_of_measure,
        provenance=provenance,
        events=events,
    )
    seen._file = recording._file
    return seen


def generators(recording: Recording, seed: int, stream: int) -> list[np.random.Generator]:
    """Give a random generator for each network or trial, keyed by its label: the same however a batch is cut."""
    if recording.leading_ids is not None:
        labels = recording.leading_ids
        keys = labels.tolist() if labels.dtype.kind in "iu" and labels.min() >= 0 else list(range(len(labels)))
    else:
        alone = recording.provenance.get("network", recording.provenance.get("trial", 0))
        keys = [alone if isinstance(alone, int) and alone >= 0 else 0]
    return [generator_of(seed, key, stream) for key in keys]
