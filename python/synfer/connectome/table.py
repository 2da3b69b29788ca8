"""Tables of a connectome's pairs, and which of them are significant."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from synfer.connectome.edges import OF, networks_at
from synfer.connectome.fields import leading_of
from synfer.errors import InputError
from synfer.storage import as_choice

if TYPE_CHECKING:
    import networkx as nx

CORRECTIONS = (
    "bonferroni",
    "sidak",
    "holm-sidak",
    "holm",
    "simes-hochberg",
    "hommel",
    "fdr_bh",
    "fdr_by",
    "fdr_tsbh",
    "fdr_tsbky",
)
"""Corrections for multiple testing, by statsmodels' names; None corrects nothing."""


def edge_table(
    dataset: xr.Dataset, ids: np.ndarray, alpha: float | None, correction: str | None, most: int | None = None
) -> pd.DataFrame:
    """Build the rows of `Connectome.edges`: the pairs off the diagonal that count as edges, strongest first."""
    if alpha is not None:
        if "pvalue" not in dataset:
            raise InputError(
                "alpha needs p-values, and this connectome has none; leave alpha out, or choose a method with a test."
            )
        if not (isinstance(alpha, Real) and 0 < alpha < 1):
            raise InputError(f"alpha must lie between 0 and 1; got {alpha!r}.")
        if correction is not None:
            as_choice(correction, "correction", CORRECTIONS)
    if most is not None and (isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 0):
        raise InputError(f"most must be a whole number of at least 0; got {most!r}.")
    tables = []
    leading = leading_of(dataset)
    for label, one in _parts(dataset, leading):
        target, source = _ends(one)
        flat = {str(name): values.values.ravel() for name, values in one.data_vars.items()}
        if alpha is None:
            kept = np.flatnonzero((flat["score"] > 0) & (target != source))  # NaN > 0 is false
            corrected = kept[:0]
        else:
            family = np.flatnonzero(np.isfinite(flat["pvalue"]) & (target != source))
            rejected, corrected = _corrected(flat["pvalue"][family], alpha, correction)
            kept = family[rejected]
            corrected = corrected[rejected]
        if most is not None:
            chosen = _strongest(flat["score"][kept], most)
            kept, corrected = kept[chosen], corrected if alpha is None else corrected[chosen]
        columns: dict[str, Any] = {} if leading is None else {leading: np.full(len(kept), label)}
        columns |= {"source": ids[source[kept]], "target": ids[target[kept]]}
        for name, values in flat.items():
            columns[name] = values[kept]
            if name == "pvalue" and alpha is not None:
                columns["pvalue_corrected"] = corrected
        table = pd.DataFrame(columns)
        # strongest first; equal scores, and NaN scores last, stay in the order of the matrix
        tables.append(table.sort_values("score", ascending=False, kind="stable"))
    return pd.concat(tables, ignore_index=True)


def _strongest(score: np.ndarray, most: int) -> np.ndarray:
    """Positions of the ``most`` highest scores, rising; of equal ones, and of NaN ones last, the first."""
    if most >= len(score):
        return np.arange(len(score))
    ranked = np.where(np.isnan(score), -np.inf, score)
    if most == 0:
        return np.zeros(0, dtype=np.int64)
    last = np.partition(ranked, len(ranked) - most)[len(ranked) - most]
    above, tied = np.flatnonzero(ranked > last), np.flatnonzero(ranked == last)
    return np.sort(np.concatenate([above, tied[: most - len(above)]]))


def each_pair_once(table: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    """Of a table of what has no direction, and so stands there both ways, the rows whose source is the earlier unit."""
    place = {label: k for k, label in enumerate(ids.tolist())}
    first = table["source"].map(place).to_numpy() < table["target"].map(place).to_numpy()
    return table[first].reset_index(drop=True)


def pair_table(dataset: xr.Dataset, ids: np.ndarray) -> pd.DataFrame:
    """Build the rows of `Connectome.to_pandas`: every pair of the matrix, or every listed edge, in its order."""
    tables = []
    leading = leading_of(dataset)
    for label, one in _parts(dataset, leading):
        target, source = _ends(one)
        columns: dict[str, Any] = {} if leading is None else {leading: np.full(len(target), label)}
        columns |= {"source": ids[source], "target": ids[target]}
        columns |= {str(name): values.values.ravel() for name, values in one.data_vars.items()}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def with_units(table: pd.DataFrame, info: pd.DataFrame) -> pd.DataFrame:
    """Add what is known of both units of each row, by columns source_... and target_..."""
    added = {
        f"{end}_{name}": info[name].loc[table[end]].to_numpy() for name in info.columns for end in ("source", "target")
    }
    return table.assign(**added) if added else table


def edge_graph(table: pd.DataFrame, info: pd.DataFrame) -> nx.DiGraph:
    """Build the graph of all units, with an edge source -> target for each row; a field that is NaN is left out."""
    import networkx as nx

    graph = nx.DiGraph()
    known = {str(name): info[name].tolist() for name in info.columns}
    for k, label in enumerate(info.index.tolist()):
        graph.add_node(label, **{name: column[k] for name, column in known.items()})
    names = [name for name in table.columns if name not in ("source", "target")]
    columns = [table[name].tolist() for name in ("source", "target", *names)]
    for source, target, *values in zip(*columns, strict=True):
        graph.add_edge(source, target, **{n: v for n, v in zip(names, values, strict=True) if not np.isnan(v)})
    return graph


def _parts(dataset: xr.Dataset, leading: str | None) -> list[tuple[Any, xr.Dataset]]:
    """Each network or time apart, with its label: their tests are different families."""
    if leading is None:
        return [(None, dataset)]
    labels = dataset[leading].values.tolist()
    if OF in dataset.coords:
        return [(label, networks_at(dataset, k)) for k, label in enumerate(labels)]
    return [(label, dataset.isel({leading: k})) for k, label in enumerate(labels)]


def _ends(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Index of the target and of the source unit of each pair, in the order of the raveled fields."""
    if "edge" in dataset.dims:
        return dataset["target"].values, dataset["source"].values
    target, source = np.indices(dataset["score"].shape)
    return target.ravel(), source.ravel()


def _corrected(pvalues: np.ndarray, alpha: float, correction: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Which are rejected, and the corrected p-values."""
    if correction is None or pvalues.size == 0:
        return pvalues <= alpha, pvalues
    from statsmodels.stats.multitest import multipletests  # a second to import: only where it is needed

    rejected, corrected, _, _ = multipletests(pvalues, alpha=alpha, method=correction)
    return rejected, corrected
