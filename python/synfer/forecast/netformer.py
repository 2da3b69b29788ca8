"""NetFormer: linear attention whose weights are a population's connectivity at each moment (Lu et al. 2025)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import EnsembleLayerNorm, PenalisedModule, draw
from synfer.ops import attention_with_map, grouped_linear, value_weighted_map

LEAST_LOG_VARIANCE = math.log(1e-6)  # of the law of a pair of types


class NetFormerForecaster(PenalisedModule):
    r"""Forecast every unit's next sample by one step along a connectivity that depends on the state.

    With X (N, L) the last samples of all units and E (N, d) a learned identity of each,

    ``[X'; E'] = LN([X; E])``, ``A = (W_Q [X'; E']) (W_K [X'; E'])^T / sqrt(L + d)``, ``Y = LN(A X' + X') + b``,

    without a softmax: A is signed, and for ``x(t+1) = x(t) + f(W x(t))`` it is W up to f' where L is 1. The forecast is
    the last column of Y. With L = 1 nothing is normalised, as in the authors' notebooks (whose W_Q and W_K have N rows,
    without the sqrt; square ones with it are their package's). b, a constant for each unit, is added here: what is
    centred has lost it.

    Shapes: B samples, N units, L = ``window`` lags, I initialisations.

    Parameters
    ----------
    n_units, window, d_embedding : int
    cell_types : Tensor (unit,) of int, optional
        Type of each unit, from 0. Then a Gaussian law of A_ij, in every sample, about a learned mean of each pair of
        types (target's and source's) is a prior, ``strength`` times its mean negative logarithm over samples and pairs
        of different units (the authors count units with themselves too, and begin with means uniform in [-1, 1] instead
        of 0).
    strength : float
    seeds : sequence of int, (I,)

    Source: Lu, Zhang, Le, Wang, Sumbul, Shea-Brown, Mi, "NetFormer: An interpretable model for recovering dynamical
    connectivity in neuronal population dynamics", ICLR 2025.
    """

    def __init__(
        self,
        n_units: int,
        *,
        window: int = 1,
        d_embedding: int = 30,
        cell_types: Tensor | None = None,
        strength: float = 0.0,
        seeds: Sequence[int] = (0,),
    ):
        super().__init__(len(seeds))
        self.n_units, self.window, self.strength = n_units, window, strength
        self.n_layers = 1
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        width = window + d_embedding
        bound = 1.0 / math.sqrt(width)
        self.embedding = nn.Parameter(draw(generators, (n_units, d_embedding), "normal"))
        self.query = nn.Parameter(draw(generators, (width, width), "uniform") * bound)
        self.key = nn.Parameter(draw(generators, (width, width), "uniform") * bound)
        self.constant = nn.Parameter(torch.zeros(self.n_init, n_units))
        self.norm_in = EnsembleLayerNorm(width, self.n_init) if window > 1 else None
        self.norm_out = EnsembleLayerNorm(window, self.n_init) if window > 1 else None
        self._types = cell_types
        self.weigh_values = False  # in the map, what each weight passes on instead of the weight
        if cell_types is not None:
            n_types = int(cell_types.max()) + 1
            self.type_mean = nn.Parameter(torch.zeros(self.n_init, n_types, n_types))
            self.type_log_variance = nn.Parameter(torch.zeros(self.n_init, n_types, n_types))

    def forward(
        self, context: Tensor, times: Tensor | None = None, *, out_map: bool = False, each: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Forecast the sample after each context (B, N, L, I).

        Returns
        -------
        forecast : Tensor, (B, N, I)
        map : Tensor or None
            A, its mean over samples (I, target, source), or with ``each`` that of every sample (B, I, target, source).
        """
        x = context.permute(3, 0, 1, 2)  # (I, B, N, L)
        members, b, n, lags = x.shape
        state = torch.cat([x, self.embedding[:, None].expand(-1, b, -1, -1)], dim=-1)
        if self.norm_in is not None:
            state = self.norm_in(state)
        tokens = state.reshape(members, b * n, -1)
        q, k = (grouped_linear(tokens, w).view(members, b, n, -1).transpose(0, 1) for w in (self.query, self.key))
        v = state[..., :lags].transpose(0, 1)
        scale = 1.0 / math.sqrt(state.shape[-1])
        reduce = ("lag",) if each else ("batch", "lag")
        out, map_ = attention_with_map(q, k, v, scale=scale, reduce=reduce, out_map=out_map, normalize="none")
        if out_map and self.weigh_values:
            map_ = value_weighted_map(q, k, v, scale=scale, reduce=reduce, normalize="none")
        y = (out + v).transpose(0, 1)
        if self.norm_out is not None:
            y = self.norm_out(y)
        return (y[..., -1] + self.constant[:, None]).permute(1, 2, 0), map_

    def penalty_rows(self, n_rows: int) -> int:
        """All rows where there is a prior; it costs a second pass."""
        return n_rows if self._types is not None and self.strength > 0 else 1

    def penalty(self, context: Tensor) -> Tensor:
        """Give the prior's mean negative logarithm times its strength, (I,)."""
        if self._types is None or self.strength == 0:
            return torch.zeros(self.n_init, device=context.device)
        _, map_ = self(context, out_map=True, each=True)
        assert map_ is not None
        types = self._types.to(context.device)
        mean = self.type_mean[:, types[:, None], types]
        # Of a pair of types with a single pair of units the variance could fall without end. A smooth floor: at a hard
        # one there is no gradient, and what has come beneath it could never rise again.
        above = nn.functional.softplus(self.type_log_variance - LEAST_LOG_VARIANCE)
        log_variance = (LEAST_LOG_VARIANCE + above)[:, types[:, None], types]
        log_law = 0.5 * (log_variance + (map_ - mean).square() * torch.exp(-log_variance))
        off = ~torch.eye(self.n_units, dtype=torch.bool, device=context.device)
        return self.strength * log_law[:, :, off].mean((0, 2))
