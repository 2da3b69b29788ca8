"""Pieces of the page as HTML, whatever they hold escaped."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["zoomIn2d", "zoomOut2d", "autoScale2d", "select2d", "lasso2d"],
}
"""Of Plotly's figures: no button that sends a figure, and with it the data, to Plotly's servers."""


def p(text: str) -> str:
    """A paragraph."""
    return f"<p>{html.escape(text)}</p>"


def section(heading: str, contents: str) -> str:
    """A section of HTML under a heading."""
    return f"<section><h2>{html.escape(heading)}</h2>{contents}</section>"


def figure(figure: Any, caption: str, height: str = "") -> str:
    """Draw a figure and its caption; a height, in the words of CSS, is for figures that have none of their own."""
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        config=CONFIG,
        include_mathjax=False,
    )
    if height:
        drawn = f'<div style="height:{height}">{drawn}</div>'
    return f"<figure>{drawn}<figcaption>{html.escape(caption)}</figcaption></figure>"


def known(values: dict[str, Any]) -> str:
    """A table of names and what is known under them."""
    rows = "".join(
        f"<tr><th>{html.escape(str(key))}</th><td>{html.escape(short(value))}</td></tr>"
        for key, value in values.items()
        if value is not None
    )
    return f'<div class="scroll"><table class="known">{rows}</table></div>'


def short(value: Any) -> str:
    """A value as a text of some lines at the most."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        text = ", ".join(f"{key} {short(one)}" for key, one in value.items() if one is not None)
    elif isinstance(value, list):  # what was done to a recording, one step after the other
        text = "; ".join(map(short, value))
    else:
        text = str(value)
    return text if len(text) <= 300 else text[:297] + "..."


def table(table: pd.DataFrame) -> str:
    """A table that scrolls by itself."""
    drawn = table.to_html(index=False, escape=True, border=0, float_format=lambda x: f"{x:.4g}", na_rep="")
    return f'<div class="scroll">{drawn}</div>'
