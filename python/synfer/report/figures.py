"""The page's figures, by Plotly: they answer to the mouse without any script of ours (the matrix: matrix.py)."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
import numpy as np
import plotly.graph_objects as go

from synfer.connectome import Connectome, Learnt
from synfer.plot.style import PALETTE
from synfer.recording import Recording
from synfer.report.evidence import Evidence, evidence_of
from synfer.report.sliders import slider
from synfer.report.style import EXCITES, INHIBITS, INK, MEASURED, UNKNOWN, UNSIGNED, as_it_stands, laid_out, with_legend
from synfer.report.units import OTHER, UNNAMED, Groups, groups_of, short, told
from synfer.storage import on_host
from synfer.trust.card import Power

OTHERS = "others"
MOST_EDGES, MOST_TRACES = 400, 12
"""Edges that a drawn graph is given, the strongest; units that are drawn over time."""
LEAST_DRAWN, MOST_DRAWN = 600, 4000
"""Samples of a unit that are drawn over time, where there are so many."""


def graph(connectome: Connectome, evidence: Evidence | None = None) -> go.Figure:
    """Units where a spring model of the strongest edges puts them; the slider hides the weaker ones."""
    evidence = evidence_of(connectome) if evidence is None else evidence
    table = connectome.edges(most=MOST_EDGES)
    drawn = nx.DiGraph()
    drawn.add_nodes_from(connectome.unit_ids.tolist())
    drawn.add_weighted_edges_from(table[["source", "target", "score"]].itertuples(index=False, name=None))
    place = nx.spring_layout(nx.Graph(drawn), seed=0)
    steps = evidence.steps
    # an edge is in the last group whose threshold it reaches: the slider shows a group and all after it
    group = np.searchsorted(steps, table["score"].to_numpy() * (1 + 1e-12), side="right") - 1
    weight = table["weight"] if "weight" in table else np.zeros(len(table))
    crowded = len(table) > 4 * connectome.n_units
    figure = go.Figure()
    for k in range(len(steps)):
        for sign, colour in ((1, EXCITES), (-1, INHIBITS), (0, UNSIGNED)):
            chosen = table[(group == k) & (np.sign(np.nan_to_num(weight)) == sign)]
            x: list[float | None] = []
            y: list[float | None] = []
            for source, target in zip(chosen["source"], chosen["target"], strict=True):
                (x0, y0), (x1, y1) = place[source], place[target]
                x += [x0, x1, None]
                y += [y0, y1, None]
            figure.add_trace(
                go.Scatter(
                    x=x, y=y, mode="lines+markers", line={"color": colour, "width": 0.8 if crowded else 1.4},
                    hoverinfo="skip", opacity=0.5 if crowded else 0.75, showlegend=False,
                    marker={"symbol": "arrow", "size": 7, "angleref": "previous", "standoff": 9},
                )
            )  # fmt: skip
    n_lines = len(figure.data)
    ids = connectome.unit_ids.tolist()
    at = np.array([place[label] for label in ids])
    groups = groups_of(connectome.unit_info)
    hover = [f"unit {as_it_stands(one)}{more}" for one, more in zip(ids, told(connectome.unit_info), strict=True)]
    names = [as_it_stands(short(one)) for one in ids]
    members = {"": (list(range(len(ids))), "white")} if groups is None else _by_colour(groups)
    for name, (inside, colour) in members.items():
        line = name if len(name) <= 24 else name[:23] + "…"
        figure.add_trace(
            go.Scatter(
                x=at[inside, 0], y=at[inside, 1], mode="markers+text", text=[names[k] for k in inside],
                hovertext=[hover[k] for k in inside], hoverinfo="text", name=as_it_stands(line),
                marker={"size": 18, "color": colour, "line": {"color": INK, "width": 1}}, textfont={"size": 9},
                showlegend=groups is not None,
            )
        )  # fmt: skip
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")

    def visible(k: int) -> list[bool]:
        return [trace // 3 >= k for trace in range(n_lines)] + [True] * len(members)

    begin = _first_step(evidence)
    for trace, seen in zip(figure.data, visible(begin), strict=True):
        trace.visible = seen
    laid_out(figure, sliders=slider(evidence, lambda k, _: [{"visible": visible(k)}], begin))
    return figure if groups is None else with_legend(figure, as_it_stands(groups.column))


def colours(connectome: Connectome) -> str:
    """What the colours of a graph's units are, where they have any."""
    groups = groups_of(connectome.unit_info)
    return "" if groups is None else f" Units are coloured by {groups.column}."


def _by_colour(groups: Groups) -> dict[str, tuple[list[int], str]]:
    """Positions of the units, and the colour, of each line of a legend; groups that share a grey share a line."""
    found: dict[str, tuple[list[int], str]] = {}
    for name in groups.names:
        colour = groups.colours[name]
        line = name if colour != OTHER or name == UNNAMED else OTHERS
        found.setdefault(line, ([], colour))[0].extend(k for k, one in enumerate(groups.of) if one == name)
    return dict(sorted(found.items(), key=lambda one: (one[0] == UNNAMED, one[0] == OTHERS)))


def _first_step(evidence: Evidence) -> int:
    """Where a graph's slider begins: at the significant edges, the stronger half where there are no p-values."""
    if evidence.significant_from is None:
        return len(evidence.steps) // 2
    return int(np.searchsorted(evidence.steps, evidence.significant_from))


def drawn_of(recording: Recording, seconds: float = 2.0) -> slice:
    """Samples that `activity` draws: so many seconds, or more of frames, of which these would hold a handful.

    They are from the middle: how a recording settles at its beginning would be all that there is to see.
    """
    n = min(recording.n_samples, max(int(seconds / recording.dt), LEAST_DRAWN), MOST_DRAWN)
    begin = (recording.n_samples - n) // 2
    return slice(begin, begin + n)


def activity(recording: Recording, name: str) -> go.Figure:
    """A stretch (`drawn_of`) of some units: spikes as marks, other signals as lines, each in its own scale."""
    one = recording if recording.leading is None else recording.isel(**{recording.leading: 0})  # type: ignore[arg-type]
    part = one.isel(time=drawn_of(recording), unit=slice(0, MOST_TRACES))
    values = on_host(part[name]).astype(float)
    figure = go.Figure()
    labels = [as_it_stands(label) for label in part.unit_ids.tolist()]
    middle, scale = _own_scale(values)
    for k, label in enumerate(labels):
        hover = f"unit {label}: %{{customdata:.4g}} at %{{x:.4g}} s<extra></extra>"
        if name == "spikes":
            at = np.flatnonzero(np.nan_to_num(values[:, k]) > 0)
            figure.add_trace(
                go.Scatter(
                    x=part.times[at], y=np.full(len(at), -k), customdata=values[at, k], mode="markers",
                    marker={"symbol": "line-ns", "size": 10, "line": {"width": 1.4, "color": INK}}, hovertemplate=hover,
                )
            )  # fmt: skip
        else:
            drawn = (values[:, k] - middle[k]) / scale[k] - k
            figure.add_trace(
                go.Scatter(
                    x=part.times, y=drawn, customdata=values[:, k], mode="lines", line={"width": 1, "color": INK},
                    hovertemplate=hover,
                )
            )  # fmt: skip
    figure.update_xaxes(title="time (s)", showgrid=False)
    figure.update_yaxes(tickvals=[-k for k in range(len(labels))], ticktext=labels, showgrid=False, zeroline=False)
    return laid_out(figure, 120 + 26 * len(labels))


def _own_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle and breadth of each unit's line, (unit,): its own, for a quiet unit stands beside busy ones."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    middle = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    spread = np.where(known, np.abs(filled - middle), 0.0).max(axis=0, initial=0.0)
    return middle, 2.2 * np.where(spread > 0, spread, 1.0)


def forecast(learnt: Learnt, in_seconds: bool) -> go.Figure:
    """Measured samples, and over them the forecast of each; one unit above the other, as `activity` draws them."""
    x, f = learnt.measured.astype(float), learnt.forecast.astype(float)
    middle, scale = _own_scale(x)
    place = -np.arange(len(learnt.shown))
    labels = [as_it_stands(label) for label in learnt.shown.tolist()]
    figure = go.Figure()
    for name, values, colour, width in (("measured", x, MEASURED, 3.0), ("forecast", f, PALETTE[1], 1.2)):
        drawn = (values - middle) / scale + place
        for k, label in enumerate(labels):
            figure.add_trace(
                go.Scatter(
                    x=learnt.times, y=drawn[:, k], customdata=values[:, k], mode="lines", name=name, legendgroup=name,
                    showlegend=k == 0, line={"width": width, "color": colour},
                    hovertemplate=f"unit {label}, {name}: %{{customdata:.4g}} at %{{x:.5g}}<extra></extra>",
                )
            )  # fmt: skip
    r2 = dict(zip(learnt.unit_ids.tolist(), learnt.r2.tolist(), strict=True))
    each = [r2[label] for label in learnt.shown.tolist()]
    figure.update_xaxes(title="time (s)" if in_seconds else "sample", showgrid=False)
    figure.update_yaxes(
        tickvals=place,
        ticktext=[
            f"{label}<br>R² {one:.2f}" if np.isfinite(one) else label for label, one in zip(labels, each, strict=True)
        ],
        showgrid=False,
        zeroline=False,
    )
    return with_legend(laid_out(figure, 140 + 54 * len(place)))


def losses(learnt: Learnt) -> go.Figure:
    """Loss of each initialisation by epoch, that of held-out samples dashed, the weights that were kept as a dot."""
    figure = go.Figure()
    curves = {"training": (learnt.training_loss, "solid"), "held out": (learnt.validation_loss, "dot")}
    for name, (curve, dash) in curves.items():
        for k, loss in enumerate([] if curve is None else curve):
            figure.add_trace(
                go.Scatter(
                    x=np.arange(1, len(loss) + 1), y=loss, mode="lines", name=name, legendgroup=name, showlegend=k == 0,
                    line={"width": 1.4, "color": PALETTE[k % len(PALETTE)], "dash": dash},
                    hovertemplate=f"initialisation {k}, {name}: %{{y:.4g}} in epoch %{{x}}<extra></extra>",
                )
            )  # fmt: skip
    judged = learnt.training_loss if learnt.validation_loss is None else learnt.validation_loss
    for k, epoch in enumerate([] if learnt.kept_epoch is None else learnt.kept_epoch):
        if np.isfinite(epoch):
            figure.add_trace(
                go.Scatter(
                    x=[epoch + 1], y=[judged[k, int(epoch)]], mode="markers", name="kept", legendgroup="kept",
                    showlegend=k == 0, marker={"size": 7, "color": PALETTE[k % len(PALETTE)]},
                    hovertemplate=f"initialisation {k}: kept from epoch %{{x}}<extra></extra>",
                )
            )  # fmt: skip
    figure.update_xaxes(title="epoch", showgrid=False)
    figure.update_yaxes(title="loss", gridcolor=UNKNOWN, zeroline=False)
    return with_legend(laid_out(figure, 320))


def power(curve: Sequence[Power]) -> go.Figure:
    """The share of planted edges that was found, by strength, with 95 % intervals."""
    strength, share = [one.strength for one in curve], [one.share for one in curve]
    figure = go.Figure(
        go.Scatter(
            x=strength,
            y=share,
            customdata=[[one.found, one.planted, one.auroc] for one in curve],
            mode="lines+markers",
            line={"color": INK, "width": 1.5},
            error_y={
                "array": [one.high - one.share for one in curve],
                "arrayminus": [one.share - one.low for one in curve],
                "color": UNSIGNED,
            },
            hovertemplate="strength %{x:.3g}: %{customdata[0]} of %{customdata[1]} found, AUROC %{customdata[2]:.2f}"
            "<extra></extra>",
        )
    )
    figure.update_xaxes(
        title="strength of planted edges",
        type="log",
        showgrid=False,
        tickvals=strength,
        ticktext=[f"{one:g}" for one in strength],
    )
    figure.update_yaxes(title="share found", range=[-0.02, 1.02], gridcolor=UNKNOWN, zeroline=False)
    return laid_out(figure, 300)
