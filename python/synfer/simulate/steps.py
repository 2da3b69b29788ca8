"""Whether a run's step fits its network: what would otherwise give other results without a word."""

from __future__ import annotations

import warnings

import numpy as np

from synfer.errors import StepWarning
from synfer.network import Network
from synfer.simulate.milliseconds import LONGEST
from synfer.simulate.neurons import model_of
from synfer.simulate.wires import ROUNDED

STALLED = 2e-3
"""Share of the way from reset to threshold that rounding may keep a membrane from its goal without a warning."""

LARGEST_STEPS = {"hodgkin_huxley": 2.5e-4, "hodgkin_huxley_cortical": 2.5e-4, "adex": 2.5e-4}
"""Seconds of the largest step of a model with which its firing rate is within 5 % of that of a hundredth of a ms.

Measured by halving dt from 1 ms: the squid's axon under 7 to 40 uA/cm2, the cortical cell under 1 to 20, the adaptive
neuron as of 2005 and the cells of `cell_parameters` under their published currents (tests/oracles/test_steps.py). Not
here are models whose step is exact (lif), random (poisson), or part of the definition (izhikevich, 1 ms).
"""


def warn_of_step(network: Network, dt: float, dtype: np.dtype) -> None:
    """Warn where a step of ``dt`` seconds is too large for the network's model, or too small for the dtype.

    Warns
    -----
    StepWarning
        The model's firing rates are wrong by more than 5 % with such a step, or a refractory time is no whole number of
        steps; or the step is longer than a leaky unit's time constant; or so short that a `lif`'s v stalls by rounding.
    """
    largest = LARGEST_STEPS.get(network.model)
    if largest is not None and dt > largest * (1 + ROUNDED):
        warnings.warn(
            f"dt = {dt:g} s is too large a step for model {network.model!r}, whose firing rates are off by more than 5 "
            f"%: take dt={largest:g} (seconds) or less.",
            StepWarning,
            stacklevel=4,
        )
    if "refractory" in model_of(network).defaults:
        _warn_of_refractory_times(network, dt)
    if network.model in ("lif", "escape_lif"):
        _warn_of_stalling(network, dt, dtype)
    if network.model.startswith("leaky_"):
        tau = float(np.min(network.parameters.get("tau", model_of(network).defaults["tau"])))
        if dt > tau * (1 + ROUNDED):
            warnings.warn(
                f"dt = {dt:g} s is longer than the least time constant, tau = {tau:g} s, of model {network.model!r}: "
                f"by Euler's scheme its units overshoot in every step, and beyond {2 * tau:g} s diverge unless "
                f"coupling holds them. Take dt={tau / 10:g} or so.",
                StepWarning,
                stacklevel=4,
            )


def _warn_of_stalling(network: Network, dt: float, dtype: np.dtype) -> None:
    """A step adds (goal - v) dt / tau to rest and threshold, and what is below their last digit is lost.

    Warns
    -----
    StepWarning
        That keeps v from its goal by more than so many parts of the way from reset to threshold.
    """
    tau, rest, threshold, reset = (
        np.asarray(network.parameters.get(name, model_of(network).defaults[name]), np.float64)
        for name in ("tau", "rest", "threshold", "reset")
    )
    lost = sum(np.spacing(np.abs(value).astype(dtype)).astype(np.float64) for value in (rest, threshold)) / 2
    # a tau that looks like milliseconds is warned of as such, which is all there is to say of it
    off, way = np.broadcast_arrays(np.where(tau < LONGEST["tau"], lost * tau / dt, 0.0), np.abs(threshold - reset))
    stalled = (off > STALLED * way) & (way > 0)
    if stalled.any():
        warnings.warn(
            f"dt = {dt:g} s is so small a step for model {network.model!r} in {dtype} that rounding holds v up to "
            f"{off[stalled].max():.2g} mV from where its input would take it: take dtype='float64', or a larger dt.",
            StepWarning,
            stacklevel=5,
        )


def _warn_of_refractory_times(network: Network, dt: float) -> None:
    given = network.parameters.get("refractory", model_of(network).defaults["refractory"])
    times = np.asarray(given, np.float64).ravel()
    steps = times / dt
    taken = np.rint(steps)
    off = np.abs(steps - taken) > ROUNDED * np.maximum(taken, 1.0)
    if np.any(off):
        warnings.warn(
            f"parameter 'refractory' = {times[off][0]:g} s of model {network.model!r} is not a whole number of steps "
            f"of dt = {dt:g} s: it is taken as {taken[off][0] * dt:g} s. Take a dt of which the refractory "
            "times are multiples, or round them.",
            StepWarning,
            stacklevel=5,
        )
