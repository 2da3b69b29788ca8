"""Mask2Cause: a forecasting transformer over units whose attention passes through one learned graph (2026)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.forecast.ensemble import Dropout, EnsembleLayerNorm, EnsembleLinear, EnsembleModule, PenalisedModule, draw
from synfer.ops import attention_with_map, value_weighted_map

SELF = 100.0  # added to the graph's logit of each unit with itself
LEAST = 1e-6  # of an edge, under the logarithm


class Mask2CauseForecaster(PenalisedModule):
    r"""Forecast every unit's next sample from one token a unit; who may attend to whom is a graph, learned with the
    rest.

    ``z_i = Linear(x_i(t - L + 1 .. t)) + E_i``, E_i at first normal of variance 1; then layers of
    ``softmax(Q K^T / sqrt(d) + log(G + 1e-6)) V`` and ``W GELU(W z)``, each normalised after its sum with z;
    ``G = sigmoid(Theta + 100 I)``, one for all heads and layers. Dropout acts on what is read of the samples (not on
    E_i) and on what is added to z. The penalty is ``strength`` times the mean of G off its diagonal: a forecast must
    pay for every edge.

    Shapes: B samples, N units, L = ``window`` lags, I initialisations.

    Parameters
    ----------
    n_units, window, d_model, n_heads, n_layers : int
        The feed-forward blocks are four times as wide as a token.
    dropout : float
    varying : bool
        Whether the forecast has a variance too, (B, N, I, 2), for `VaryingGaussian`; the graph begins dense then (Theta
        1), else sparse (-1).
    strength : float
    seeds : sequence of int, (I,)

    Source: Muhammad, Shivkant, Subramani, "Mask2Cause", 2026, arXiv:2605.07280.
    """

    def __init__(
        self,
        n_units: int,
        *,
        window: int = 1,
        d_model: int = 32,
        n_heads: int = 4,
        n_layers: int = 2,
        dropout: float = 0.1,
        varying: bool = False,
        strength: float = 0.02,
        seeds: Sequence[int] = (0,),
    ):
        super().__init__(len(seeds))
        self.n_layers = n_layers
        self.n_units, self.window, self.varying, self.strength = n_units, window, varying, strength
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.drop = Dropout(dropout, seeds)
        self.widen = EnsembleLinear(window, d_model, generators)
        self.embedding = nn.Parameter(draw(generators, (n_units, d_model), "normal"))
        self.theta = nn.Parameter(torch.full((self.n_init, n_units, n_units), 1.0 if varying else -1.0))
        self.layers = nn.ModuleList(_Layer(d_model, n_heads, self.drop, generators) for _ in range(n_layers))
        self.head = EnsembleLinear(d_model, 2 if varying else 1, generators)

    def graph(self) -> Tensor:
        """Give G, (I, target, source)."""
        return torch.sigmoid(self.theta + SELF * torch.eye(self.n_units, device=self.theta.device))

    def forward(
        self, context: Tensor, times: Tensor | None = None, *, out_map: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Forecast the sample after each context (B, N, L, I).

        Returns
        -------
        forecast : Tensor, (B, N, I), or (B, N, I, 2) where the variance varies
        map : Tensor or None
            (I, target, source): attention, mean over samples, heads and layers.
        """
        b, n, lags, members = context.shape
        x = context.permute(3, 0, 1, 2).reshape(members, b * n, lags)
        z = self.drop(self.widen(x)).view(members, b, n, -1) + self.embedding[:, None]
        logits = torch.log(self.graph() + LEAST)
        maps = []
        for layer in self.layers:
            z, map_ = layer(z, logits, out_map)
            maps.append(map_)
        y = self.head(z.flatten(1, 2)).view(members, b, n, -1)
        y = y.permute(1, 2, 0, 3) if self.varying else y[..., 0].permute(1, 2, 0)
        return y, torch.stack(maps).mean(0) if out_map else None

    def penalty_rows(self, n_rows: int) -> int:
        """One: the graph is the same for all."""
        return 1

    def penalty(self, context: Tensor) -> Tensor:
        """Give the strength times the mean of G off its diagonal, (I,)."""
        off = ~torch.eye(self.n_units, dtype=torch.bool, device=self.theta.device)
        return self.strength * self.graph()[:, off].mean(-1)


class _Layer(EnsembleModule):
    def __init__(self, d_model: int, n_heads: int, drop: Dropout, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.n_heads, self.drop = n_heads, drop
        self.weigh_values = False  # in the map, what each weight passes on instead of the weight
        self.into = EnsembleLinear(d_model, 3 * d_model, generators)
        self.out = EnsembleLinear(d_model, d_model, generators)
        self.wide = EnsembleLinear(d_model, 4 * d_model, generators)
        self.narrow = EnsembleLinear(4 * d_model, d_model, generators)
        self.norm_attention = EnsembleLayerNorm(d_model, self.n_init)
        self.norm_feed_forward = EnsembleLayerNorm(d_model, self.n_init)

    def forward(self, z: Tensor, logits: Tensor, out_map: bool) -> tuple[Tensor, Tensor | None]:
        members, b, n, d = z.shape
        heads = self.into(z.flatten(1, 2)).view(members, b, n, 3, self.n_heads, d // self.n_heads)
        outs, maps = [], []
        for member in range(members):  # the operator has one bias for all it is given
            q, k, v = heads[member].permute(2, 0, 3, 1, 4)
            scale = 1.0 / math.sqrt(d // self.n_heads)
            out, map_ = attention_with_map(q, k, v, scale=scale, bias=logits[member], out_map=out_map)
            if out_map and self.weigh_values:
                map_ = value_weighted_map(q, k, v, scale=scale, bias=logits[member])
            outs.append(out.transpose(1, 2).reshape(b * n, d))
            maps.append(map_)
        z = self.norm_attention(z + self.drop(self.out(torch.stack(outs))).view_as(z))
        hidden = self.drop(functional.gelu(self.wide(z.flatten(1, 2))))
        z = self.norm_feed_forward(z + self.drop(self.narrow(hidden)).view_as(z))
        return z, torch.stack([m for m in maps if m is not None]) if out_map else None
