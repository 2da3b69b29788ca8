"""A connectome as tables, graphs and files for other tools."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pandas as pd

from synfer.connectome.table import edge_graph, edge_table, pair_table, with_units
from synfer.connectome.view import FieldView
from synfer.errors import InputError
from synfer.storage import StrPath, as_path, written_whole

if TYPE_CHECKING:
    import networkx as nx


NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that an XML document may not hold."""


class Exports(FieldView):
    """The edges and pairs of a `Connectome`, and what is written of them."""

    def edges(
        self, alpha: float | None = None, correction: str | None = "fdr_bh", *, most: int | None = None
    ) -> pd.DataFrame:
        """Pairs of distinct units that count as edges, highest score first.

        Parameters
        ----------
        alpha : float, optional
            Keep the pairs significant at this level after correction; None keeps all whose score is above 0.
        correction : str or None
            Correction for multiple testing by statsmodels' name ("fdr_bh", "fdr_by", "bonferroni", "holm", ...); None
            for none. The family is all pairs of one network (or time) off the diagonal that have a p-value (in the
            edge-list layout: all listed).
        most : int, optional
            Only so many, the first of them, of each network or time: of thousands of units all would be a long table.

        Returns
        -------
        pandas.DataFrame
            Columns [network|time,] source, target (labels), score and, where there are any, weight, pvalue,
            pvalue_corrected (with ``alpha``), delay in seconds, score_std, interval_low, interval_high; then what is
            known of both units, source_brain_area and target_brain_area for instance.

        Raises
        ------
        InputError
            ``alpha`` without p-values, or outside (0, 1); ``most`` is no whole number of at least 0.
        UnknownNameError
            No such correction.
        """
        return with_units(edge_table(self._data, self.unit_ids, alpha, correction, most), self.unit_info)

    def to_pandas(self) -> pd.DataFrame:
        """One row a pair, in the order of the matrix (its diagonal with it) or of the edge list.

        Columns are [network|time,] source, target (labels), the fields, and what is known of both units.
        """
        return with_units(pair_table(self._data, self.unit_ids), self.unit_info)

    def to_networkx(self, alpha: float | None = None, correction: str | None = "fdr_bh") -> nx.DiGraph:
        """Graph of all units, with an edge source -> target for each row of `edges`, its fields as attributes.

        Fields of which nothing is said (NaN) are left out; nodes have ``unit_info`` as attributes.

        Raises
        ------
        InputError
            This is a batch of networks or holds several times, or as for `edges`.
        """
        if self.leading is not None:
            raise InputError(f"a graph holds one network at one time: choose it by isel({self.leading}=...).")
        return edge_graph(edge_table(self._data, self.unit_ids, alpha, correction), self.unit_info)

    def to_csv(self, path: StrPath, alpha: float | None = None, correction: str | None = "fdr_bh") -> None:
        """Write a table as text: every pair (`to_pandas`), or with ``alpha`` the significant ones (`edges`).

        Parameters
        ----------
        path : path
            Written whole or not at all; a file that is there is replaced. Packed where it ends in .gz.
        alpha, correction
            As for `edges`.

        Raises
        ------
        FileError
            The file cannot be written.
        InputError
            As for `edges`.
        """
        table = self.to_pandas() if alpha is None else self.edges(alpha, correction)
        with written_whole(path) as draft:
            table.to_csv(draft, index=False, compression={"method": "gzip", "mtime": 0} if _is_packed(path) else None)

    def to_graphml(self, path: StrPath, alpha: float | None = None, correction: str | None = "fdr_bh") -> None:
        """Write the graph of `to_networkx` as GraphML, which Cytoscape, Gephi and igraph read.

        Parameters
        ----------
        path : path
            Written whole or not at all; a file that is there is replaced. Packed where it ends in .gz.
        alpha, correction
            As for `edges`.

        Raises
        ------
        FileError
            The file cannot be written.
        InputError
            As for `to_networkx`; or a label or text holds a character that XML cannot.
        """
        import networkx as nx

        graph = self.to_networkx(alpha, correction)
        graph.graph = {name: str(getattr(self, name)) for name in ("method", "seed", "dt", "converged")}
        told = [*graph.nodes, *(value for _, about in graph.nodes(data=True) for value in (*about, *about.values()))]
        unwritable = [text for text in told if isinstance(text, str) and NOT_XML.search(text)]
        if unwritable:
            raise InputError(f"labels and what is known of units must be text that XML holds; got {unwritable[0]!r}.")
        with written_whole(path) as draft, draft.open("wb") as plain:
            if _is_packed(path):  # without the draft's name and the time: the same graph is the same file
                with gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0) as file:
                    nx.write_graphml_xml(graph, file)
            else:
                nx.write_graphml_xml(graph, plain)


def _is_packed(path: StrPath) -> bool:
    """Whether a file's name says so: the draft, which is what others are given to write, has another ending."""
    return as_path(path).suffix.lower() == ".gz"
