"""Synapses: what a presynaptic spike does to its targets."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from synfer.errors import InputError
from synfer.network.coupling import RateCoupling
from synfer.network.numbers import check_numbers


@dataclasses.dataclass(frozen=True)
class DeltaSynapse:
    """A presynaptic spike adds the weight to the postsynaptic input, acting for one step.

    The weight has the unit of the model's input. For Izhikevich's neuron (mV/ms) it moves v by weight x dt: in the
    step of 1 ms of the paper's networks, by as many mV. A `lif` neuron's v moves by resistance x weight x
    (1 - exp(-dt / tau)). So what a spike does depends on dt; through a `JumpSynapse` it does not.
    """

    kind: ClassVar[str] = "delta"


@dataclasses.dataclass(frozen=True)
class JumpSynapse:
    """A presynaptic spike moves the postsynaptic v at once by the weight in mV, v <- v + W, whatever dt.

    This is the delta-shaped current of mean-field theory (N. Brunel, J. Comput. Neurosci. 8 (2000), 183-208; in NEST
    ``iaf_psc_delta``, in Brian2 ``v_post += w`` where synapses act before thresholds): v moves at the end of the step
    of arrival, before it is held against the threshold, so that the delay is exact and the first sample that shows the
    jump shows all of it. What arrives in the refractory time is lost. For models with a potential v (of
    `fitzhugh_nagumo` the weight is as v, without dimension); `poisson` and `linear_nonlinear_poisson` have none.
    """

    kind: ClassVar[str] = "jump"


@dataclasses.dataclass(frozen=True)
class ExponentialSynapse:
    """A presynaptic spike adds the weight to a current that decays, I_r' = -I_r / tau_r; its charge is weight x tau.

    There are two currents r for each neuron: what comes by positive weights decays with ``tau_exc``, what comes by
    negative ones with ``tau_inh``. Decay is exact, and for the `lif` family so is what it does to v in a step.

    Parameters
    ----------
    tau_exc, tau_inh : float
        Time constants in seconds, positive.

    Raises
    ------
    InputError
        A time constant is no positive number.
    """

    tau_exc: float
    tau_inh: float
    kind: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        check_numbers(self, positive=("tau_exc", "tau_inh"))


@dataclasses.dataclass(frozen=True)
class AlphaSynapse:
    """A presynaptic spike brings the current weight (t / tau) exp(1 - t / tau): its peak, the weight, comes after tau.

    Its charge is e x weight x tau. Two currents and exactness as for `ExponentialSynapse`.

    Parameters
    ----------
    tau_exc, tau_inh : float
        Time constants in seconds, positive.

    Raises
    ------
    InputError
        A time constant is no positive number.
    """

    tau_exc: float
    tau_inh: float
    kind: ClassVar[str] = "alpha"

    def __post_init__(self) -> None:
        check_numbers(self, positive=("tau_exc", "tau_inh"))


@dataclasses.dataclass(frozen=True)
class ConductanceSynapse:
    """A presynaptic spike adds the weight's magnitude to a conductance g_r that decays; I = sum of g_r (e_r - v).

    What comes by positive weights adds to the excitatory conductance, what comes by negative ones to the inhibitory
    one; g_r' = -g_r / tau_r. Weights are conductances in the model's unit: for `lif` the leak's where its resistance is
    1, nS for `adex`, mS/cm2 for the Hodgkin-Huxley models.

    Parameters
    ----------
    tau_exc, tau_inh : float
        Time constants in seconds, positive.
    e_exc, e_inh : float
        Reversal potentials in mV.

    Raises
    ------
    InputError
        A time constant is no positive number, or a potential is not finite.
    """

    tau_exc: float
    tau_inh: float
    e_exc: float = 0.0
    e_inh: float = -80.0
    kind: ClassVar[str] = "conductance"

    def __post_init__(self) -> None:
        check_numbers(self, positive=("tau_exc", "tau_inh"))


Synapse = DeltaSynapse | JumpSynapse | ExponentialSynapse | AlphaSynapse | ConductanceSynapse

SYNAPSES: dict[str, type] = {
    kind.kind: kind
    for kind in (DeltaSynapse, JumpSynapse, ExponentialSynapse, AlphaSynapse, ConductanceSynapse, RateCoupling)
}
"""The synapses by the name that a file gives them."""


@dataclasses.dataclass(frozen=True)
class ShortTermPlasticity:
    """Depression and facilitation after Tsodyks, Pawelzik and Markram (1998), alike for all synapses of a network.

    Between the spikes of a source u' = -u / tau_facilitation and x' = (1 - x) / tau_recovery. At a spike
    u <- u + baseline (1 - u), then weight x u x goes out to all its targets, then x <- x (1 - u). Before the first
    spike u = 0 and x = 1.

    Parameters
    ----------
    baseline : float
        U, the share of x that a lone spike uses, in (0, 1].
    tau_recovery : float
        Seconds in which x recovers, positive.
    tau_facilitation : float
        Seconds in which u decays, at least 0; 0 for no facilitation.

    Raises
    ------
    InputError
        A parameter is out of its range.
    """

    baseline: float
    tau_recovery: float
    tau_facilitation: float = 0.0
    kind: ClassVar[str] = "short_term"

    def __post_init__(self) -> None:
        check_numbers(self, positive=("baseline", "tau_recovery"), at_least_0=("tau_facilitation",))
        if self.baseline > 1:
            raise InputError(f"baseline must be at most 1, a share; got {self.baseline}.")


@dataclasses.dataclass(frozen=True)
class STDP:
    """Spike-timing-dependent plasticity of all pairs of spikes (Song, Miller, Abbott 2000), for weights not negative.

    Traces r of each source and o of each target decay with ``tau_plus`` and ``tau_minus`` and grow by 1 at each of its
    spikes. A spike of the source makes weight <- max(weight - a_minus o, w_min), one of the target weight <-
    min(weight + a_plus r, w_max); spikes of one step do not pair. Times are those at which the neurons fire, whatever
    the delay; a spike goes out with the weight before its own step's changes. Inhibitory weights stay as they are.

    Parameters
    ----------
    a_plus, a_minus : float
        Changes of the weight for a pair at no distance, in the weights' unit, at least 0.
    w_max : float
        Upper bound.
    tau_plus, tau_minus : float
        Time constants in seconds, positive.
    w_min : float
        Lower bound, at least 0.

    Raises
    ------
    InputError
        A parameter is out of its range.
    """

    a_plus: float
    a_minus: float
    w_max: float
    tau_plus: float = 0.02
    tau_minus: float = 0.02
    w_min: float = 0.0
    kind: ClassVar[str] = "stdp"

    def __post_init__(self) -> None:
        check_numbers(self, positive=("tau_plus", "tau_minus"), at_least_0=("a_plus", "a_minus", "w_min"))
        if self.w_max < self.w_min:
            raise InputError(f"w_max must be at least w_min = {self.w_min}; got {self.w_max}.")


Plasticity = ShortTermPlasticity | STDP

PLASTICITIES: dict[str, type] = {kind.kind: kind for kind in (ShortTermPlasticity, STDP)}
"""The kinds of plasticity by the name that a file gives them."""


def checked_plasticities(given: Any) -> tuple[Plasticity, ...]:
    """Give as a tuple what is one plasticity, a sequence of them, or None, short-term plasticity first.

    Raises
    ------
    InputError
        One is no plasticity, or two are of one kind.
    """
    several = list(given) if isinstance(given, list | tuple) else [] if given is None else [given]
    for one in several:
        if not isinstance(one, tuple(PLASTICITIES.values())):
            names = " or ".join(kind.__name__ for kind in PLASTICITIES.values())
            raise InputError(f"plasticity must be a {names}, or one of each; got a {type(one).__name__}.")
    if len({one.kind for one in several}) < len(several):
        raise InputError(f"plasticity must be at most one of each kind; got {several!r}.")
    return tuple(sorted(several, key=lambda one: list(PLASTICITIES).index(one.kind)))
