"""The figures of Lu et al. (2023), drawn from a run of one's own, with what they published beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import MaxNLocator

from synfer.errors import InputError
from synfer.evaluate import compare
from synfer.plot import style
from synfer.plot.activity import traces
from synfer.plot.connectome import heat_maps
from synfer.plot.forecast import forecast_against_truth

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from synfer.connectome import Connectome
    from synfer.recording import Recording

SHOWN = 0.5  # seconds of traces
FORECAST = 0.2  # of the samples, the last: those that R2 is taken over


def figure_1(
    estimates: Mapping[str, Connectome], truth: Connectome, recording: Recording, published: pd.DataFrame
) -> Figure:
    """Draw the paper's Figure 1: a network of five neurons, their voltages, and what methods found.

    Parameters
    ----------
    estimates : mapping of method to Connectome
        What each found on this network.
    truth : Connectome
        With weights: excitatory neurons are red, inhibitory blue.
    recording : Recording
        Its signal "measured" is what the methods were given; half a second is drawn.
    published : pandas.DataFrame
        As `synfer.benchmark.published_figures` gives it: beside each AUROC stands the published mean of ten networks of
        the paper's cell with as many neurons and p = .4, where the method is one of the paper's.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        There is no estimate.
    """
    if not estimates:
        raise InputError("estimates must hold at least one method's connectome; got none.")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(max(8.4, 2.4 * (len(estimates) + 1) + 0.8), 7.0), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.0, 1.35))[:, 0]
    graph, activity = above.subplots(1, 2, width_ratios=(1.0, 2.2))
    _graph(graph, truth)
    traces(recording.isel(time=slice(0, max(1, round(SHOWN / (recording.dt or 1e-3))))), "measured", ax=activity)
    cell = published[(published["n_units"] == truth.n_units) & (published["p"] == 0.4)]
    maps = {"truth": truth}
    for name, estimate in estimates.items():
        of = cell[cell["method"].str.startswith(name)]  # "mvgc" was published by two criteria
        theirs = " / ".join(f"{auroc:.3f}" for auroc in of["auroc"])
        title = f"{name}\nAUROC {float(compare(estimate, truth)['auroc']):.3f}"
        maps[title + (f"\n(cell, published: {theirs})" if theirs else "\n")] = estimate
    heat_maps(maps, axes=below.subplots(1, len(maps), squeeze=False)[0].tolist())
    return figure


def _graph(ax: Axes, truth: Connectome) -> None:
    """Neurons on a circle, an arrow from source to target; drawn in the source's colour."""
    whole = truth.to_matrix()
    edges = np.nan_to_num(whole.score.values) > 0
    signs = np.ones(truth.n_units) if whole.weight is None else np.sign(np.nansum(whole.weight.values, axis=0))
    colours = [style.INHIBITORY if sign < 0 else style.EXCITATORY if sign > 0 else style.MUTED for sign in signs]
    angles = np.pi / 2.0 - 2.0 * np.pi * np.arange(truth.n_units) / truth.n_units
    places = np.column_stack([np.cos(angles), np.sin(angles)])
    style.settle(ax)
    for target, source in np.argwhere(edges & ~np.eye(truth.n_units, dtype=bool)):
        ax.add_patch(
            FancyArrowPatch(
                places[source], places[target], arrowstyle="-|>", mutation_scale=11, shrinkA=11, shrinkB=11,
                connectionstyle="arc3,rad=0.14", color=colours[source], linewidth=1.2,
            )
        )  # fmt: skip
    ax.scatter(places[:, 0], places[:, 1], s=330, c=colours, zorder=2)
    for place, name in zip(places, truth.unit_ids, strict=True):
        ax.annotate(str(name), place, ha="center", va="center", color="white", fontsize=10)
    ax.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal", xticks=[], yticks=[])
    ax.set_title("wiring: red excites, blue inhibits", fontsize=10)
    for spine in ax.spines.values():
        spine.set_visible(False)


def figure_4(
    rows: pd.DataFrame, published: pd.DataFrame, example: Recording | None = None, published_example: tuple = ()
) -> Figure:
    """Draw the paper's Figure 4: forecasts of the example network, and R2 of all fits.

    Parameters
    ----------
    rows : pandas.DataFrame
        As `synfer.benchmark.run` gives it for the suite "izhikevich": columns method, set, r2.
    published : pandas.DataFrame
        As `synfer.benchmark.published_figures` gives it: r2 of each cell's ensembles.
    example : Recording, optional
        Signals "measured" and "forecast"; the last fifth, which R2 is of, is drawn.
    published_example : tuple of float
        R2 of the published example's neurons, which was another network.

    Returns
    -------
    matplotlib.figure.Figure
        A histogram of R2 a method; published means of cells are marks below it.

    Raises
    ------
    InputError
        No fit has an R2.
    """
    rows = rows[rows["r2"].astype(float).notna()]
    if rows.empty:
        raise InputError("rows must hold an R2 of a method with a forecast; got none.")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(11.0, 3.6) if example is not None else (5.0, 3.6), layout="constrained")
    if example is None:
        ax = figure.subplots()
    else:
        left, ax = figure.subplots(1, 2, width_ratios=(1.5, 1.0))
        last = example.isel(time=slice(example.n_samples - max(2, int(FORECAST * example.n_samples)), None))
        only = type(last)({"measured": last["measured"]}, last.dt, unit_ids=last.unit_ids, t0=last.t0)
        forecast_against_truth(only, last["forecast"], ax=left)
        if published_example:
            left.set_title(
                "published: " + ", ".join(f"{r2:.2f}" for r2 in published_example),
                fontsize=9,
                loc="right",
                color=style.INK,
            )
    style.settle(ax)
    methods = [str(name) for name in dict.fromkeys(rows["method"])]
    values = {name: rows.loc[rows["method"] == name, "r2"].to_numpy(float) for name in methods}
    theirs = published["r2"].dropna().to_numpy(float)
    low = min(theirs.min(), *(of.min() for of in values.values()))
    high = max(theirs.max(), *(of.max() for of in values.values()))
    edges = np.linspace(low - 0.01, high + 0.01, 25).tolist()
    for k, (name, of) in enumerate(values.items()):
        ax.hist(of, edges, alpha=0.55, color=style.PALETTE[k % len(style.PALETTE)], label=f"{name}, {of.mean():.3f}")
    colour = style.PALETTE[len(values) % len(style.PALETTE)]
    top = ax.get_ylim()[1]
    ax.plot(theirs, np.full(len(theirs), -0.05 * top), "D", color=colour, markersize=4.5, markerfacecolor="none",
            label=f"causalformer, cells, published, {theirs.mean():.3f}", clip_on=False)  # fmt: skip
    ax.set_ylim(-0.1 * top, top)
    ax.set_xlabel("R² of the forecast, mean over neurons")
    ax.set_ylabel("networks")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    style.legend(ax, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    return figure


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
        open diamonds and squares, in the colour of the method where that was run. Cells that were not run show these
        alone.

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
    marks = _published_marks(theirs, methods)
    for ax, n in zip(axes[0], sizes, strict=True):
        style.settle(ax)
        of_size = cells[cells["n_units"] == n].sort_values("p")
        for place, name in enumerate(of_size["set"]):
            for k in range(len(groups)):
                x = place - 0.42 + (k + 0.5) * width
                if k >= len(methods):
                    at = (published["method"] == theirs[k - len(methods)]) & (published["set"] == name)
                    shape, colour = marks[k - len(methods)]
                    ax.plot(x, published.loc[at, "auroc"], shape, markersize=4.5, color=colour, markerfacecolor="none")
                    continue
                colour = style.PALETTE[k % len(style.PALETTE)]
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
    own = [("o", style.PALETTE[k % len(style.PALETTE)]) for k in range(len(methods))]
    for k, (name, (shape, colour)) in enumerate(zip(groups, [*own, *marks], strict=True)):
        face = colour if k < len(own) else "none"
        axes[0, -1].plot([], [], shape, color=colour, markersize=5, label=name, markerfacecolor=face)
    style.legend(axes[0, -1], loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _published_marks(theirs: list[str], methods: list[str]) -> list[tuple[str, str]]:
    """Marker and colour of each published series: the run method's whose name it begins with, or one of its own."""
    marks: list[tuple[str, str]] = []
    for name in theirs:
        k = next((k for k, method in enumerate(methods) if name.startswith(method)), len(methods) + len(marks))
        colour = style.PALETTE[k % len(style.PALETTE)]
        marks.append(("s" if ("D", colour) in marks else "D", colour))
    return marks
