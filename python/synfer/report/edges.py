"""The table of the strongest edges: first who, where, and how strong; what is the same of all is said once."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from synfer.connectome import Connectome
from synfer.report import markup
from synfer.report.evidence import Evidence, evidence_of
from synfer.report.units import groups_of

MOST_ROWS = 50
"""Edges that the table lists."""
WORDS = {
    "pvalue": "p",
    "pvalue_corrected": "p (corrected)",
    "delay": "delay (s)",
    "score_std": "score, std",
    "interval_low": "from",
    "interval_high": "to",
}


def section(connectome: Connectome, evidence: Evidence | None = None) -> str:
    """The significant edges, or without p-values those that score highest."""
    evidence = evidence_of(connectome) if evidence is None else evidence
    significant = evidence.called is not None
    table = connectome.edges(most=MOST_ROWS) if evidence.called is None else evidence.called
    n = evidence.reach[0] if evidence.called is None else len(evidence.called)
    groups = groups_of(connectome.unit_info)
    shown, same = in_order(
        table.head(MOST_ROWS), list(connectome.unit_info.columns), None if groups is None else groups.column
    )
    note = f"The first {len(shown)} of {n} {'significant edges' if significant else 'edges by score'}."
    if same:
        note += (
            " The same of all these: "
            + "; ".join(f"{name} {markup.short(value)}" for name, value in same.items())
            + "."
        )
    return f"<small>{html.escape(note)}</small>{markup.table(shown)}"


def in_order(table: pd.DataFrame, info: list[str], first: str | None) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Order the columns for a reader, and take out those that say the same in every row.

    Parameters
    ----------
    table : DataFrame
        Of `Connectome.edges`.
    info : list of str
        Columns of ``unit_info``.
    first : str or None
        The one that stands beside source and target.

    Returns
    -------
    DataFrame
        Source, target and ``first`` of each; score and the other fields; what else is known of the units.
    dict of str to value
        What was taken out.
    """
    ends = ("source", "target")
    beside = [f"{end}_{first}" for end in ends] if first is not None else []
    about = [f"{end}_{name}" for name in info for end in ends if name != first]
    fields = [name for name in table.columns if name not in (*ends, *beside, *about)]
    lead = [name for end in ends for name in (end, f"{end}_{first}") if name in table.columns]
    same = {name: table[name].iloc[0] for name in (*fields, *about) if name != "score" and _is_same(table[name])}
    kept = [name for name in (*lead, *fields, *about) if name not in same]
    words: dict[str, Any] = WORDS | dict.fromkeys(beside, first) | {one: one.replace("_", " ", 1) for one in about}
    said: dict[str, Any] = {
        words.get(name, name): value for name, value in same.items() if value == value and value != ""
    }
    for name in info:  # of both units the same is said once
        both = [said.get(f"{end} {name}") for end in ends]
        if both[0] is not None and both[0] == both[1]:
            said = {k: v for k, v in said.items() if k not in (f"source {name}", f"target {name}")} | {name: both[0]}
    for name in ("pvalue", "pvalue_corrected"):
        if name in kept:
            table = table.assign(**{name: [f"{p:.2g}" for p in table[name]]})
    arranged: pd.DataFrame = table[kept].rename(columns=words)
    return arranged, said


def _is_same(column: pd.Series) -> bool:
    return len(column) > 1 and len(column.drop_duplicates()) == 1
