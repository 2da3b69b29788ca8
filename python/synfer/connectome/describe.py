"""What a connectome looks like in a terminal and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from synfer.connectome.connectome import Connectome


def as_text(connectome: Connectome) -> str:
    """One line of title, then a line a field and a line for each thing known of how it was made."""
    known = summary(connectome)
    width = max(map(len, known))
    lines = [f"{name:<{width}} {text}" for name, text in known.items()]
    return "\n  ".join([f"<synfer.Connectome {title(connectome)}", *lines]) + ">"


def as_html(connectome: Connectome) -> str:
    """The same as a table, all text escaped."""
    table = pd.Series(summary(connectome), dtype=object).to_frame(f"Connectome: {title(connectome)}")
    return table.to_html(escape=True)


def title(connectome: Connectome) -> str:
    """Size, layout and method in one line."""
    ids = connectome.leading_ids
    batch = "" if ids is None else f"{len(ids)} {connectome.leading}{'' if len(ids) == 1 else 's'} x "
    method = f", by {connectome.method}" if connectome.method else ""
    return f"{batch}{connectome.n_units} units, {connectome.layout}{method}"


def summary(connectome: Connectome) -> dict[str, str]:
    """Extent of each field, the first units, and how it was made."""
    shown = {}
    for name, field in connectome.fields.items():
        known = field.values[~np.isnan(field.values)]
        extent = f"{known.min():.4g} to {known.max():.4g}" if known.size else "nothing is said of any pair"
        shown[name] = extent + (" s" if name == "delay" and known.size else "")
    if connectome.leading == "time" and connectome.leading_ids is not None:
        shown["time"] = f"{connectome.leading_ids[0]:g} to {connectome.leading_ids[-1]:g} s"
    ids = connectome.unit_ids
    shown["units"] = ", ".join(map(str, ids[:8].tolist())) + (", ..." if len(ids) > 8 else "")
    for name, value in connectome.origin.items():
        if value is not None and value != {} and name not in ("method", "versions"):
            shown[name] = f"{value:g} s" if name == "dt" else str(value)
    return shown
