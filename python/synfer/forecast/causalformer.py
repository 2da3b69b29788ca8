"""Causalformer: the forecaster of Lu et al. 2023, every initialisation of an ensemble in one module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import Dropout, EnsembleBatchNorm, EnsembleLinear, EnsembleModule, apply_each, draw
from synfer.ops import attention_with_map, sample_embedding, value_weighted_map


class CausalformerForecaster(EnsembleModule):
    """Forecast every neuron's next sample from the last ``window`` samples of all.

    One token is one sample of one neuron. The encoder lets each neuron's tokens attend among themselves; a decoder
    token, which knows only which neuron and when, attends to its own neuron's tokens and then to all: the only path
    from neuron j to the forecast of neuron i is that global cross-attention, from which the connectome is read. Both
    kinds of token have one embedding, and the decoder reads the encoder's tokens as they are: nothing is normalised
    after the last block of either.

    Shapes: B samples, N units, L = ``window`` lags, I initialisations. Pre-norm throughout, batch normalisation over
    channels, GELU, dropout after the embedding and in the feed-forward blocks.

    Source: Lu, Tabassum, Kulkarni, Mi, Kutz, Shea-Brown, Lim, "Attention for Causal Relationship Discovery from
    Biological Neural Dynamics", 2023, arXiv:2311.06928; layout after Grigsby et al. 2021 (Spacetimeformer).
    """

    recordable: ClassVar[bool] = True

    def __init__(
        self,
        n_units: int,
        *,
        window: int = 10,
        d_model: int = 100,
        n_heads: int = 10,
        d_head: int = 8,
        d_hidden: int = 400,
        n_layers: int = 1,
        dropout: float = 0.1,
        seeds: Sequence[int] = (0,),
    ):
        super().__init__(len(seeds))
        self.n_units, self.window, self.n_layers = n_units, window, n_layers
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        drop = Dropout(dropout, seeds)
        sizes = (d_model, n_heads, d_head, d_hidden)
        self.embedding = _Embedding(n_units, d_model, drop, generators)
        self.encoder = nn.ModuleList(_EncoderLayer(*sizes, drop, generators) for _ in range(n_layers))
        self.decoder = nn.ModuleList(_DecoderLayer(*sizes, drop, generators) for _ in range(n_layers))
        self.head = EnsembleLinear(d_model, 1, generators)

    def forward(self, context: Tensor, times: Tensor, *, out_map: bool = False) -> tuple[Tensor, Tensor | None]:
        """Forecast the sample after each context.

        Parameters
        ----------
        context : Tensor, (B, N, L, I)
            The last L samples, oldest first.
        times : Tensor, (B, L + 1, I)
            Their times and the target's, within the 0 to 5 seconds of the paper's recordings.
        out_map : bool
            Whether the attention map is wanted.

        Returns
        -------
        forecast : Tensor, (B, N, I)
            Before any link function.
        map : Tensor or None
            (I, N, N), target x source: global cross-attention, mean over samples and heads, sum over lags and layers.
        """
        b, n, lags, members = context.shape
        position = torch.arange(lags, dtype=context.dtype, device=context.device)
        tokens = self.embedding(context, times[:, None, :lags], position)
        for encode in self.encoder:
            tokens = encode(tokens, b, n)
        # Every decoder reads the same tokens: the keys and values of all in one go.
        decoder = cast("list[_DecoderLayer]", list(self.decoder))
        read = apply_each([linear for decode in decoder for linear in decode.keys_values()], tokens)

        nothing = context.new_zeros(b, n, 1, members)
        target = self.embedding(nothing, times[:, None, lags:], position[:1])
        maps = []
        for k, decode in enumerate(decoder):
            target, map_ = decode(target, read[4 * k : 4 * k + 4], b, n, out_map=out_map)
            maps.append(map_)
        forecast = self.head(target).view(members, b, n).permute(1, 2, 0)
        return forecast, torch.stack(maps).sum(0) if out_map else None


class _Embedding(EnsembleModule):
    """``Linear([time, value]) + position`` and the neuron's own vector, dropped out apart and added."""

    def __init__(self, n_units: int, d_model: int, drop: Dropout, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.drop = drop
        self.time = nn.Parameter(draw(generators, (2,), "normal"))  # affine part of Time2Vec: slope, offset
        self.value_time = nn.Parameter(draw(generators, (3, d_model), "uniform") / math.sqrt(2.0))  # time, value, bias
        self.frequency = nn.Parameter(draw(generators, (d_model,), "normal"))
        self.phase = nn.Parameter(draw(generators, (d_model,), "normal"))
        self.unit = nn.Parameter(draw(generators, (n_units, d_model), "normal"))

    def forward(self, values: Tensor, times: Tensor, position: Tensor) -> Tensor:
        """Embed values (B, N, l, I) at times (B, 1, l, I), positions (l,), as (I, B*N*l, channel) tokens."""
        when = (times * self.time[:, 0] + self.time[:, 1])[:, 0].permute(2, 0, 1)[..., None]  # (I, B, l, 1)
        periodic = torch.sin(position[:, None] * self.frequency[:, None] + self.phase[:, None])  # (I, l, channel)
        per_time, per_value, bias = self.value_time.unbind(1)  # (I, channel)
        offset = when * per_time[:, None, None] + (bias[:, None] + periodic)[:, None]
        members = values.shape[3]
        return sample_embedding(values.permute(3, 0, 1, 2), per_value, offset, self.unit, self.drop.next(members))


class _Attention(EnsembleModule):
    """Multi-head attention from target tokens to source tokens, (I, tokens, channel) in and out."""

    def __init__(self, d_model: int, n_heads: int, d_head: int, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.n_heads, self.d_head = n_heads, d_head
        self.weigh_values = False  # in the map, what each weight passes on instead of the weight
        self.query = EnsembleLinear(d_model, n_heads * d_head, generators)
        self.key = EnsembleLinear(d_model, n_heads * d_head, generators)
        self.value = EnsembleLinear(d_model, n_heads * d_head, generators)
        self.out = EnsembleLinear(n_heads * d_head, d_model, generators)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        residual: Tensor,
        batch: int,
        *,
        n_sources: int | None = None,
        out_map: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend within each of ``batch`` groups of consecutive tokens; the map is (I, targets, n_sources)."""
        q, k, v = (self._heads(x, batch) for x in (query, key, value))
        out, map_ = attention_with_map(q, k, v, n_sources=n_sources, reduce=("head", "lag"), out_map=out_map)
        if out_map and self.weigh_values:
            map_ = value_weighted_map(q, k, v, n_sources=n_sources, reduce=("head", "lag"))
        if map_ is not None:
            map_ = map_.unflatten(0, (self.n_init, batch)).mean(1)
        joined = out.transpose(1, 2).reshape(self.n_init, residual.shape[1], self.n_heads * self.d_head)
        return self.out(joined, residual), map_

    def _heads(self, x: Tensor, batch: int) -> Tensor:
        return x.view(self.n_init * batch, x.shape[1] // batch, self.n_heads, self.d_head).transpose(1, 2)


class _FeedForward(EnsembleModule):
    def __init__(self, d_model: int, d_hidden: int, drop: Dropout, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.drop = drop
        self.norm = EnsembleBatchNorm(d_model, self.n_init)
        self.widen = EnsembleLinear(d_model, d_hidden, generators)
        self.narrow = EnsembleLinear(d_hidden, d_model, generators)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm.into_feed_forward(x, self.widen, self.narrow, self.drop)


class _EncoderLayer(EnsembleModule):
    def __init__(
        self,
        d_model: int,
        n_heads: int,
        d_head: int,
        d_hidden: int,
        drop: Dropout,
        generators: Sequence[torch.Generator],
    ):
        super().__init__(len(generators))
        self.norm = EnsembleBatchNorm(d_model, self.n_init)
        self.local = _Attention(d_model, n_heads, d_head, generators)
        self.feed_forward = _FeedForward(d_model, d_hidden, drop, generators)

    def forward(self, tokens: Tensor, b: int, n: int) -> Tensor:
        projected = self.norm.into(tokens, [self.local.query, self.local.key, self.local.value])
        attended, _ = self.local(*projected, tokens, b * n)
        return self.feed_forward(attended)


class _DecoderLayer(EnsembleModule):
    def __init__(
        self,
        d_model: int,
        n_heads: int,
        d_head: int,
        d_hidden: int,
        drop: Dropout,
        generators: Sequence[torch.Generator],
    ):
        super().__init__(len(generators))
        self.local_norm = EnsembleBatchNorm(d_model, self.n_init)
        self.local = _Attention(d_model, n_heads, d_head, generators)
        self.across_norm = EnsembleBatchNorm(d_model, self.n_init)
        self.across = _Attention(d_model, n_heads, d_head, generators)
        self.feed_forward = _FeedForward(d_model, d_hidden, drop, generators)

    def keys_values(self) -> list[EnsembleLinear]:
        """The maps that read the encoder's tokens."""
        return [self.local.key, self.local.value, self.across.key, self.across.value]

    def forward(
        self, target: Tensor, read: Sequence[Tensor], b: int, n: int, *, out_map: bool
    ) -> tuple[Tensor, Tensor | None]:
        own_key, own_value, key, value = read
        (query,) = self.local_norm.into(target, [self.local.query])
        target, _ = self.local(query, own_key, own_value, target, b * n)
        (query,) = self.across_norm.into(target, [self.across.query])
        target, map_ = self.across(query, key, value, target, b, n_sources=n, out_map=out_map)
        return self.feed_forward(target), map_
