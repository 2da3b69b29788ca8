"""The look that the page's figures share."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go

INK, UNKNOWN, MEASURED = "#2b2f36", "#d9dce1", "#b4bac2"
EXCITES, INHIBITS, UNSIGNED = "#cc5f48", "#3a7fb5", "#5a616b"


def as_it_stands(text: Any) -> str:
    """Give a text that a figure shows as it stands: Plotly makes tags of <b> and its like, and numbers of %{x}."""
    return html.escape(str(text), quote=False).replace("%{", "%&#123;")  # of quotes it knows no entity


def laid_out(figure: go.Figure, height: int | None = None, **more: Any) -> go.Figure:
    """Set margins, ink and a height in pixels; without one a figure is as high as the page lets it be."""
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 12},
        showlegend=False,
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": UNKNOWN, "activecolor": UNSIGNED},
        **more,
    )
    return figure


def with_legend(figure: go.Figure, title: str = "") -> go.Figure:
    """Put a legend above the figure."""
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": {"text": title}}
    figure.update_layout(showlegend=True, legend=legend)
    return figure
