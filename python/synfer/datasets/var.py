"""Linear vector autoregressions, one folder a network.

Source: Zhou et al. 2024, "Jacobian regularizer-based neural Granger causality" (ICML), repository ElleZWQ/JRNGC (MIT):
``num_nodes_{N}/true_lag_{K}/noise_scale_1/seed_{s}/`` with ``_x.npy`` (unit, time), ``_x_eval.npy`` (a second series of
the same network) and ``_gc.npy`` (target, source, lag), ones where a coefficient is not zero.
"""

from __future__ import annotations

import numpy as np

from synfer.connectome import Connectome
from synfer.datasets.npz import read_array, truth_of
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.storage import StrPath, as_path

_SERIES = {"train": "_x.npy", "eval": "_x_eval.npy"}


def load_var(folder: StrPath, series: str = "train") -> tuple[Recording, Connectome]:
    """Read a published vector autoregression and its true wiring.

    Parameters
    ----------
    folder : str or path
        The network's folder, ``.../seed_0`` for instance.
    series : {"train", "eval"}
        Which of its two series.

    Returns
    -------
    recording : Recording
        Signal "x" (time, unit), float64. The law knows no seconds: a step counts as dt = 1 s.
    truth : Connectome
        Score 1 where any lag has a coefficient, 0 elsewhere, (target, source); NaN on the diagonal. ``delay`` is the
        first such lag in seconds, NaN where there is none.

    Raises
    ------
    FileError
        A file is missing or malformed; names what is at fault.
    InputError
        ``series`` is neither.
    """
    home = as_path(folder, "folder")
    if series not in _SERIES:
        raise InputError(f"series must be one of {', '.join(_SERIES)}, got {series!r}.")
    x = read_array(home / _SERIES[series], "series (unit, time)", (None, None))
    n = len(x)
    lags = read_array(home / "_gc.npy", "true edges (target, source, lag)", (n, n, None))
    provenance = {"dataset": "var", "folder": str(home), "series": series}
    edges = (lags != 0).any(axis=-1)
    truth = truth_of(edges, f"'_gc.npy' in {str(home)!r}", provenance)
    delay = np.where(edges, 1.0 + (lags != 0).argmax(axis=-1), np.nan)
    truth = Connectome(truth.score.values, delay=delay, dt=1.0, provenance=provenance)
    recording = Recording({"x": np.ascontiguousarray(x.T, dtype=np.float64)}, 1.0, provenance=provenance)
    return recording, truth
