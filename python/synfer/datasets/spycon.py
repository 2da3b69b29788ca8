"""Spike times of a simulated population, one ``.npz`` a recording.

Source: Donner et al. 2024, "Ensemble learning and ground-truth validation of synaptic connectivity inferred from spike
trains" (PLoS Comput. Biol. 20), repository christiando/spycon (MIT): ``times`` (s) and ``ids`` of the spikes, ``nodes``
(labels of the cells) and ``marked_edges``, rows (source, target, weight) for every ordered pair that is judged.
"""

from __future__ import annotations

import numpy as np

from synfer.connectome import Connectome
from synfer.datasets.npz import read_arrays
from synfer.errors import FileError, InputError
from synfer.recording import Recording
from synfer.storage import StrPath, as_path


def load_spycon(path: StrPath, dt: float = 1e-3) -> tuple[Recording, Connectome]:
    """Read published spike trains, counted in bins, and the true wiring.

    Parameters
    ----------
    path : str or path
        The file.
    dt : float
        Width of a bin in seconds.

    Returns
    -------
    recording : Recording
        Signal "spikes" (time, unit), uint8 counts; the first bin begins at 0 s, the last holds the last spike.
    truth : Connectome
        ``weight`` as filed and ``score`` its magnitude, (target, source); NaN on the diagonal and for pairs not listed.

    Raises
    ------
    FileError
        The file is missing or malformed; names what is at fault.
    InputError
        ``dt`` is not a positive number, or so long that a bin holds over 255 spikes of a cell.
    """
    file = as_path(path, "path")
    where = f"{file.name!r} in {str(file.parent)!r}"
    if not isinstance(dt, (int, float)) or not 0 < dt < np.inf:
        raise InputError(f"dt must be a positive number of seconds, got {dt!r}.")
    wanted = {
        "times": ("spike times (s)", (None,)),
        "ids": ("cell of each spike", (None,)),
        "nodes": ("labels of the cells", (None,)),
        "marked_edges": ("rows (source, target, weight)", (None, 3)),
    }
    arrays = read_arrays(file, wanted)
    times, ids, nodes, rows = (arrays[name] for name in wanted)
    if len(times) != len(ids) or len(times) == 0 or times.min() < 0:
        raise FileError(
            f"{where}: times (at least 0) and ids must be of one length, not 0; got {len(times)}, {len(ids)}."
        )
    if len(np.unique(nodes)) != len(nodes):
        raise FileError(f"{where}: nodes must name each cell once.")
    source, target = _position(rows[:, 0], nodes, where), _position(rows[:, 1], nodes, where)
    weight = np.full((len(nodes), len(nodes)), np.nan)
    weight[target, source] = rows[:, 2]
    np.fill_diagonal(weight, np.nan)
    bins = np.floor(times / dt).astype(np.int64)
    n_bins = int(bins.max()) + 1
    counts = np.bincount(bins * len(nodes) + _position(ids, nodes, where), minlength=n_bins * len(nodes))
    if counts.max() > 255:
        raise InputError(f"dt must leave at most 255 spikes of a cell in a bin, got dt = {dt:g} and {counts.max()}.")
    provenance = {"dataset": "spycon", "file": str(file)}
    spikes = counts.astype(np.uint8).reshape(n_bins, len(nodes))
    labels = nodes.astype(np.int64)
    recording = Recording({"spikes": spikes}, float(dt), unit_ids=labels, provenance=provenance)
    return recording, Connectome(abs(weight), weight=weight, unit_ids=labels, dt=float(dt), provenance=provenance)


def _position(labels: np.ndarray, nodes: np.ndarray, where: str) -> np.ndarray:
    """Position of each label among ``nodes``."""
    order = np.argsort(nodes)
    place = np.searchsorted(nodes[order], labels).clip(max=len(nodes) - 1)
    unknown = nodes[order][place] != labels
    if unknown.any():
        raise FileError(f"{where}: cell {labels[unknown][0]:g} is not among nodes.")
    return order[place]
