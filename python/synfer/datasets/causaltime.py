"""CausalTime: realistic series made by networks that learnt real ones; a user's own copy, which synfer does not ship.

Source: Cheng et al. 2024, "CausalTime: realistically generated time-series for benchmarking of causal discovery"
(ICLR), www.causaltime.cc: a folder for each of air quality (``pm25``), ``traffic`` and ``medical``, with
``gen_data.npy`` (sample, time, node) and ``graph.npy``. A sample is a series of its own. The nodes are N observed ones,
then as many residuals, what the forecasts by the graph left over; ``graph.npy`` (N, N) is the part of the observed
among themselves, row = target (the generator forecasts node i from the nodes of row i).
"""

from __future__ import annotations

import numpy as np

from synfer.connectome import Connectome
from synfer.datasets.npz import read_array, truth_of
from synfer.errors import FileError
from synfer.recording import Recording
from synfer.storage import StrPath, as_path


def load_causaltime(folder: StrPath) -> tuple[Recording, Connectome]:
    """Read the series of one folder, and the graph that made them.

    Parameters
    ----------
    folder : str or path
        ``.../pm25`` for instance, with ``gen_data.npy`` and ``graph.npy``.

    Returns
    -------
    recording : Recording
        Signal "x" (trial, time, unit), float64, of the N observed nodes; the residuals are what a method is not given.
        The files know no seconds: a step counts as dt = 1 s.
    truth : Connectome
        Score 1 where a node acts on another, 0 elsewhere, (target, source); NaN on the diagonal.

    Raises
    ------
    FileError
        A file is missing or malformed, or the two do not fit each other; names what is at fault.
    """
    home = as_path(folder, "folder")
    edges = read_array(home / "graph.npy", "true edges (target, source)", (None, None))
    n = len(edges)
    where = f"'graph.npy' in {str(home)!r}"
    if edges.shape != (n, n) or n < 2:
        raise FileError(f"{where} must be square, (target, source), of two nodes or more; it has shape {edges.shape}.")
    x = read_array(home / "gen_data.npy", "series (sample, time, node)", (None, None, None))
    if x.shape[2] not in (n, 2 * n):
        raise FileError(
            f"'gen_data.npy' in {str(home)!r} must hold the graph's {n} nodes, or {2 * n} with their residuals; it "
            f"holds {x.shape[2]}."
        )
    provenance = {"dataset": "causaltime", "folder": str(home)}
    recording = Recording(
        {"x": np.ascontiguousarray(x[:, :, :n], dtype=np.float64)}, 1.0, leading="trial", provenance=provenance
    )
    return recording, truth_of(edges, where, provenance, dt=1.0)
