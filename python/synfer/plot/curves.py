"""How well scores tell edges from non-edges, over all thresholds: ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.evaluate import compare
from synfer.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MOST_INSIDE = 5
"""Curves whose legend has room in a corner of the axes."""
WIDENED = 4
"""Curves that are drawn ever wider, so that they are seen below others; many would fill the axes."""
DASHES = ("-", "--", ":")
"""Of the first curves, one a colour, of the next as many, and so on."""


def roc(estimates: Connectome | Mapping[str, Connectome], truth: Connectome, *, ax: Axes | None = None) -> Axes:
    """Draw the ROC curve of one estimate or of several, over ordered pairs of different units.

    Parameters
    ----------
    estimates : Connectome, or mapping of str to Connectome
        What is to be judged, and its name in the legend (for a single one: its method's).
    truth : Connectome
        Of the same units; an edge is where its score is above 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes where not given.

    Returns
    -------
    matplotlib.axes.Axes
        The legend gives `synfer.evaluate.compare`'s ``auroc``, the area under each curve; the dotted line is chance.

    Raises
    ------
    InputError
        The truth has no edge, or nothing else; or as `synfer.evaluate.compare`.
    """
    ax = style.settle(ax, (4.4, 4.4))
    ax.plot([0, 1], [0, 1], color=style.MUTED, linewidth=1, linestyle=":")
    for name, look, edge, score, figures in _judged(estimates, truth):
        false_positives, true_positives, _ = roc_curve(edge, score, drop_intermediate=False)
        ax.plot(false_positives, true_positives, **look, label=f"{name}  {figures['auroc']:.2f}")
    _unit_square(ax, "false positive rate", "true positive rate")
    _legend(ax, "lower right", "AUROC", len(ax.lines) - 1)
    return ax


def precision_recall(
    estimates: Connectome | Mapping[str, Connectome], truth: Connectome, *, ax: Axes | None = None
) -> Axes:
    """Draw the precision-recall curve of one estimate or of several, over ordered pairs of different units.

    Parameters
    ----------
    estimates : Connectome, or mapping of str to Connectome
        What is to be judged, and its name in the legend (for a single one: its method's).
    truth : Connectome
        Of the same units; an edge is where its score is above 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes where not given.

    Returns
    -------
    matplotlib.axes.Axes
        The legend gives the average precision, `synfer.evaluate.compare`'s ``auprc``, of which each curve of steps is
        the area; the dotted line is the share of pairs that are edges, a coin's precision.

    Raises
    ------
    InputError
        The truth has no edge, or nothing else; or as `synfer.evaluate.compare`.
    """
    ax = style.settle(ax, (4.4, 4.4))
    for name, look, edge, score, figures in _judged(estimates, truth):
        precision, recall, _ = precision_recall_curve(edge, score)
        # Recall falls along the curve; a step holds the precision of the threshold that reaches its right end.
        ax.step(recall, precision, where="post", **look, label=f"{name}  {figures['auprc']:.2f}")
    ax.axhline(edge.mean(), color=style.MUTED, linewidth=1, linestyle=":")
    _unit_square(ax, "recall", "precision")
    _legend(ax, "lower left", "AUPRC", len(ax.lines) - 1)
    return ax


def _judged(
    estimates: Connectome | Mapping[str, Connectome], truth: Connectome
) -> list[tuple[str, dict[str, Any], np.ndarray, np.ndarray, dict[str, float | int | str]]]:
    """Name, colour and width, edge (pair,), score (pair,) and `compare`'s figures of each estimate."""
    named = {estimates.method or "estimate": estimates} if isinstance(estimates, Connectome) else dict(estimates)
    if not named:
        raise InputError("estimates must hold at least one connectome; got none.")
    judged = []
    for k, (name, estimate) in enumerate(named.items()):
        figures = compare(estimate, truth)  # refuses what cannot be compared
        if isinstance(figures["auroc"], str):
            raise InputError(f"truth must hold both edges and pairs without one; it has {figures['auroc']}.")
        # The first are widest, and still seen where later ones lie on them.
        n = len(style.PALETTE)
        look = {"color": style.PALETTE[k % n], "linestyle": DASHES[k // n % len(DASHES)],
                "linewidth": 1.6 + 0.7 * min(len(named) - 1 - k, WIDENED)}  # fmt: skip
        judged.append((name, look, _scores(truth, truth) > 0, _scores(estimate, truth), figures))
    return judged


def _legend(ax: Axes, loc: str, title: str, n_curves: int) -> None:
    """Where few curves run, in that corner; a longer legend would cover them and stands beside."""
    if n_curves <= MOST_INSIDE:
        style.legend(ax, loc=loc, title=title)
    else:
        style.legend(ax, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0, title=title)


def _scores(connectome: Connectome, truth: Connectome) -> np.ndarray:
    """Score of every ordered pair of different units, (pair,), in the order of the truth's."""
    ordered = connectome.to_matrix().sel(units=truth.unit_ids)
    return ordered.score.transpose("target", "source").to_numpy()[~np.eye(truth.n_units, dtype=bool)]


def _unit_square(ax: Axes, x: str, y: str) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y, aspect="equal")
