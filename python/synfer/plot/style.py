"""The one look that all figures share: colours, spines, unit labels; set axes by axes, no global state is touched.

Line colours are those of Okabe and Ito (2008), told apart by every kind of colour vision. Both maps are near white at
0, so that ink means evidence: scores run to deep blue, signed values to red (excites) and blue (inhibits), a pair that
colour-blind readers tell apart too; lightness alone carries the magnitude, in grey print as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#2b2f36"
MUTED = "#8a9099"
UNKNOWN = "#d9dce1"  # what a method says nothing of: the diagonal
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_BLUES = ("#f6f7f9", "#c6dbec", "#7fb1d5", "#3a7fb5", "#14507f")
_REDS = ("#f6f7f9", "#f3d0c0", "#e59b80", "#cc5f48", "#9c2d26")
EXCITATORY, INHIBITORY = _REDS[-2], _BLUES[-2]
SCORE_MAP = LinearSegmentedColormap.from_list("synfer_score", _BLUES)
SIGNED_MAP = LinearSegmentedColormap.from_list("synfer_signed", (*reversed(_BLUES), *_REDS[1:]))

_MOST_LABELS = 20  # above so many units their labels would run into one another


def settle(ax: Axes | None, size: tuple[float, float] = (7.0, 4.0)) -> Axes:
    """``ax``, or the axes of a new figure of ``size`` (inches), in the common look."""
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=size, layout="constrained")[1]
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.tick_params(color=MUTED, labelcolor=INK, labelsize=9, length=3)
    for text in (ax.xaxis.label, ax.yaxis.label):
        text.set_color(INK)
    ax.title.set_color(INK)
    return ax


def label_units(ax: Axes, unit_ids: np.ndarray, which: Literal["x", "y"]) -> None:
    """Ticks at the units' places 0, 1, ... with their ids; evenly thinned out where there are many."""
    n_units = len(unit_ids)
    step = -(-n_units // _MOST_LABELS)
    places = range(0, n_units, step)
    names = [str(unit_ids[k]) for k in places]
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(places, names)
    axis.set_tick_params(length=0)
    if which == "x" and max(map(len, names)) > 3:
        axis.set_tick_params(rotation=90)


def label_groups(ax: Axes, groups: Sequence[tuple[str, int]]) -> None:
    """Name groups of neighbouring units, each (name, number of units), along both axes, with lines between them."""
    ends = np.cumsum([n for _, n in groups])
    middles = [float(end - n / 2 - 0.5) for end, (_, n) in zip(ends, groups, strict=True)]
    names = [name or "(unknown)" for name, _ in groups]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(middles, names)
        axis.set_tick_params(length=0)
    if max(map(len, names)) > 3:
        ax.xaxis.set_tick_params(rotation=90)
    for end in ends[:-1].tolist():
        ax.axvline(end - 0.5, color=INK, linewidth=0.8)
        ax.axhline(end - 0.5, color=INK, linewidth=0.8)


def legend(ax: Axes, **where: Any) -> None:
    """Add a legend without a frame, readable over what lies under it; ``where`` (and a title) as matplotlib's."""
    made = ax.legend(
        fontsize=9, labelcolor=INK, handlelength=1.4, alignment="left", framealpha=0.85, edgecolor="none", **where
    )
    made.get_title().set(color=INK, fontsize=9)
