"""Kinds of cells by name: published parameter sets of the neuron models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from synfer.errors import InputError, UnknownNameError


@dataclasses.dataclass(frozen=True)
class Cell:
    """A published parameter set of a neuron model.

    Attributes
    ----------
    parameters : dict of str to float
        In the model's units, times in seconds.
    current : float
        A constant input under which it shows its pattern, in the unit of the model's input; for "adex" the source's.
    shows : str
        What it does then.
    """

    parameters: Mapping[str, float]
    current: float
    shows: str


def _izhikevich(a: float, b: float, c: float, d: float, current: float, shows: str) -> Cell:
    parameters = {"a": a, "b": b, "c": c, "d": d, "quadratic": 0.04, "linear": 5.0, "constant": 140.0}
    return Cell({**parameters, "threshold": 30.0}, current, shows)


def _adex(
    c: float, g_l: float, e_l: float, tau_w: float, a: float, b: float, v_reset: float, current: float, shows: str
) -> Cell:
    parameters = {"c": c, "g_l": g_l, "e_l": e_l, "v_t": -50.0, "delta_t": 2.0, "tau_w": tau_w / 1e3, "a": a, "b": b}
    return Cell({**parameters, "v_reset": v_reset, "v_peak": 0.0}, current, shows)


CELLS: dict[str, dict[str, Cell]] = {
    "izhikevich": {
        "regular spiking": _izhikevich(0.02, 0.2, -65.0, 8.0, 10.0, "single spikes that slow down"),
        "intrinsically bursting": _izhikevich(0.02, 0.2, -55.0, 4.0, 10.0, "a burst, then single spikes"),
        "chattering": _izhikevich(0.02, 0.2, -50.0, 2.0, 10.0, "bursts again and again"),
        "fast spiking": _izhikevich(0.1, 0.2, -65.0, 2.0, 10.0, "many spikes that do not slow down"),
        "low-threshold spiking": _izhikevich(0.02, 0.25, -65.0, 2.0, 10.0, "many spikes that slow down"),
        "thalamocortical": _izhikevich(0.02, 0.25, -65.0, 0.05, -20.0, "a burst when it ends"),
        "resonator": _izhikevich(0.1, 0.26, -65.0, 2.0, 0.1, "oscillations that die out, no spike"),
    },
    "adex": {
        "tonic": _adex(200, 10, -70, 30, 2, 0, -58, 500, "spikes at one interval"),
        "adapting": _adex(200, 12, -70, 300, 2, 60, -58, 500, "spikes at intervals that grow"),
        "initial burst": _adex(130, 18, -58, 150, 4, 120, -50, 400, "a burst, then single spikes"),
        "regular bursting": _adex(200, 10, -58, 120, 2, 100, -46, 210, "bursts again and again"),
        "delayed accelerating": _adex(200, 12, -70, 300, -10, 0, -58, 300, "late spikes at intervals that shrink"),
        "delayed regular bursting": _adex(100, 10, -65, 90, -10, 30, -47, 110, "late bursts, again and again"),
        "transient spiking": _adex(100, 10, -65, 90, 10, 100, -47, 180, "a spike at the onset, then none"),
        "irregular spiking": _adex(100, 12, -60, 130, -11, 30, -48, 160, "spikes at irregular intervals"),
    },
}  # fmt: skip
"""Published cells by model and name; see `cell_parameters` for the sources."""


def cell_parameters(model: str, kinds: str | Sequence[str]) -> dict[str, float | np.ndarray]:
    """Give the parameters of a published kind of cell, or of each unit's.

    Parameters
    ----------
    model : {"izhikevich", "adex"}
        The neuron model. (The defaults of "hodgkin_huxley" are the squid's axon of 1952, those of
        "hodgkin_huxley_cortical" a regular-spiking cell, those of "adex" the cell of Brette and Gerstner 2005.)
    kinds : str or sequence (unit,) of str
        For "izhikevich": "regular spiking", "intrinsically bursting", "chattering", "fast spiking", "low-threshold
        spiking", "thalamocortical", "resonator". For "adex": "tonic", "adapting", "initial burst", "regular bursting",
        "delayed accelerating", "delayed regular bursting", "transient spiking", "irregular spiking". ``CELLS`` says
        under which current each shows what.

    Returns
    -------
    dict of str to float, or to array (unit,) where there is a sequence
        For `Network`.

    Raises
    ------
    UnknownNameError
        No cells are known of that model, or none of that name.
    InputError
        ``kinds`` holds no name.

    Examples
    --------
    Eight regular-spiking cells and two fast-spiking ones:

    >>> from synfer.network import GaussianDrive, Network, cell_parameters
    >>> from synfer.simulate import erdos_renyi, run
    >>> parameters = cell_parameters("izhikevich", ["regular spiking"] * 8 + ["fast spiking"] * 2)
    >>> parameters["a"][[0, 9]].tolist()
    [0.02, 0.1]
    >>> network = Network("izhikevich", parameters, erdos_renyi(8, 2, 0.4), drive=GaussianDrive(5, 25))
    >>> run(network, 0.5)["v"].shape
    (500, 10)

    References
    ----------
    E. M. Izhikevich, "Simple model of spiking neurons", IEEE Trans. Neural Networks 14 (2003), 1569-1572, figure 2.

    R. Naud, N. Marcille, C. Clopath, W. Gerstner, "Firing patterns in the adaptive exponential integrate-and-fire
    model", Biol. Cybern. 99 (2008), 335-347, table 1, with a spike at 0 mV.
    """
    if not isinstance(model, str) or model not in CELLS:
        raise UnknownNameError.of("model with named cells", str(model), CELLS)
    known = CELLS[model]
    if not isinstance(kinds, str | list | tuple) and not (isinstance(kinds, np.ndarray) and kinds.ndim == 1):
        raise InputError(f"kinds must be a cell's name, or one for each unit; got {kinds!r:.60}.")
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    if not names:
        raise InputError(f"kinds must name a cell for each unit; it is empty. Known are {', '.join(known)}.")
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise UnknownNameError.of(f"cell of model {model!r}", str(name), known)
    if isinstance(kinds, str):
        return dict(known[kinds].parameters)
    return {key: np.array([known[name].parameters[key] for name in names]) for key in known[names[0]].parameters}
