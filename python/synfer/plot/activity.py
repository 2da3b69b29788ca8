"""What a population did: spike raster and traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synfer.errors import InputError, ShapeError
from synfer.plot import style
from synfer.storage import on_host

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from synfer.recording import Recording


def raster(recording: Recording, *, ax: Axes | None = None, unit_colours: Sequence[str] | None = None) -> Axes:
    """Draw one tick a spike: time (s) to the right, one row a unit, the first unit on top.

    Parameters
    ----------
    recording : Recording
        Holds ``spikes``; one trial or network (choose it by ``isel``). Slice it to draw a part: ``recording[0.0:1.0]``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes where not given.
    unit_colours : sequence of str, optional
        One colour a unit, as for excitatory and inhibitory ones.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        The recording has a leading axis, or no spikes.
    ShapeError
        ``unit_colours`` are not n_units.
    """
    refuse_leading(recording)
    colours = _unit_colours(unit_colours, recording.n_units)
    events = recording.spike_times()
    times, units = events["time"].values, events["unit"].values
    ax = style.settle(ax)
    ax.eventplot(
        [times[units == unit] for unit in recording.unit_ids],
        lineoffsets=list(range(recording.n_units)),
        linelengths=0.8,
        linewidths=0.8,
        colors=colours,
    )
    label_stack(ax, recording)
    return ax


def traces(
    recording: Recording,
    signal: str | None = None,
    *,
    ax: Axes | None = None,
    ceiling: float | None = None,
    unit_colours: Sequence[str] | None = None,
) -> Axes:
    """Draw the units' traces one below the other on one scale, with a bar that says what the height means.

    Parameters
    ----------
    recording : Recording
        One trial or network (choose it by ``isel``). Slice it to draw a part: ``recording[0.0:1.0].isel(unit=[0, 3])``.
    signal : str, optional
        Which signal; may be left out where there is only one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes where not given.
    ceiling : float, optional
        Values above are drawn at it: simulated spikes overshoot (30 mV is where the paper clips them).
    unit_colours : sequence of str, optional
        One colour a unit.

    Returns
    -------
    matplotlib.axes.Axes
        The median of unit k lies at k, the first unit on top; from one unit to the next it is 1.1 times the largest
        range of any unit drawn.

    Raises
    ------
    InputError
        The recording has a leading axis, or several signals and none is named.
    ShapeError
        ``unit_colours`` are not n_units.
    """
    refuse_leading(recording)
    signal = one_signal(recording, signal)
    colours = _unit_colours(unit_colours, recording.n_units)
    values = on_host(recording[signal]).astype(float)
    if ceiling is not None:
        values = np.minimum(values, ceiling)
    stack = Stack(values)
    ax = style.settle(ax)
    for unit in range(recording.n_units):
        ax.plot(recording.times, stack.places(values, unit), color=colours[unit], linewidth=0.8)
    label_stack(ax, recording, stack.top)
    stack.draw_scale_bar(ax, recording.units_of_measure.get(signal, ""))
    return ax


class Stack:
    """Where to draw traces that lie one below the other on one scale; unit k's median at k, the axis pointing down.

    Parameters
    ----------
    values : numpy.ndarray, (time, unit)
        NaN where nothing was measured.
    """

    def __init__(self, values: np.ndarray):
        some = np.where(np.isfinite(values).any(axis=0), values, 0.0)
        highest = np.nanmax(some, axis=0)
        self._medians = np.nanmedian(some, axis=0)
        self.spacing = 1.1 * float(np.max(highest - np.nanmin(some, axis=0))) or 1.0
        # the upper end of the axis: the first unit's highest peak, and a little air
        self.top = -float(highest[0] - self._medians[0]) / self.spacing - 0.1

    def places(self, values: np.ndarray, unit: int) -> np.ndarray:
        """Heights of one unit's column of ``values``, in the axis's units."""
        return unit - (values[:, unit] - self._medians[unit]) / self.spacing

    def draw_scale_bar(self, ax: Axes, unit_of_measure: str) -> None:
        """Draw, right of the last unit, the largest 1, 2 or 5 times a power of ten that fits between two units."""
        power = 10.0 ** np.floor(np.log10(self.spacing))
        length = max(step * power for step in (1, 2, 5) if step * power <= self.spacing)
        bottom = len(self._medians) - 1
        top = bottom - length / self.spacing
        beside = ax.get_yaxis_transform()  # x as a share of the axes' width, y in data
        ax.plot([1.015, 1.015], [bottom, top], transform=beside, color=style.INK, linewidth=2, clip_on=False)
        ax.text(
            1.03,
            (bottom + top) / 2,
            f"{length:g} {unit_of_measure}".strip(),
            transform=beside,
            va="center",
            color=style.INK,
            fontsize=8,
        )


def one_signal(recording: Recording, signal: str | None) -> str:
    """``signal``, or the recording's only one."""
    if signal is None and len(recording.signal_names) > 1:
        raise InputError(f"the recording holds {', '.join(recording.signal_names)}: say which with signal=.")
    return recording.signal_names[0] if signal is None else signal


def refuse_leading(recording: Recording) -> None:
    """Refuse a batch or trials: one picture shows one of them."""
    if recording.leading is not None:
        raise InputError(
            f"the recording has a leading {recording.leading!r} axis of {recording.shape[0]}: "
            f"draw one with isel({recording.leading}=0)."
        )


def label_stack(ax: Axes, recording: Recording, top: float = 0.0) -> None:
    """Label time to the right and one row a unit, the first on top with room above it up to ``top``."""
    ax.set_xlim(recording.t0, recording.t0 + recording.duration)
    ax.set_xlabel("time (s)")
    ax.set_ylim(recording.n_units - 0.4, min(top, -0.6))
    style.label_units(ax, recording.unit_ids, "y")
    ax.set_ylabel("unit")
    ax.spines["left"].set_visible(False)


def _unit_colours(unit_colours: Sequence[str] | None, n_units: int) -> list[str]:
    if unit_colours is None:
        return [style.INK] * n_units
    if len(unit_colours) != n_units:
        raise ShapeError(f"unit_colours must be ({n_units},), one a unit of the recording; got ({len(unit_colours)},).")
    return list(unit_colours)
