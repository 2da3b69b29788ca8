"""Who drives whom: a connectome as a heat map, alone or beside the truth. Rows are targets, columns are sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from synfer.connectome import Connectome

Values = Literal["score", "weight", "pvalue", "delay", "score_std"]
_LABELS = {
    "score": "score",
    "weight": "weight",
    "pvalue": "p-value",
    "delay": "delay (s)",
    "score_std": "standard deviation of the score",
}
_MOST_RULED = 40  # above so many units white lines between the cells would cover them


def heat_map(
    connectome: Connectome,
    values: Values = "score",
    *,
    ax: Axes | None = None,
    limit: float | None = None,
    colour_bar: bool = True,
    by: str | None = None,
) -> Axes:
    """Draw one connectome as a heat map, row i and column j the effect of source j on target i.

    Parameters
    ----------
    connectome : Connectome
        One network (choose it with ``isel``).
    values : {"score", "weight", "pvalue", "delay", "score_std"}
        What to draw. Weights get a diverging map (red excites, blue inhibits), all else a sequential one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes where not given.
    limit : float, optional
        The value of the darkest colour, so that several maps share one scale; the largest magnitude where not given.
    colour_bar : bool
        Whether to draw the scale.
    by : str, optional
        A column of the connectome's ``unit_info``, "brain_area" for instance: units that share its value stand
        together, between lines, under that value's name.

    Returns
    -------
    matplotlib.axes.Axes
        Pairs that the method says nothing of (NaN, as the diagonal often is) are grey.

    Raises
    ------
    InputError
        The connectome has a leading axis, or does not hold ``values``.
    UnknownNameError
        ``values`` is no such field, ``by`` no such column.
    """
    connectome, groups = _grouped(connectome, by)
    matrix = _matrix(connectome, values)
    ax = style.settle(ax, (5.0, 4.2))
    limit = limit if limit is not None else _largest(matrix)
    image = _draw(ax, matrix, connectome.unit_ids, values, limit, groups)
    if colour_bar:
        _colour_bar(image, [ax], _LABELS[values])
    return ax


def heat_maps(
    connectomes: Mapping[str, Connectome],
    values: Values = "score",
    *,
    axes: Sequence[Axes] | None = None,
    relative: bool | None = None,
    by: str | None = None,
) -> list[Axes]:
    """Draw connectomes of the same units side by side on one colour scale, as estimates beside the truth.

    Parameters
    ----------
    connectomes : mapping of str to Connectome
        Title of each map and what it shows, from left to right.
    values : {"score", "weight", "pvalue", "delay", "score_std"}
        What to draw, as for `heat_map`.
    axes : sequence of matplotlib.axes.Axes, optional
        One a connectome; a new figure with one row where not given.
    relative : bool, optional
        Give each a scale of its own in the same colours, from its smallest value (weights: from 0) to the 95th
        percentile of the distances from there. Scores of different methods have no common unit or floor, and some have
        a few values that would leave all others pale. Without, the scale ends at the largest of all. Where not given:
        for scores and weights.
    by : str, optional
        As for `heat_map`; a column of the first connectome's ``unit_info``.

    Returns
    -------
    list of matplotlib.axes.Axes
        In the order given, the units in the order of the first; one colour bar stands right of the last.

    Raises
    ------
    InputError
        No connectome is given, one lacks ``values``, or they are not of the same units.
    ShapeError
        ``axes`` are not as many as ``connectomes``.
    """
    if not connectomes:
        raise InputError("connectomes must hold at least one; got none.")
    first = next(iter(connectomes.values()))
    for name, connectome in connectomes.items():
        if set(connectome.unit_ids.tolist()) != set(first.unit_ids.tolist()):
            raise InputError(f"{name!r} has other units than the first: choose those that both have, sel(units=...).")
    first, groups = _grouped(first, by)
    matrices = {name: _matrix(c.sel(first.unit_ids), values) for name, c in connectomes.items()}
    relative = values in ("score", "score_std", "weight") if relative is None else relative
    if relative:
        matrices = {name: _relative(matrix, values) for name, matrix in matrices.items()}
    limit = 1.0 if relative else max(map(_largest, matrices.values()))

    if axes is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(2.6 * len(matrices) + 0.8, 3.0), layout="constrained")
        axes = figure.subplots(1, len(matrices), squeeze=False)[0].tolist()
    if len(axes) != len(matrices):
        raise ShapeError(f"axes must be ({len(matrices)},), one a connectome; got ({len(axes)},).")
    for ax, (name, matrix) in zip(axes, matrices.items(), strict=True):
        image = _draw(style.settle(ax), matrix, first.unit_ids, values, limit, groups)
        ax.set_title(name, fontsize=11)
        if ax is not axes[0]:
            ax.set_ylabel("")
            ax.tick_params(labelleft=False)
    if relative and values == "weight":
        _colour_bar(image, list(axes), "weight / 95th percentile", "both")  # beyond it the scale goes on
    elif relative:
        _colour_bar(image, list(axes), f"{_LABELS[values]}, smallest to 95th percentile", "max")
    else:
        _colour_bar(image, list(axes), _LABELS[values])
    return list(axes)


def _grouped(connectome: Connectome, by: str | None) -> tuple[Connectome, list[tuple[str, int]] | None]:
    """The connectome with its units in the order of a column, and each value's name and number of units."""
    if by is None:
        return connectome, None
    info = connectome.unit_info
    if by not in info.columns:
        raise UnknownNameError.of("by: column of unit_info", str(by), list(info.columns))
    ordered = info[by].sort_values(kind="stable")
    sizes = ordered.groupby(ordered, sort=True, dropna=False).size()
    return connectome.sel(ordered.index.to_numpy()), [(str(name), int(n)) for name, n in sizes.items()]


def _matrix(connectome: Connectome, values: Values) -> np.ndarray:
    """(target, source) array of one field; NaN where there is none."""
    if values not in _LABELS:
        raise UnknownNameError.of("the connectome's field", values, _LABELS)
    field = getattr(connectome.to_matrix(), values)
    if field is None:
        raise InputError(f"the connectome holds no {values}: its method ({connectome.method}) gives none.")
    if field.ndim != 2:
        raise InputError(
            f"the connectome has {field.shape[0]} {field.dims[0]}s: draw one of them, isel({field.dims[0]}=0)."
        )
    return field.transpose("target", "source").values.astype(float)


def _largest(matrix: np.ndarray) -> float:
    """Largest finite magnitude; 1 where all is 0 or unknown, so that a scale exists."""
    finite = np.abs(matrix[np.isfinite(matrix)])
    return float(finite.max(initial=0.0)) or 1.0


def _relative(matrix: np.ndarray, values: Values) -> np.ndarray:
    """The matrix on a scale of its own; see ``relative`` of `heat_maps`."""
    known = matrix[np.isfinite(matrix)]
    floor = 0.0 if values == "weight" else known.min(initial=np.inf)
    distances = np.abs(known - floor)
    typical = np.quantile(distances, 0.95) if distances.size else 0.0
    return (matrix - floor) / (typical or distances.max(initial=0.0) or 1.0)


def _draw(
    ax: Axes,
    matrix: np.ndarray,
    unit_ids: np.ndarray,
    values: Values,
    limit: float,
    groups: list[tuple[str, int]] | None = None,
) -> AxesImage:
    signed = values == "weight"
    colours = {"weight": style.SIGNED_MAP, "pvalue": style.SCORE_MAP.reversed()}  # the smaller p, the more evidence
    image = ax.imshow(
        np.ma.masked_invalid(matrix),
        cmap=colours.get(values, style.SCORE_MAP),
        vmin=-limit if signed else 0.0,
        vmax=limit,
        interpolation="nearest",
    )
    ax.patch.set(facecolor=style.UNKNOWN, edgecolor="white", hatch="////")
    for spine in ax.spines.values():
        spine.set_visible(False)
    if len(unit_ids) <= _MOST_RULED:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks(np.arange(0.5, len(unit_ids) - 1), minor=True)
            axis.set_tick_params(which="minor", length=0)
        ax.grid(which="minor", color="white", linewidth=1)
    if groups is None:
        style.label_units(ax, unit_ids, "x")
        style.label_units(ax, unit_ids, "y")
    else:
        style.label_groups(ax, groups)
    ax.set_xlabel("source")
    ax.set_ylabel("target")
    return image


def _colour_bar(image: AxesImage, axes: list[Axes], label: str, extend: str = "neither") -> None:
    bar = axes[-1].figure.colorbar(image, ax=axes, shrink=0.8, aspect=18, pad=0.02, extend=extend)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, color=style.MUTED, labelcolor=style.INK, length=2)
    bar.set_label(label, color=style.INK)
