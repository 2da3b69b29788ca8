"""What the page says of coupling within a sample, which has no direction: a matrix of its own, and its pairs."""

from __future__ import annotations

import dataclasses
import html

import numpy as np
import pandas as pd

from synfer.connectome import Connectome
from synfer.connectome.table import each_pair_once
from synfer.report import markup, matrix
from synfer.report.edges import MOST_ROWS, in_order
from synfer.report.evidence import ALPHA, evidence_of
from synfer.report.units import groups_of

HEADING = "Coupled within a sample"
WORDS = matrix.Words("unit", "and unit", "agrees", "opposes")
CAPTION = (
    "What two units have in common within a sample, once everybody's past has been told: it has no direction, and "
    "stands on both sides of the diagonal. Red agrees, blue opposes. Hover for values."
)


def section(shared: Connectome) -> str:
    """Matrix, and the pairs that are significant, or without p-values those most coupled; each pair once."""
    evidence = evidence_of(shared)
    once = dataclasses.replace(evidence, reach=[n // 2 for n in evidence.reach])
    drawn = markup.figure(matrix.adjacency(shared, once, WORDS), CAPTION, "min(780px, calc(100vw + 170px))")
    return markup.section(HEADING, drawn + _pairs(shared, evidence.called))


def _pairs(shared: Connectome, called: pd.DataFrame | None) -> str:
    n = shared.n_units * (shared.n_units - 1) // 2
    if called is None:
        table = each_pair_once(shared.edges(most=2 * MOST_ROWS), shared.unit_ids)
        note = f"The {len(table)} most coupled of {n} pairs; the method gives no p-values of it."
    else:
        table = each_pair_once(called, shared.unit_ids)
        note = (
            f"{len(table)} of {n} pairs are coupled at a false discovery rate of {ALPHA:g}"
            + (f"; the first {MOST_ROWS}" if len(table) > MOST_ROWS else "")
            + ", each pair once."
        )
    if "weight" in table and np.allclose(table["score"], table["weight"].abs(), equal_nan=True):
        table = table.drop(columns="score").rename(columns={"weight": "partial correlation"})
    groups = groups_of(shared.unit_info)
    names = list(shared.unit_info.columns)
    shown, same = in_order(table.head(MOST_ROWS), names, None if groups is None else groups.column)
    shown = shown.rename(columns=_undirected)
    if same:
        told = "; ".join(f"{_undirected(name)} {markup.short(value)}" for name, value in same.items())
        note += f" The same of all these: {told}."
    return f"<small>{html.escape(note)}</small>" + (markup.table(shown) if len(shown) else "")


def _undirected(name: str) -> str:
    for end, word in (("source", "unit"), ("target", "and unit")):
        if name == end or name.startswith(f"{end} "):
            return word + name.removeprefix(end)
    return name
