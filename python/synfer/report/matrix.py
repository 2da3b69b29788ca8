"""The matrix of scores as a heat map that answers to a slider and to the mouse, without any script of ours."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from synfer.connectome import Connectome
from synfer.report.evidence import Evidence, evidence_of
from synfer.report.sliders import slider
from synfer.report.style import INK, as_it_stands, laid_out
from synfer.report.units import Groups, groups_of, short, told

EXCITES = ("#fbe9e2", "#f3d0c0", "#e59b80", "#cc5f48", "#9c2d26")
INHIBITS = ("#e6eff6", "#c6dbec", "#7fb1d5", "#3a7fb5", "#14507f")
UNSIGNED = ("#e4e6ea", "#c9cdd3", "#969da7", "#5a616b", "#2b2f36")
BELOW = "#f4f5f7"
"""Pairs whose score is below the slider's."""
MOST_HOVERED = 150
"""Up to so many units every pair carries all that is known of it; beyond, the page would grow past ten megabytes."""
TOLD = {"weight": "weight", "pvalue": "p", "interval_low": "from", "interval_high": "to", "delay": "delay (s)"}
"""What a hover says of a pair beside its score, and in which words."""
SHADES = 8


class Words(NamedTuple):
    """What the axes, and the two signs, are called."""

    column: str = "source"
    row: str = "target"
    positive: str = "excites"
    negative: str = "inhibits"


EFFECTS = Words()
MOST_TICKS = 20
STRIP = 0.045
"""Breadth of the strips that tell groups apart, as a share of the matrix."""


def adjacency(connectome: Connectome, evidence: Evidence | None = None, words: Words = EFFECTS) -> go.Figure:
    """Scores (target, source): red where the source excites, blue where it inhibits; grey where no sign is given.

    The slider takes the colour of what scores less and leaves all other colours as they are: a step is but another
    scale of colours, with a break at its threshold, so that no step holds scores. Units stand group by group
    (`synfer.report.units.groups_of`); a hover tells all that is known of a pair and of its units.
    """
    evidence = evidence_of(connectome) if evidence is None else evidence
    groups = groups_of(connectome.unit_info)
    if groups is not None:
        connectome = connectome.sel(connectome.unit_ids[groups.order])
    few = connectome.n_units <= MOST_HOVERED
    score = connectome.score.values.astype(np.float64 if few else np.float32)
    score = np.where(np.eye(len(score), dtype=bool), np.nan, score)
    positive = np.sort(score[score > 0])
    top = float(positive[-1]) if positive.size else 1.0
    weight = connectome.weight
    signed = weight is not None
    sign = np.ones_like(score) if weight is None else np.sign(np.nan_to_num(weight.values)).astype(score.dtype)
    ends = [
        as_it_stands(label) + more
        for label, more in zip(
            connectome.unit_ids.tolist(),
            told(connectome.unit_info, None if groups is None else groups.column),
            strict=True,
        )
    ]
    hover, custom = _hover(connectome, score, signed, words)
    figure = go.Figure()
    scored = np.where((sign == 0) & (score > 0), np.nan, sign * score)  # zeros, where nothing is drawn, are of no sign
    scored = np.where(score == 0, 0.0, scored)
    kinds = [(scored, INHIBITS if signed else None, EXCITES if signed else UNSIGNED)]
    if np.any((sign == 0) & (score > 0)):
        kinds.append((np.where((sign == 0) & (score > 0), score, np.nan), None, UNSIGNED))
    for k, (values, low, high) in enumerate(kinds):
        # of the few pairs without a sign no more than their rows and columns: the page would grow by half
        rows, columns = (np.flatnonzero(np.isfinite(values).any(axis) | (k == 0)) for axis in (1, 0))
        figure.add_trace(
            go.Heatmap(
                z=values[np.ix_(rows, columns)], x=[ends[i] for i in columns], y=[ends[i] for i in rows],
                zmin=-top if low else 0.0, zmax=top,
                customdata=None if custom is None else custom[np.ix_(rows, columns)],
                colorscale=scale(_cut(positive, 0.0) / top, low, high), hovertemplate=hover, hoverongaps=False,
                showscale=k == 0, colorbar=_bar(words if signed else None, top),
                xgap=1 if len(ends) <= 60 else 0, ygap=1 if len(ends) <= 60 else 0,
            )
        )  # fmt: skip
    places = list(range(0, len(ends), -(-len(ends) // MOST_TICKS)))
    names = [short(connectome.unit_ids[k]) for k in places]
    ticks = {
        "type": "category", "constrain": "domain", "showgrid": False, "zeroline": False, "tickfont": {"size": 10},
        "tickmode": "array", "tickvals": [ends[k] for k in places], "ticktext": [as_it_stands(name) for name in names],
    }  # fmt: skip
    longest = max(map(len, names))
    angle = -90 if longest > 3 else None
    room = 0.0 if groups is None else STRIP * len(ends)
    figure.update_xaxes(title=words.column, range=[-0.5 - room, len(ends) - 0.5], tickangle=angle, **ticks)
    figure.update_yaxes(title=words.row, range=[len(ends) - 0.5, -0.5 - room], scaleanchor="x", **ticks)
    if groups is not None:
        _tell_groups(figure, groups, room)

    def change(_: int, threshold: float) -> list[dict[str, Any]]:
        cut = _cut(positive, threshold) / top
        return [{"colorscale": [scale(cut, low, high) for _, low, high in kinds]}]

    laid_out(figure, sliders=slider(evidence, change, room=6 * max(0, longest - 4)))
    return figure.update_layout(margin={"t": 62 if groups is not None else 44})


def caption(connectome: Connectome) -> str:
    """What the heat map shows."""
    groups = groups_of(connectome.unit_info)
    signs = (
        " The method gives no signs."
        if connectome.weight is None
        else " Red excites, blue inhibits, grey is of no sign."
    )
    said = (
        f"Evidence for an effect of the column's unit on the row's.{signs} Move the slider: pairs that score less lose "
        "their colour, the others keep theirs."
    )
    return said if groups is None else f"{said} Units stand by {groups.column}, which the strips at the edges show."


def scale(cut: float, low: tuple[str, ...] | None, high: tuple[str, ...]) -> list[list[Any]]:
    """Give a scale of colours of scores in [0, 1], or with ``low`` of [-1, 1], that has none between -cut and cut.

    Colours go by the square root: of scores that are squares or F a few would else leave all others pale.
    """
    root = np.sqrt(min(cut, 1.0))
    shades = np.unique([root, *np.linspace(root, 1.0, SHADES)]).tolist()
    arm = [(shade**2, shade) for shade in shades]
    above = [[_place(at, low), _between(high, shade)] for at, shade in arm]
    middle = [[_place(arm[0][0], low), BELOW]]
    if low is None:
        return [[0.0, BELOW], *middle, *above]
    below = [[_place(-at, low), _between(low, shade)] for at, shade in reversed(arm)]
    return [*below, [below[-1][0], BELOW], *middle, *above]


def _place(value: float, low: tuple[str, ...] | None) -> float:
    return float(np.clip(value if low is None else 0.5 * (1.0 + value), 0.0, 1.0))


def _between(colours: tuple[str, ...], share: float) -> str:
    at = min(max(share, 0.0), 1.0) * (len(colours) - 1)
    k = min(int(at), len(colours) - 2)
    one, other = (np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in colours[k : k + 2])
    return "#" + "".join(f"{round(channel):02x}" for channel in (one + (at - k) * (other - one)).tolist())


def _cut(positive: np.ndarray, threshold: float) -> float:
    """Between the last score below a threshold and the first that reaches it, so that rounding moves none across.

    ``positive`` are the scores, sorted.
    """
    first = int(np.searchsorted(positive, positive.dtype.type(threshold)))
    if first == len(positive):
        return threshold
    return 0.5 * (float(positive[first]) + (float(positive[first - 1]) if first else 0.0))


def _hover(connectome: Connectome, score: np.ndarray, signed: bool, words: Words) -> tuple[str, np.ndarray | None]:
    """The words of a pair, and the numbers in them, (target, source, number)."""
    hover = f"{words.column} %{{x}}<br>{words.row} %{{y}}<br>score "
    if len(score) > MOST_HOVERED:  # what is drawn has the sign
        return hover + "%{z:.4g}" + (f", below 0 where it {words.negative}" if signed else "") + "<extra></extra>", None
    numbers = [score]
    hover += "%{customdata[0]:.4g}"
    for name, word in TOLD.items():
        if name in connectome.fields:
            hover += f"<br>{word} %{{customdata[{len(numbers)}]:.4g}}"
            numbers.append(connectome.fields[name].values.astype(float))
    return hover + "<extra></extra>", np.stack(numbers, axis=-1)


def _bar(signs: Words | None, top: float) -> dict[str, Any]:
    """A legend of the colours above the matrix; what they mean stands at its ticks, as a title would lie upon it."""
    ticks = {} if signs is None else {-top: f"{top:.3g}, {signs.negative}", -top / 2: f"{top / 2:.3g}"}
    ticks |= {
        0.0: "score 0",
        top / 2: f"{top / 2:.3g}",
        top: f"{top:.3g}" + ("" if signs is None else f", {signs.positive}"),
    }
    return {
        "orientation": "h", "thickness": 10, "len": 0.72, "xanchor": "center", "x": 0.5, "yref": "container", "y": 0.99,
        "yanchor": "top", "tickfont": {"size": 10}, "tickvals": list(ticks), "ticktext": list(ticks.values()),
    }  # fmt: skip


def _tell_groups(figure: go.Figure, groups: Groups, room: float) -> None:
    """Strips of the groups' colours along both axes, lines between groups, and the names of those with room for it."""
    counts = [groups.of.count(name) for name in groups.names]
    ends = np.cumsum(counts).tolist()
    last = ends[-1] - 0.5
    near, far = -0.5 - 0.25 * room, -0.5 - room
    shapes: list[dict[str, Any]] = []
    for name, end, count in zip(groups.names, ends, counts, strict=True):
        begin, stop = end - count - 0.5, end - 0.5
        filled = {"fillcolor": groups.colours[name], "line": {"width": 0}}
        shapes.append(dict(type="rect", x0=begin, x1=stop, y0=near, y1=far, **filled))
        shapes.append(dict(type="rect", x0=near, x1=far, y0=begin, y1=stop, **filled))
        if end < ends[-1]:
            line = {"color": INK, "width": 1}
            shapes.append({"type": "line", "x0": stop, "x1": stop, "y0": far, "y1": last, "line": line})
            shapes.append({"type": "line", "x0": far, "x1": last, "y0": stop, "y1": stop, "line": line})
        if 300 * count / ends[-1] >= 6.5 * len(name):  # pixels on a telephone, and those of its letters
            figure.add_annotation(
                x=0.5 * (begin + stop), y=far, text=as_it_stands(name), showarrow=False, yanchor="bottom",
                font={"size": 11, "color": INK},
            )  # fmt: skip
    figure.update_layout(shapes=shapes)  # at once: one by one each is checked against all
