"""The figures of Lu et al. (2023), drawn from a run of one's own, with what they published beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synfer.errors import InputError
from synfer.plot import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def figure_2(rows: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Draw the paper's Figure 2: AUROC in each of its 16 cells, a panel a size of network.

    Parameters
    ----------
    rows : pandas.DataFrame
        As `synfer.benchmark.run` gives it for the suite "izhikevich": columns method, set, auroc.
    published : pandas.DataFrame
        As `synfer.benchmark.published_figures` gives it: method, set, n_units, p, auroc.

    Returns
    -------
    matplotlib.figure.Figure
        Networks are violins (points where there are fewer than five) about a bar for the mean; the published means are
        open diamonds. Cells that were not run show these alone.

    Raises
    ------
    InputError
        No cell of the paper's is among the rows.
    """
    cells = published.drop_duplicates("set")
    rows = rows[rows["set"].isin(cells["set"]) & rows["auroc"].notna()]
    if rows.empty:
        raise InputError("rows must hold an AUROC of a cell of the paper's, a set such as 'exc8_inh2_p4'; got none.")
    import matplotlib.pyplot as plt

    sizes, methods = sorted(cells["n_units"].unique()), list(dict.fromkeys(rows["method"]))
    theirs = list(dict.fromkeys(published["method"]))
    groups = methods + [f"{name}, published" for name in theirs]
    figure, axes = plt.subplots(
        1, len(sizes), figsize=(3.4 * len(sizes), 3.8), sharey=True, layout="constrained", squeeze=False
    )
    width = 0.84 / len(groups)
    for ax, n in zip(axes[0], sizes, strict=True):
        style.settle(ax)
        of_size = cells[cells["n_units"] == n].sort_values("p")
        for place, name in enumerate(of_size["set"]):
            for k in range(len(groups)):
                x = place - 0.42 + (k + 0.5) * width
                colour = style.PALETTE[k % len(style.PALETTE)]
                if k >= len(methods):
                    at = (published["method"] == theirs[k - len(methods)]) & (published["set"] == name)
                    ax.plot(x, published.loc[at, "auroc"], "D", markersize=4.5, color=colour, markerfacecolor="none")
                    continue
                values = rows.loc[(rows["method"] == methods[k]) & (rows["set"] == name), "auroc"].to_numpy(float)
                if len(values) >= 5 and np.ptp(values) > 0:
                    (body,) = ax.violinplot(values, [x], widths=width, showextrema=False)["bodies"]
                    body.set(facecolor=colour, alpha=0.35, linewidth=0)
                elif len(values):
                    ax.plot(np.full(len(values), x), values, "o", color=colour, markersize=3, alpha=0.6)
                if len(values):
                    ax.plot([x - 0.45 * width, x + 0.45 * width], [values.mean()] * 2, color=colour, linewidth=2)
        ax.axhline(0.5, color=style.MUTED, linewidth=1, linestyle=":")
        ax.set_xticks(range(len(of_size)), [f"{p:g}" for p in of_size["p"]])
        ax.set_xlabel("probability of an edge")
        ax.set_title(f"N = {n}", fontsize=10, color=style.INK)
    axes[0, 0].set_ylabel("AUROC, off-diagonal")
    for k, name in enumerate(groups):
        colour = style.PALETTE[k % len(style.PALETTE)]
        own = k < len(methods)
        axes[0, -1].plot(
            [], [], "o" if own else "D", color=colour, markersize=5, label=name,
            markerfacecolor=colour if own else "none",
        )  # fmt: skip
    style.legend(axes[0, -1], loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
