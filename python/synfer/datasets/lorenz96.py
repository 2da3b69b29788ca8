"""Lorenz-96 series, one ``.npz`` a series.

Source: Khanna and Tan 2020, "Economy statistical recurrent units for inferring nonlinear Granger causality" (ICLR),
repository sakhanna/SRU_for_GCI (MIT): ``F_{forcing}_T_{length}_dataset_{number}.npz`` with ``X_np`` (unit, time),
``Gref`` (target, source) with ones on the diagonal, and ``delta_t``. The law is
dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F, so each unit has three parents beside itself.
"""

from __future__ import annotations

import numpy as np

from synfer.connectome import Connectome
from synfer.datasets.npz import read_arrays, truth_of
from synfer.recording import Recording
from synfer.storage import StrPath, as_path


def load_lorenz96(path: StrPath) -> tuple[Recording, Connectome]:
    """Read a published Lorenz-96 series and its true wiring.

    Parameters
    ----------
    path : str or path
        The file, ``.../F_10_T_250_dataset_0.npz`` for instance.

    Returns
    -------
    recording : Recording
        Signal "x" (time, unit), float64, in the law's own units; ``dt`` as filed (0.05).
    truth : Connectome
        Score 1 where a unit enters another's law, 0 elsewhere, (target, source); NaN on the diagonal.

    Raises
    ------
    FileError
        The file is missing or malformed; names what is at fault.
    """
    file = as_path(path, "path")
    wanted = {
        "X_np": ("series (unit, time)", (None, None)),
        "Gref": ("true edges (target, source)", (None, None)),
        "delta_t": ("step", ()),
    }
    arrays = read_arrays(file, wanted)
    n = len(arrays["X_np"])
    arrays |= read_arrays(file, {"Gref": ("true edges (target, source)", (n, n))})
    provenance = {"dataset": "lorenz96", "file": str(file)}
    dt = float(arrays["delta_t"])
    x = np.ascontiguousarray(arrays["X_np"].T, dtype=np.float64)
    return Recording({"x": x}, dt, provenance=provenance), truth_of(arrays["Gref"], f"{file.name!r}", provenance, dt=dt)
