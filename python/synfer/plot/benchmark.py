"""How methods did on a suite: a point a network, a bar for the mean, sets beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synfer.errors import InputError
from synfer.plot import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_LABELS = {
    "auroc": "AUROC, off-diagonal", "auprc": "AUPRC, off-diagonal", "auroc_undirected": "AUROC, undirected",
    "direction_accuracy": "direction right", "sign_accuracy": "sign right", "seconds": "seconds a fit",
}  # fmt: skip


def figures_by_set(rows: pd.DataFrame, figure: str = "auroc", *, ax: Axes | None = None) -> Axes:
    """Draw a figure of merit of each method on each set.

    Parameters
    ----------
    rows : pandas.DataFrame
        As `synfer.benchmark.run` gives it: columns method, set, and the figure.
    figure : str
        The column.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes where not given.

    Returns
    -------
    matplotlib.axes.Axes
        Networks are points, means are bars; sets from left to right in the order of the rows.

    Raises
    ------
    InputError
        There is no such column, or no number in it.
    """
    if figure not in rows or rows[figure].astype(float).notna().sum() == 0:
        raise InputError(f"figure must be a column of the rows that holds numbers; got {figure!r}.")
    sets, methods = list(dict.fromkeys(rows["set"])), list(dict.fromkeys(rows["method"]))
    ax = style.settle(ax, (max(5.0, 0.28 * len(sets) * (len(methods) + 1) + 2.0), 4.2))
    width = 0.8 / len(methods)
    for k, method in enumerate(methods):
        colour = style.PALETTE[k % len(style.PALETTE)]
        marker = "osD^vP"[(k // len(style.PALETTE)) % 6]
        for place, name in enumerate(sets):
            of = rows[(rows["method"] == method) & (rows["set"] == name)]
            values = of[figure].astype(float).dropna().to_numpy()
            if not len(values):
                continue
            x = place - 0.4 + (k + 0.5) * width
            spread = np.linspace(-0.3, 0.3, len(values)) * width if len(values) > 1 else np.zeros(1)
            ax.plot(x + spread, values, marker, color=colour, markersize=3, alpha=0.55, linestyle="none")
            ax.plot([x - 0.4 * width, x + 0.4 * width], [values.mean()] * 2, color=colour, linewidth=2)
        ax.plot([], [], marker, color=colour, label=method, markersize=5, linestyle="none")
    for place in range(1, len(sets)):
        ax.axvline(place - 0.5, color=style.UNKNOWN, linewidth=0.8, zorder=0)
    if figure.startswith("auroc") or figure == "direction_accuracy":
        ax.axhline(0.5, color=style.MUTED, linewidth=1, linestyle=":")
    if figure == "seconds":
        ax.set_yscale("log")
    ax.set_xlim(-0.5, len(sets) - 0.5)
    ax.set_xticks(range(len(sets)), sets)
    if len(sets) > 4 or max(map(len, sets)) > 12:
        ax.tick_params(axis="x", rotation=45)
        for label in ax.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    ax.set_ylabel(_LABELS.get(figure, figure))
    style.legend(ax, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax
