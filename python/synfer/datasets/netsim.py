"""NetSim: simulated BOLD of the brain's regions, one ``.npz`` a subject.

Source: Smith et al. 2011, "Network modelling methods for FMRI" (NeuroImage 54), by way of the repository
sakhanna/SRU_for_GCI (MIT): ``sim3_subject_{number}.npz`` with ``X_np`` (unit, time) and ``Gref`` (target, source) with
ones on the diagonal, the same network for every subject. A sample is 3 s; edges act far faster than that, so that the
order of samples says little of who drives whom.
"""

from __future__ import annotations

import numpy as np

from synfer.connectome import Connectome
from synfer.datasets.npz import read_arrays, truth_of
from synfer.recording import Recording
from synfer.storage import StrPath, as_path

DT = 3.0
"""Seconds between samples (the scanner's repetition time)."""


def load_netsim(path: StrPath) -> tuple[Recording, Connectome]:
    """Read a published subject's BOLD and the true wiring.

    Parameters
    ----------
    path : str or path
        The file, ``.../sim3_subject_0.npz`` for instance.

    Returns
    -------
    recording : Recording
        Signal "bold" (time, unit), float64; dt = 3 s.
    truth : Connectome
        Score 1 where there is an edge, 0 elsewhere, (target, source); NaN on the diagonal.

    Raises
    ------
    FileError
        The file is missing or malformed; names what is at fault.
    """
    file = as_path(path, "path")
    series = read_arrays(file, {"X_np": ("series (unit, time)", (None, None))})["X_np"]
    n = len(series)
    edges = read_arrays(file, {"Gref": ("true edges (target, source)", (n, n))})["Gref"]
    provenance = {"dataset": "netsim", "file": str(file)}
    bold = np.ascontiguousarray(series.T, dtype=np.float64)
    return Recording({"bold": bold}, DT, provenance=provenance), truth_of(edges, f"{file.name!r}", provenance, dt=DT)
