"""What a recording looks like in a terminal and in a notebook."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synfer.recording.arrays import dtype_name
from synfer.storage import on_host

if TYPE_CHECKING:
    from synfer.recording.recording import Recording

RATE_UP_TO = 2**27
"""Spikes are counted up to this many bins; beyond, a representation would keep its reader waiting."""


def as_text(recording: Recording) -> str:
    """Two to a few lines: size and time, then a line a signal."""
    rows = signal_rows(recording)
    width = max(len(row["signal"]) for row in rows)
    lines = [f"<synfer.Recording {title(recording)}"]
    for row in rows:
        rate = row["mean rate"] and f"mean rate {row['mean rate']}"
        about = ", ".join(text for text in (row["dtype"], row["unit"], rate) if text)
        lines.append(f"  {row['signal']:<{width}}  {about}")
    return "\n".join(lines) + ">"


def as_html(recording: Recording) -> str:
    """Heading and a table of the signals, all text escaped."""
    table = pd.DataFrame(signal_rows(recording)).to_html(index=False, escape=True)
    ids = ", ".join(map(str, recording.unit_ids[:8].tolist())) + (", ..." if recording.n_units > 8 else "")
    about = "".join(
        f"<br>{html.escape(str(key))}: {html.escape(_short(value))}" for key, value in recording.provenance.items()
    )
    heading = f"<b>Recording</b>: {html.escape(title(recording))}<br>units: {html.escape(ids)}{about}"
    return f"<div>{heading}{table}</div>"


def title(recording: Recording) -> str:
    """Size and time in one line."""
    leading = "" if recording.leading is None else f"{_count(recording.shape[0], recording.leading)} x "
    size = f"{leading}{_count(recording.n_samples, 'sample')} x {_count(recording.n_units, 'unit')}"
    start = "" if recording.t0 == 0 else f" from {recording.t0:g} s"
    return f"{size}, {recording.duration:g} s{start} at dt = {recording.dt:g} s"


def signal_rows(recording: Recording) -> list[dict[str, str]]:
    """One row a signal: name, type, unit of measure and, of spikes, the mean rate."""
    return [
        {
            "signal": name,
            "dtype": dtype_name(recording._signals[name]),
            "unit": recording.units_of_measure.get(name, ""),
            "mean rate": _rate(recording) if name == "spikes" else "",
        }
        for name in recording.signal_names
    ]


def _rate(recording: Recording) -> str:
    trains = np.prod(recording.shape) / recording.n_samples
    if recording.exact_events is not None:
        total = len(recording.exact_events.time)
    elif np.prod(recording.shape) > RATE_UP_TO:
        return ""
    else:
        total = on_host(recording["spikes"]).sum(dtype=np.float64)
    return f"{total / (trains * recording.duration):.3g} Hz"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
