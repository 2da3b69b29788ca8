"""Synapses and their plasticity again, slow and obvious, for one network: numpy over all pairs, spike after spike."""

from __future__ import annotations

import math

import numpy as np
import scipy.integrate

from synfer.network import STDP, AlphaSynapse, ConductanceSynapse, DeltaSynapse, JumpSynapse, Network
from synfer.simulate.reference_neurons import MEMBRANES


class ReferenceSynapses:
    """What is on its way to each unit, what has arrived, and the weights as they are now.

    Parameters
    ----------
    network : Network
        Without a network axis.
    tau : array (unit,) or None
        The model's parameter tau (ms), of a model that filters its input.
    dt : float
        Step in ms.
    """

    def __init__(self, network: Network, tau: np.ndarray | None, dt: float) -> None:
        matrix = network.connectome.to_matrix()
        assert matrix.weight is not None
        self.synapse, self.dt = network.synapse, dt
        self.short_term, self.stdp = network.short_term, network.stdp
        self.weights = matrix.weight.values.astype(np.float64).copy()
        n = network.n_units
        delay = np.full((n, n), dt) if matrix.delay is None else np.nan_to_num(matrix.delay.values * 1e3, nan=dt)
        self.delay = np.maximum(np.rint(delay / dt), 1).astype(int)
        self.arriving: dict[int, np.ndarray] = {}
        self.received = np.zeros((2, n))  # current or conductance, or h of the alpha function
        self.risen = np.zeros((2, n))
        self.u, self.x, self.last = np.zeros(n), np.ones(n), np.zeros(n)
        self.source_trace, self.target_trace = np.zeros(n), np.zeros(n)
        membrane = tau if network.model in MEMBRANES else None
        self.taus = [getattr(self.synapse, name, 0.0) * 1e3 for name in ("tau_exc", "tau_inh")]
        self.at_once = isinstance(self.synapse, DeltaSynapse | JumpSynapse)
        if not self.at_once:
            exact = None if isinstance(self.synapse, ConductanceSynapse) else membrane
            self.decaying = [_acting(lambda s, t=t: np.exp(-s / t), exact, dt, n) for t in self.taus]
            self.rising = [_acting(lambda s, t=t: math.e * s / t * np.exp(-s / t), exact, dt, n) for t in self.taus]

    def send(self, step: int, spikes: np.ndarray) -> None:
        """Take the spikes (unit,) of a step to where they arrive; then let weights learn from them."""
        for source in np.flatnonzero(spikes):
            scale = self._released(int(source), step) if self.short_term else 1.0
            for target in np.flatnonzero(self.weights[:, source]):
                w = self.weights[target, source]
                arrival = step + self.delay[target, source]
                slot = self.arriving.setdefault(arrival, np.zeros_like(self.received))
                split = not self.at_once and w < 0
                slot[int(split), target] += scale * (abs(w) if isinstance(self.synapse, ConductanceSynapse) else w)
        if self.stdp:
            self._learn(self.stdp, spikes.astype(bool))

    def act(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give current, conductance and jump of v (unit,) of a step, and let it pass."""
        self.received = self.received + self.arriving.pop(step, 0.0)
        none = np.zeros(self.received.shape[1])
        if self.at_once:
            arrived, self.received = self.received.sum(0), np.zeros_like(self.received)
            return (none, none, arrived) if isinstance(self.synapse, JumpSynapse) else (arrived, none, none)
        current, conductance = none.copy(), none.copy()
        for r, tau in enumerate(self.taus):
            decay = np.exp(-self.dt / tau)
            mean = self.decaying[r] * self.received[r]
            if isinstance(self.synapse, ConductanceSynapse):
                conductance += mean
                current += mean * (self.synapse.e_exc, self.synapse.e_inh)[r]
            elif isinstance(self.synapse, AlphaSynapse):
                current += self.decaying[r] * self.risen[r] + self.rising[r] * self.received[r]
                self.risen[r] = decay * (self.risen[r] + math.e * self.dt / tau * self.received[r])
            else:
                current += mean
            self.received[r] *= decay
        return current, conductance, none

    def _released(self, source: int, step: int) -> float:
        rule = self.short_term
        assert rule is not None
        gap = (step - self.last[source]) * self.dt / 1e3
        u = self.u[source] * np.exp(-gap / rule.tau_facilitation) if rule.tau_facilitation > 0 else 0.0
        x = 1 - (1 - self.x[source]) * np.exp(-gap / rule.tau_recovery)
        u = u + rule.baseline * (1 - u)
        self.u[source], self.x[source], self.last[source] = u, x * (1 - u), step
        return u * x

    def _learn(self, rule: STDP, spikes: np.ndarray) -> None:
        self.source_trace = self.source_trace * np.exp(-self.dt / 1e3 / rule.tau_plus)
        self.target_trace = self.target_trace * np.exp(-self.dt / 1e3 / rule.tau_minus)
        if not hasattr(self, "plastic"):
            self.plastic = self.weights > 0
        for source in np.flatnonzero(spikes):
            for target in np.flatnonzero(self.plastic[:, source]):
                lower = self.weights[target, source] - rule.a_minus * self.target_trace[target]
                self.weights[target, source] = max(lower, rule.w_min)
        for target in np.flatnonzero(spikes):
            for source in np.flatnonzero(self.plastic[target]):
                higher = self.weights[target, source] + rule.a_plus * self.source_trace[source]
                self.weights[target, source] = min(higher, rule.w_max)
        self.source_trace, self.target_trace = self.source_trace + spikes, self.target_trace + spikes


def _acting(course: object, tau: np.ndarray | None, dt: float, n: int) -> np.ndarray:
    """Constant current (unit,) that takes a membrane of time constant tau as far in a step as a current's course does.

    Without a membrane, the course's mean.
    """
    if tau is None:
        return np.full(n, scipy.integrate.quad(course, 0, dt)[0] / dt)
    whole = [scipy.integrate.quad(lambda s, t=t: course(s) * np.exp(-(dt - s) / t), 0, dt)[0] for t in tau]  # type: ignore[operator]
    return np.array(whole) / (tau * (1 - np.exp(-dt / tau)))
