"""Times that were rather given in milliseconds, as papers count them, where seconds are meant."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from synfer.errors import MillisecondsWarning
from synfer.network import Drive, Network
from synfer.simulate.neurons import model_of

LONGEST = {
    "refractory": 0.1,  # some ms; more than 10 Hz would be out of reach
    "tau": 1.0,  # membranes: 5 to 50 ms, cut off from their channels some 200
    "tau_w": 5.0,  # adaptation: 20 ms to 2 s
    "tau_max": 5.0,  # the slow potassium current of cortical cells: up to 4 s (Pospischil et al. 2008)
    "tau_exc": 0.5,  # AMPA 2 ms, NMDA 100 to 200
    "tau_inh": 0.5,  # GABA A 5 to 10 ms, GABA B 200
    "tau_recovery": 10.0,  # short-term plasticity: 50 ms to some seconds
    "tau_facilitation": 10.0,
    "tau_plus": 1.0,  # STDP: 10 to 40 ms, its triplets' slow traces 125
    "tau_minus": 1.0,
}
"""Seconds from which on a time of that name is long for what it is; in milliseconds it would be usual."""
LONGEST_DELAY = 0.3
"""Seconds likewise of delays between spiking units: axons take 0.1 to 50 ms, the slowest of a brain some 200."""
LONGEST_OF_DRIVES = 5.0
"""Seconds likewise of the time constants of drives, which may be as slow as behaviour is."""
FAR, RUNS = 10.0, 50.0
"""Seconds, and as many times the end of the run, from which on a drive's beginning or period rather is in ms."""


def warn_of_milliseconds(network: Network, drives: Sequence[Any], end: float) -> None:
    """Warn of each time that looks like milliseconds.

    Parameters
    ----------
    network : Network
        Of spiking neurons, or of units without spikes, whose time constants may be any.
    drives : sequence of Drive or array
        What drives it in this run.
    end : float
        Seconds from the beginning of the simulation to the end of the run.

    Warns
    -----
    MillisecondsWarning
        Naming the argument, and what it would be in seconds.
    """
    for what, seconds in (*_of_network(network), *_of_drives(drives, end)):
        warnings.warn(
            f"{what} = {seconds:g} s is long for what it is: times are in seconds. Take {seconds / 1e3:g} for "
            f"{seconds:g} ms; where seconds are meant, filter synfer.errors.MillisecondsWarning.",
            MillisecondsWarning,
            stacklevel=4,
        )


def _of_network(network: Network) -> Iterator[tuple[str, float]]:
    model = model_of(network)
    if model.spiking:
        delay = network.connectome.delay
        longest = 0.0 if delay is None else float(np.fmax.reduce(delay.values, axis=None, initial=0.0))
        if longest >= LONGEST_DELAY:
            yield "the connectome's longest delay", longest
    scales = model.scales
    for name, value in network.parameters.items():
        if scales[name] != 1 and (longest := float(np.max(value))) >= LONGEST[name]:
            yield f"parameter {name!r} of model {network.model!r}", longest
    for part in (network.synapse, *network.plasticities):
        for name, limit in LONGEST.items():
            if (seconds := getattr(part, name, 0.0)) >= limit:
                yield f"{name} of {type(part).__name__}", seconds


def _of_drives(drives: Sequence[Any], end: float) -> Iterator[tuple[str, float]]:
    far = max(FAR, RUNS * end)
    for drive in drives:
        if not isinstance(drive, Drive):
            continue
        kind = type(drive).__name__
        longest = float(np.max(getattr(drive, "tau", 0.0)))
        if longest >= LONGEST_OF_DRIVES:
            yield f"tau of {kind}", longest
        start = float(np.min(getattr(drive, "start", 0.0)))
        if far <= start < np.inf:
            yield f"start of {kind}", start
        slowest = float(np.max(np.abs(getattr(drive, "frequency", 0.0))))
        if 0 < slowest <= 1 / far:
            yield f"the shortest period of {kind}, 1 / frequency (Hz)", 1 / slowest
