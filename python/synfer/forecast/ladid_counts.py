"""How LaDID sees counts of spikes: standardised, weighted by their times, and never those it learns to forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from synfer.forecast.ensemble import EnsembleLinear, EnsembleModule
from synfer.forecast.ladid_parts import Noise

_LEAST = 1e-3  # counts a sample, of a unit that never fired
_LOUD = 7.0  # of gates to begin with: encoded counts come out about as large as what is told of their times


class CountContext(EnsembleModule):
    """Counts on their way to the encoder.

    A bin of some milliseconds holds hardly a spike; what is to be known of a context are sums over its bins, and of
    what moves, sums whose weights turn with time. The mean over samples that psi is, of vectors to which a code of the
    time was added, has no such sums: their gradient is 0 to first order, and it stays at constant rates. So the encoded
    sample is multiplied by a linear map of the code, a gate, before the code is added.

    What a context's own bins show is forecast too, and would be learnt by heart. So in training each count is
    split in two by binomial thinning, ``kept ~ Binomial(count, 1 - thinning)``: psi is told of the kept, and the rest
    are to be forecast. Both are Poisson and independent given the rates, ``(1 - thinning) rate`` and ``thinning rate``.

    Parameters
    ----------
    rates : array (feature,)
        Mean counts a sample.
    n_code, d_model : int
    thinning : float, in [0, 1)
    generators : sequence of torch.Generator, (I,)

    Notes
    -----
    Keshtkaran, Pandarinath, "Enabling hyperparameter optimization in sequential autoencoders for spiking neural data",
    NeurIPS 2019, hide whole samples of a unit for the same end.
    """

    def __init__(self, rates: Any, n_code: int, d_model: int, thinning: float, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.thinning = float(thinning)
        self.rates: Tensor
        mean = torch.as_tensor(rates, dtype=torch.float32).clamp_min(_LEAST)
        self.register_buffer("rates", mean.expand(len(generators), -1).clone())
        self.gate = EnsembleLinear(n_code, d_model, generators)
        with torch.no_grad():
            self.gate.weight.mul_(_LOUD)

    def level(self) -> Tensor:
        """Give the raw output that means the mean counts, (I, feature)."""
        return torch.log(torch.expm1(self.rates.double())).float()

    def standardised(self, counts: Tensor) -> Tensor:
        """Give counts (I, B, L, feature) less their mean, in standard deviations of a constant rate's."""
        mean = self.rates[:, None, None]
        return (counts - mean) * mean.rsqrt()

    def gated(self, encoded: Tensor, code: Tensor) -> Tensor:
        """Weight encoded samples (I, B L, d) by the code of their times."""
        return encoded * self.gate(code)

    def split(self, piece: Tensor, lengths: Tensor, n_context: int, draws: Noise) -> tuple[Tensor, Tensor, Tensor]:
        """Split the counts of a piece's context in those that are told and those that are forecast.

        Parameters
        ----------
        piece : Tensor, (I, B, L, F)
        lengths : Tensor, (I, B, 1)
            Samples after which a piece begins again: what stands there of the context is split as that was.
        n_context : int
        draws : Noise

        Returns
        -------
        context : Tensor, (I, B, n_context, F)
            The kept, over 1 - thinning: their means are the counts'.
        target : Tensor, (I, B, L, F)
            Of the context the rest, over thinning; of the samples after it all.
        weight : Tensor, (I, B, L, 1)
            Of the target's loss: its share of the counts. ``weight (λ - target log λ)`` is that of the rest, whose
            rate is thinning λ, but for a constant.
        """
        context = piece[:, :, :n_context]
        if self.thinning == 0.0:
            return context, piece, torch.ones_like(piece[..., :1])
        kept = draws.thinned(context, 1.0 - self.thinning)
        source = torch.arange(piece.shape[2], device=piece.device) % lengths
        seen = (source < n_context)[..., None]
        at = source.clamp_max(n_context - 1)[..., None].expand(-1, -1, -1, piece.shape[3])
        rest = (context - kept).gather(2, at) / self.thinning
        weight = torch.where(seen, self.thinning, 1.0)
        return kept / (1.0 - self.thinning), torch.where(seen, rest, piece), weight
