"""From labels and seconds to positions along a recording's axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from synfer.errors import InputError
from synfer.recording.spikes import EDGE_TOLERANCE
from synfer.storage import positions

if TYPE_CHECKING:
    from synfer.recording.recording import Recording


def by_label(recording: Recording, time: Any, unit: Any, network: Any, trial: Any) -> dict[str, Any]:
    """Arguments of `Recording.isel` for those of `Recording.sel`."""
    at: dict[str, Any] = {}
    if time is not None:
        at["time"] = time_span(recording, time)
    if unit is not None:
        at["unit"] = positions(recording.unit_ids, unit, "unit")
    for name, wanted in (("network", network), ("trial", trial)):
        if wanted is not None:
            refuse_other_axis(recording, name)
            assert recording.leading_ids is not None
            found = positions(recording.leading_ids, wanted, name)
            at[name] = int(found[0]) if np.ndim(wanted) == 0 else found
    return at


def time_span(recording: Recording, span: Any) -> slice:
    """Samples at ``span.start <= t < span.stop`` seconds, ends beyond the recording cut to it."""
    if not isinstance(span, slice) or span.step is not None:
        raise InputError(f"time must be a slice of seconds without a step; got {span!r}.")
    n, dt, t0 = recording.n_samples, recording.dt, recording.t0
    try:
        ends = [
            default if t is None else (float(t) - t0) / dt - EDGE_TOLERANCE
            for t, default in ((span.start, 0), (span.stop, n))
        ]
        start, stop = (int(np.ceil(np.clip(end, 0, n))) for end in ends)
    except (TypeError, ValueError, OverflowError) as error:  # no number, or NaN
        raise InputError(f"time must be a slice of seconds; got {span!r}.") from error
    if start >= stop:
        last = t0 + (n - 1) * dt
        raise InputError(f"time: no sample in {span.start} to {span.stop} s; the samples lie at {t0:g} to {last:g} s.")
    return slice(start, stop)


def refuse_other_axis(recording: Recording, name: str) -> None:
    """Refuse a selection along a leading axis that the recording does not have."""
    if name != recording.leading:
        raise InputError(f"this recording has no {name} axis to select from; its dims are {recording.dims}.")
