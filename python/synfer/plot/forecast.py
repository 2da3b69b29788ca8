"""What a forecaster expected, against what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import r2_score

from synfer.errors import InputError, ShapeError
from synfer.plot import style
from synfer.plot.activity import Stack, label_stack, one_signal, refuse_leading
from synfer.storage import on_host

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from synfer.recording import Recording


def forecast_against_truth(
    recording: Recording,
    forecast: Any,
    signal: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw each unit's samples and, over them, the forecast of each from the samples before it.

    Parameters
    ----------
    recording : Recording
        What was measured; one trial or network (choose it with ``isel``).
    forecast : array (time, unit)
        As ``predict`` of an estimator gives it: forecast of each sample, NaN where there is none.
    signal : str, optional
        Which signal was forecast; may be left out where there is only one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes where not given.

    Returns
    -------
    matplotlib.axes.Axes
        Unit k lies at k, the first on top. Right of it stands its R², ``1 - sum (x - f)² / sum (x - mean x)²`` over
        the samples that have a forecast; "-" where a unit does not vary.

    Raises
    ------
    ShapeError
        ``forecast`` has another shape than the recording.
    InputError
        The recording has a leading axis, or several signals and none is named; no sample has a forecast.
    """
    refuse_leading(recording)
    signal = one_signal(recording, signal)
    measured = on_host(recording[signal]).astype(float)
    expected = np.asarray(forecast, dtype=float)
    if expected.shape != measured.shape:
        raise ShapeError(
            f"forecast must be (time, unit) = {measured.shape}, as the recording is; got {expected.shape}: "
            "give what predict gave for this recording."
        )
    known = np.isfinite(expected).all(axis=1) & np.isfinite(measured).all(axis=1)
    if not known.any():
        raise InputError(
            "forecast must hold a sample that is not NaN, got none: give a recording longer than its window."
        )
    with np.errstate(divide="ignore", invalid="ignore"):  # a unit that does not vary
        r2s = r2_score(measured[known], expected[known], multioutput="raw_values", force_finite=False)
    stack = Stack(measured)
    ax = style.settle(ax)
    for unit, r2 in enumerate(r2s):
        first = unit == 0  # one entry each in the legend
        ax.plot(
            recording.times,
            stack.places(measured, unit),
            color=style.MUTED,
            linewidth=1.8,
            label="measured" if first else None,
        )
        ax.plot(
            recording.times,
            stack.places(expected, unit),
            color=style.PALETTE[1],
            linewidth=0.9,
            label="forecast" if first else None,
        )
        ax.annotate(
            f"R² {r2:.2f}" if np.isfinite(r2) else "R² -",
            (1.0, unit),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=style.INK,
        )
    label_stack(ax, recording, stack.top)
    style.legend(ax, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return ax
