"""DREAM3 in-silico gene networks: trajectories after perturbations, one tab-separated table a network.

Source: Marbach et al. 2009, "Generating realistic in silico gene networks for performance assessment of reverse
engineering methods" (J. Comput. Biol. 16), by way of the repository ElleZWQ/JRNGC (MIT):
``dream3_{size}_{number}.tsv`` with a column ``Time`` and one a gene, trajectories parted by an empty line, and
``dream3_{size}_{number}_true.txt`` with rows source, target, 0 or 1 for every ordered pair of genes. Times have no unit
in the files; a sample is every 10.
"""

from __future__ import annotations

from synfer.connectome import Connectome
from synfer.datasets.gene_networks import read_gene_network
from synfer.recording import Recording
from synfer.storage import StrPath, as_path


def load_dream3(path: StrPath) -> tuple[Recording, Connectome]:
    """Read a published gene network's trajectories and its true wiring.

    Parameters
    ----------
    path : str or path
        The table, ``.../dream3_100_0.tsv``; the truth is read from ``..._true.txt`` beside it.

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
        A file is missing or malformed; names it, and the row (from 1) at fault.
    """
    table = as_path(path, "path")
    return read_gene_network(table, table.with_name(f"{table.stem}_true.txt"), "dream3")
