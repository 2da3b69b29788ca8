"""The 2023 paper's simulated Izhikevich networks, one folder a network.

Source: Lu et al. 2023, "Attention for causal relationship discovery from biological neural dynamics" (arXiv
2311.06928), repository ziyulu-uw/causalformer (MIT). Files are comma-separated text:

============================ ============================================================================
``connectivity.txt``         (target, source), signed weights in mV/ms, acting for one step
``v_normed_alltimes.txt``    (unit, time), v clipped at 30 mV and z-scored per unit; T + 1 states, 1 ms apart
``params_abcd.txt``          (unit, 4), the model's a, b, c, d
``firings.txt``              rows (step, unit), both from 1: row (t, n) is state t - 1, unit n - 1 from 0
``v_alltimes.txt``           (unit, time), mV; in some folders, as are the next two
``u_alltimes.txt``           (unit, time), mV
``inp.txt``                  (unit, step), the drive; step k (from 0) leads from state k to state k + 1
============================ ============================================================================
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synfer.connectome import Connectome
from synfer.datasets.text import read_table
from synfer.errors import FileError
from synfer.network import GaussianDrive, Network
from synfer.recording import Recording
from synfer.storage import StrPath, as_path

DT = 1e-3
"""Seconds between the published states, and from a spike to the first state that it can change."""


def load_izhikevich(folder: StrPath) -> tuple[Recording, Connectome]:
    """Read a published network's prepared voltages and its true wiring.

    Parameters
    ----------
    folder : str or path
        The network's folder, ``.../seed0`` for instance.

    Returns
    -------
    recording : Recording
        Signal "v" (time, unit), float64: clipped at 30 mV and z-scored per unit; dt = 1 ms, the first sample (the
        initial state) at 0 s.
    truth : Connectome
        Weights W[target, source] in mV/ms, acting for one step; delay 1 ms.

    Raises
    ------
    FileError
        A file is missing or malformed; names it, and the row and column (from 1) at fault.
    """
    home = _home(folder)
    truth = _wiring(home)
    normed = read_table(home / "v_normed_alltimes.txt", "z-scored voltages (unit, time)", (truth.n_units, None))
    recording = Recording(
        {"v": np.ascontiguousarray(normed.T)}, DT, units_of_measure={"v": "z"}, provenance=truth.provenance
    )
    return recording, truth


def load_izhikevich_network(folder: StrPath) -> Network:
    """Read a published network's parameters and wiring, with the paper's model constants and drive.

    The model is v' = 0.04 v^2 + 4.1 v + 108 - u + I, u' = a (b v - u), reset to (c, u + d) at 30 mV; I is Gaussian
    with mean 5 and variance 5 in each step.

    Parameters
    ----------
    folder : str or path
        The network's folder.

    Returns
    -------
    Network
        Model "izhikevich"; parameters a, b, c, d (unit,) and the scalars quadratic, linear, constant, threshold.

    Raises
    ------
    FileError
        A file is missing or malformed; names it, and the row and column (from 1) at fault.
    """
    home = _home(folder)
    truth = _wiring(home)
    table = read_table(home / "params_abcd.txt", "parameters a, b, c, d (unit, 4)", (truth.n_units, 4))
    parameters = dict(zip("abcd", np.ascontiguousarray(table.T), strict=True))
    constants = {"quadratic": 0.04, "linear": 4.1, "constant": 108.0, "threshold": 30.0}
    return Network("izhikevich", parameters | constants, truth, drive=GaussianDrive(5.0, 5.0))


def load_izhikevich_raw(folder: StrPath) -> Recording:
    """Read what the simulation left: spikes and, in the folders that hold them, unscaled states and drive.

    Parameters
    ----------
    folder : str or path
        The network's folder.

    Returns
    -------
    Recording
        Signals (time, unit), the first sample (the initial state) at 0 s: "spikes" (uint8; none are published for the
        last sample), and where there are files "v" and "u" (mV, float64) and "drive" (float64): sample k is the input
        of the step that led to state k, so that sample 0 is NaN. From sample 1 on this is how `simulate.run` records.

    Raises
    ------
    FileError
        A file is missing or malformed; names it, and the row and column (from 1) at fault.
    """
    home = _home(folder)
    truth = _wiring(home)
    signals: dict[str, np.ndarray] = {}
    n_states: int | None = None
    for name, file, what in (
        ("v", "v_alltimes.txt", "voltages (unit, time)"),
        ("u", "u_alltimes.txt", "recovery variables (unit, time)"),
    ):
        if (home / file).exists():
            states = read_table(home / file, what, (truth.n_units, n_states))
            signals[name], n_states = np.ascontiguousarray(states.T), states.shape[1]
    if n_states is None:
        what = "z-scored voltages (unit, time)"
        n_states = read_table(home / "v_normed_alltimes.txt", what, (truth.n_units, None)).shape[1]
    if (home / "inp.txt").exists():
        steps = read_table(home / "inp.txt", "drive (unit, step)", (truth.n_units, n_states - 1))
        signals["drive"] = np.concatenate([np.full((1, truth.n_units), np.nan), steps.T])
    signals["spikes"] = _raster(home, n_states, truth.n_units)
    measures: dict[str, str] = {name: "mV" for name in ("v", "u") if name in signals}
    return Recording(signals, DT, units_of_measure=measures, provenance=truth.provenance)


def _home(folder: StrPath) -> Path:
    home = as_path(folder, "folder")
    if not home.is_dir():
        raise FileError(f"{str(home)!r} is not a folder; give the one that holds a network's connectivity.txt.")
    return home


def _wiring(home: Path) -> Connectome:
    weights = read_table(home / "connectivity.txt", "weights (target, source)")
    if weights.shape[0] != weights.shape[1]:
        raise FileError(f"'connectivity.txt' in {str(home)!r} must be square (target, source); it is {weights.shape}.")
    weights += 0.0  # MATLAB wrote -0 for an inhibitory neuron's missing edges
    return Connectome.from_weights(weights, delay=DT, dt=DT, provenance={"dataset": "izhikevich", "folder": str(home)})


def _raster(home: Path, n_states: int, n_units: int) -> np.ndarray:
    """Spikes (time, unit) from rows (step, unit) that count from 1."""
    rows = read_table(home / "firings.txt", "rows (step, unit) of spikes", (None, 2))
    where = f"'firings.txt' in {str(home)!r}"
    for column, (what, limit) in enumerate((("step", n_states - 1), ("unit", n_units))):
        values = rows[:, column]
        wrong = np.flatnonzero((values != np.round(values)) | (values < 1) | (values > limit))
        if wrong.size:
            row, value = wrong[0] + 1, values[wrong[0]]
            raise FileError(f"{where}, row {row}, column {column + 1}: {value:g} is no {what} from 1 to {limit}.")
    step, unit = rows.astype(np.int64).T - 1
    raster = np.zeros((n_states, n_units), dtype=np.uint8)
    raster[step, unit] = 1
    if int(raster.sum(dtype=np.int64)) != len(rows):
        _, first = np.unique(rows, axis=0, return_index=True)
        row = np.setdiff1d(np.arange(len(rows)), first)[0] + 1
        raise FileError(f"{where}, row {row}: unit {unit[row - 1] + 1} has fired in step {step[row - 1] + 1} already.")
    return raster
