"""DREAM4 in-silico gene networks: a user's own copy of the challenge's files, which synfer does not ship.

Source: the DREAM4 in silico network challenge (Marbach et al. 2010, PNAS 107, 6286-6291; Schaffter et al. 2011,
Bioinformatics 27, 2263-2270), five networks of 10 and five of 100 genes:
``insilico_size{size}_{number}_timeseries.tsv`` with a column ``Time`` and one a gene, trajectories of 21 points parted
by an empty line; the perturbation of a trajectory lasts for its first half. The truth is
``DREAM4_GoldStandard_InSilico_Size{size}_{number}.tsv`` with rows source, target, 0 or 1 for every ordered pair. Times
have no unit in the files; a sample is every 50.
"""

from __future__ import annotations

import re
from pathlib import Path

from synfer.connectome import Connectome
from synfer.datasets.gene_networks import read_gene_network
from synfer.errors import FileError
from synfer.recording import Recording
from synfer.storage import StrPath, as_path

TABLE = re.compile(r"insilico_size(?P<size>\d+)_(?P<number>\d+)_timeseries\.tsv")
"""Name of a table of trajectories."""


def load_dream4(path: StrPath, truth: StrPath | None = None) -> tuple[Recording, Connectome]:
    """Read a network's trajectories and its true wiring from one's own copy of the challenge.

    Parameters
    ----------
    path : str or path
        The table, ``.../insilico_size10_1_timeseries.tsv``.
    truth : str or path, optional
        The gold standard; by default ``DREAM4_GoldStandard_InSilico_Size10_1.tsv`` or
        ``insilico_size10_1_goldstandard.tsv``, whichever lies beside the table.

    Returns
    -------
    recording : Recording
        Signal "expression" (trial, time, unit), float64: each trajectory is a trial, so that no lag crosses from one
        to the next. ``dt`` is the files' step, taken as seconds.
    truth : Connectome
        Score 1 where a gene regulates another, 0 elsewhere, (target, source); NaN on the diagonal.

    Raises
    ------
    FileError
        A file is missing, malformed, or its name is none of the challenge's; names it, and the row (from 1) at fault.
    """
    table = as_path(path, "path")
    if truth is None:
        names = gold_standards(table)
        found = [table.with_name(name) for name in names if table.with_name(name).is_file()]
        if not found:
            raise FileError(
                f"{str(table.parent)!r} lacks the true edges of {table.name!r}, {' or '.join(map(repr, names))}: put "
                "that file there, or give truth=."
            )
        return read_gene_network(table, found[0], "dream4")
    return read_gene_network(table, as_path(truth, "truth"), "dream4")


def gold_standards(table: Path) -> tuple[str, str]:
    """Names under which the true edges of a table of trajectories are published.

    Raises
    ------
    FileError
        The table's name is none of the challenge's.
    """
    match = TABLE.fullmatch(table.name)
    if match is None:
        raise FileError(
            f"{table.name!r} in {str(table.parent)!r} must be named as the challenge names its tables, such as "
            "'insilico_size10_1_timeseries.tsv', for its true edges to be found: rename it, or give truth=."
        )
    size, number = match["size"], match["number"]
    return f"DREAM4_GoldStandard_InSilico_Size{size}_{number}.tsv", f"insilico_size{size}_{number}_goldstandard.tsv"
