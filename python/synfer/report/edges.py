"""The table of the strongest edges: first who, where, and how strong; what is the same of all is said once."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from synfer.connectome import Connectome
from synfer.report import markup
from synfer.report.evidence import ALPHA, Evidence, evidence_of
from synfer.report.units import groups_of

MOST_ROWS, FEWEST_ROWS = 50, 10
"""Edges that the table lists; where fewer are significant it goes on with others."""
WORDS = {
    "pvalue": "p",
    "pvalue_corrected": "p (corrected)",
    "delay": "delay (s)",
    "score_std": "score, std",
    "interval_low": "from",
    "interval_high": "to",
}


def section(connectome: Connectome, evidence: Evidence | None = None) -> str:
    """The significant edges, where they are few the others that score highest; without p-values these alone."""
    evidence = evidence_of(connectome) if evidence is None else evidence
    table = connectome.edges(most=MOST_ROWS) if evidence.called is None else evidence.called
    n = evidence.reach[0] if evidence.called is None else len(evidence.called)
    added = 0
    if evidence.called is not None and n < FEWEST_ROWS:
        table, added = _with_others(connectome, evidence.called)
    groups = groups_of(connectome.unit_info)
    shown, same = in_order(
        table.head(MOST_ROWS), list(connectome.unit_info.columns), None if groups is None else groups.column
    )
    if evidence.called is None:
        note = f"The first {len(shown)} of {n} edges by score."
    elif added:
        which = f"{n or 'No'} significant edge{'' if n == 1 else 's'}"
        note = (
            f"{which} at a false discovery rate of {ALPHA:g}; then the {added} that score highest of all other pairs."
        )
    else:
        note = f"The first {len(shown)} of {n} significant edges."
    if same:
        note += (
            " The same of all these: "
            + "; ".join(f"{name} {markup.short(value)}" for name, value in same.items())
            + "."
        )
    return f"<small>{html.escape(note)}</small>{markup.table(shown)}"


def _with_others(connectome: Connectome, called: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Put the pairs that score highest of those not called below those that are, marked; and say how many they are."""
    strongest = connectome.edges(most=FEWEST_ROWS)
    ends = set(zip(called["source"], called["target"], strict=True))
    others = [pair not in ends for pair in zip(strongest["source"], strongest["target"], strict=True)]
    added = strongest[others].head(FEWEST_ROWS - len(called))
    if added.empty:
        return called, 0
    added = added.assign(significant=["no" if p == p else "not tested" for p in added["pvalue"]])
    parts = [called.assign(significant="yes"), added] if len(called) else [added]
    return pd.concat(parts, ignore_index=True), len(added)


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
    tested = table["pvalue"].notna() if "pvalue" in table.columns else pd.Series(True, table.index)
    for name in ("pvalue", "pvalue_corrected"):
        if name in kept:
            above = f"> {ALPHA:g}" if name == "pvalue_corrected" else ""  # who is tested and not called
            shown = [f"{p:.2g}" if p == p else above * own for p, own in zip(table[name], tested, strict=True)]
            table = table.assign(**{name: shown})
    arranged: pd.DataFrame = table[kept].rename(columns=words)
    return arranged, said


def _is_same(column: pd.Series) -> bool:
    return len(column) > 1 and len(column.drop_duplicates()) == 1
