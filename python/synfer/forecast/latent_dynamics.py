"""Latent dynamics: from what was encoded of a realisation to its latent state at any time.

All share one door, (encoding, times) -> latent states, so that they can be held against each other with the same
encoder and decoder around them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.errors import InputError
from synfer.forecast.ensemble import Dropout, EnsembleLinear, EnsembleModule


class TimeCode(nn.Module):
    """Times as sines and cosines, and the time itself: ``(t, sin b_k t, cos b_k t)``, t in horizons.

    ``b_k = pi 2^{u_k}``, u_k evenly from 0 to ``log2(finest)``: from half a turn over the horizon up to ``finest`` of
    them. That should be well below what regular samples tell apart: at that frequency a sine is 0 at every sample and 1
    between them, where what it is multiplied by was never learnt.
    """

    def __init__(self, horizon: float, finest: float, n_frequencies: int):
        super().__init__()
        self.horizon, self.finest, self.n_frequencies = float(horizon), float(finest), n_frequencies
        self.n_out = 1 + 2 * n_frequencies

    def forward(self, times: Tensor, pace: Tensor | None = None) -> Tensor:
        """Code seconds (...) as (..., n_out); turns may be of another pace each, (..., n_frequencies)."""
        t = times / self.horizon
        u = torch.linspace(0.0, math.log2(max(self.finest, 1.0)), self.n_frequencies, device=t.device)
        angles = t[..., None] * (math.pi * 2.0**u)
        if pace is not None:
            angles = angles * pace
        return torch.cat([t[..., None], angles.sin(), angles.cos()], dim=-1)


class LatentDynamics(EnsembleModule):
    """What leads from a realisation's encoding to its latent states."""

    def forward(self, psi: Tensor, times: Tensor) -> Tensor:
        """Give latent states (I, B, Q, d) at seconds (I, B, Q) since the context began, of encodings (I, B, d)."""
        raise NotImplementedError


class QueryDynamics(LatentDynamics):
    """LaDID's: a perceptron that is asked for a time, ``z(t) = f(code(t), psi)``; all times in one pass, no solver.

    With ``paced`` the sines and cosines of the time turn at a pace of the realisation's own,
    ``sin(2^{tanh(c_k psi)} b_k t)``: from half to twice b_k, b_k to begin with. What turns at a frequency that a
    realisation's constants or state decide is then one product with them; a perceptron of the sum of both makes it by
    pieces.
    """

    def __init__(
        self,
        d_latent: int,
        d_hidden: int,
        code: TimeCode,
        dropout: Dropout,
        generators: Sequence[torch.Generator],
        *,
        paced: bool,
    ):
        super().__init__(len(generators))
        self.code, self.drop = code, dropout
        self.pace = EnsembleLinear(d_latent, code.n_frequencies, generators) if paced else None
        if self.pace is not None:
            with torch.no_grad():
                self.pace.weight.zero_()
                self.pace.bias.zero_()
        self.of_time = EnsembleLinear(code.n_out, d_hidden, generators)
        self.of_encoding = EnsembleLinear(d_latent, d_hidden, generators)
        self.middle = EnsembleLinear(d_hidden, d_hidden, generators)
        self.last = EnsembleLinear(d_hidden, d_latent, generators)

    def forward(self, psi: Tensor, times: Tensor) -> Tensor:
        """Ask for all times at once."""
        n_batch, n_times = times.shape[1:]
        # The first layer on (code, psi) is the sum of two maps, of which psi's is the same at all times.
        known = self.of_encoding(psi)[:, :, None].expand(-1, -1, n_times, -1).flatten(1, 2)
        pace = None if self.pace is None else torch.exp2(torch.tanh(self.pace(psi)))[:, :, None]
        x = self.drop(functional.relu(self.of_time(self.code(times, pace).flatten(1, 2), known)))
        x = self.drop(functional.relu(self.middle(x)))
        return self.last(x).unflatten(1, (n_batch, n_times))


class ODEDynamics(LatentDynamics):
    """The latent ODE: ``dz/dt = f(z) / horizon``, z(0) = psi, by torchdiffeq's adaptive solver (Dormand and Prince 5).

    Source: Chen, Rubanova, Bettencourt, Duvenaud, "Neural ordinary differential equations", NeurIPS 2018.
    """

    def __init__(
        self,
        d_latent: int,
        d_hidden: int,
        horizon: float,
        generators: Sequence[torch.Generator],
        *,
        tolerance: float = 1e-3,
    ):
        super().__init__(len(generators))
        _odeint()
        self.horizon, self.tolerance = float(horizon), tolerance
        self.first = EnsembleLinear(d_latent, d_hidden, generators)
        self.middle = EnsembleLinear(d_hidden, d_hidden, generators)
        self.last = EnsembleLinear(d_hidden, d_latent, generators)

    def slope(self, _: Tensor, z: Tensor) -> Tensor:
        """Give dz / d(t / horizon), (I, B, d)."""
        x = torch.tanh(self.middle(torch.tanh(self.first(z))))
        out: Tensor = self.last(x)
        return out

    def forward(self, psi: Tensor, times: Tensor) -> Tensor:
        """Integrate once over all times that any of the batch is asked for, and give each its own."""
        zero = times.new_zeros(1)
        every, at = torch.unique(torch.cat([zero, times.flatten()]) / self.horizon, return_inverse=True)
        if len(every) == 1:  # asked for the beginning alone
            return psi[:, :, None].expand(-1, -1, times.shape[-1], -1)
        course = _odeint()(self.slope, psi, every, rtol=self.tolerance, atol=self.tolerance)  # (time, I, B, d)
        at = at[1:].view(times.shape)
        members, rows = (torch.arange(n, device=at.device) for n in times.shape[:2])
        out: Tensor = course[at, members[:, None, None], rows[:, None]]
        return out


class RecurrentDynamics(LatentDynamics):
    """A gated recurrent unit that begins with a state made of psi, one step a sampling interval, linear between steps.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

    Parameters
    ----------
    d_latent, d_hidden : int
    step : float
        Seconds.
    generators : sequence of torch.Generator, (I,)
    """

    def __init__(self, d_latent: int, d_hidden: int, step: float, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.step = float(step)
        self.begin = EnsembleLinear(d_latent, d_hidden, generators)
        self.gates = EnsembleLinear(d_hidden, 2 * d_hidden, generators)
        self.candidate = EnsembleLinear(d_hidden, d_hidden, generators)
        self.last = EnsembleLinear(d_hidden, d_latent, generators)

    def forward(self, psi: Tensor, times: Tensor) -> Tensor:
        """Walk to the last time that is asked for, and read between the steps."""
        at = times / self.step
        state = torch.tanh(self.begin(psi))
        states = [state]
        for _ in range(max(1, math.ceil(float(at.max()) - 1e-3))):
            reset, update = torch.sigmoid(self.gates(state)).chunk(2, -1)
            state = update * state + (1.0 - update) * torch.tanh(self.candidate(reset * state))
            states.append(state)
        walked = self.last(torch.stack(states, 2).flatten(1, 2)).unflatten(1, (times.shape[1], len(states)))
        before = at.floor().long().clamp(0, len(states) - 2)
        low, high = (walked.gather(2, k[..., None].expand(-1, -1, -1, walked.shape[-1])) for k in (before, before + 1))
        return torch.lerp(low, high, (at - before)[..., None])


def _odeint() -> Any:
    try:
        from torchdiffeq import odeint
    except ImportError:
        raise InputError(
            "dynamics='ode' needs torchdiffeq, which is not installed: pip install 'synfer[ode]', or choose 'query'."
        ) from None
    return odeint
