"""Parts of LaDID: temporal attention at irregular times, encoders and decoders, noise that a checkpoint can repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.forecast.ensemble import Dropout, EnsembleLayerNorm, EnsembleLinear, EnsembleModule, draw
from synfer.forecast.frames import FrameDecoder, FrameEncoder
from synfer.ops import attention_with_map

_FORGOTTEN = 0.01
"""Weight of what lies ``reach`` seconds away in purely temporal attention, relative to what is near."""


class Noise(Dropout):
    """Normal numbers by each initialisation's seed and a count, which training carries as it does dropout's."""

    def __init__(self, seeds: Sequence[int]):
        super().__init__(0.0, seeds)

    def normal(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """Draw (init, *shape); made on the CPU, so that devices agree."""
        return draw(self._generators(), shape, "normal").to(device)

    def thinned(self, counts: Tensor, share: float) -> Tensor:
        """Keep each of the events that are counted, (init, ...), with probability ``share``; made on the CPU."""
        shares = torch.full(counts.shape[1:], share)
        both = zip(counts.cpu(), self._generators(), strict=True)
        return torch.stack([torch.binomial(c, shares, generator=g) for c, g in both]).to(counts.device)

    def _generators(self) -> list[torch.Generator]:
        """Give those of the next draw."""
        self.step += 1
        return [torch.Generator().manual_seed((seed * 1_000_003 + self.step) % 2**63) for seed in self.seeds]


class TemporalAttention(EnsembleModule):
    """One layer of a transformer over the samples of a context, post-norm, told when each was taken.

    Where ``by_content``, weights are a softmax of ``q k' / sqrt(d)``; else of ``ln(.01) ((t_i - t_j) / reach)^2``,
    which is attention by time alone. In both ``clip(sum_j a_ij (t_j - t_i) / reach, -1, 1) w`` is added to what is
    attended to: when that was, relative to the sample itself. The former is written as a product of queries and keys,
    the latter as one more value channel, so that `synfer.ops.attention_with_map` takes contexts whose times all differ.
    """

    def __init__(self, d_model: int, reach: float, by_content: bool, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.reach, self.by_content = float(reach), by_content
        if by_content:
            self.query = EnsembleLinear(d_model, d_model, generators)
            self.key = EnsembleLinear(d_model, d_model, generators)
        self.value = EnsembleLinear(d_model, d_model, generators)
        self.out = EnsembleLinear(d_model, d_model, generators)
        self.when = nn.Parameter(draw(generators, (d_model,), "uniform"))
        self.widen = EnsembleLinear(d_model, 2 * d_model, generators)
        self.narrow = EnsembleLinear(2 * d_model, d_model, generators)
        self.norm = EnsembleLayerNorm(d_model, self.n_init)
        self.norm_after = EnsembleLayerNorm(d_model, self.n_init)

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Attend among samples x (I, B L, d) within each of B contexts, at ``times`` (I, B, L)."""
        members, batch, length = times.shape
        t = (times / self.reach).reshape(members * batch, 1, length, 1)
        t = t - t.mean(2, keepdim=True)
        if self.by_content:
            q, k = (linear(x).view(members * batch, 1, length, -1) for linear in (self.query, self.key))
            scale = None
        else:
            # -c (t_i - t_j)^2, but for a term that a softmax over j does not see.
            c = -math.log(_FORGOTTEN)
            q, k, scale = torch.cat([2.0 * c * t, torch.ones_like(t)], -1), torch.cat([t, -c * t.square()], -1), 1.0
        v = torch.cat([self.value(x).view(members * batch, 1, length, -1), t], -1)
        attended, _ = attention_with_map(q, k, v, scale=scale, out_map=False)
        since = functional.hardtanh(attended[..., -1:] - t).view(members, batch * length, 1)
        found = attended[..., :-1].reshape(members, batch * length, -1) + since * self.when[:, None]
        x = self.norm(self.out(found, x))
        hidden = functional.relu(self.widen(x))
        return cast(Tensor, self.norm_after(self.narrow(hidden, x)))


class UnitEncoder(EnsembleModule):
    """A perceptron, or a linear map, from a sample's units to ``n_out`` numbers."""

    def __init__(self, n_units: int, n_out: int, n_hidden: int | None, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.n_out = n_out
        self.hidden = None if n_hidden is None else EnsembleLinear(n_units, n_hidden, generators)
        self.out = EnsembleLinear(n_hidden or n_units, n_out, generators)

    def forward(self, x: Tensor) -> Tensor:
        """Encode (init, sample, unit)."""
        return cast(Tensor, self.out(x if self.hidden is None else functional.gelu(self.hidden(x))))


class UnitDecoder(EnsembleModule):
    """The way back, ``static`` added to what stands before the last layer (to the result, where the map is linear)."""

    def __init__(self, d_latent: int, n_units: int, n_hidden: int | None, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.n_hidden = n_hidden or n_units
        self.hidden = None if n_hidden is None else EnsembleLinear(d_latent, n_hidden, generators)
        self.last = EnsembleLinear(n_hidden or d_latent, n_units, generators)

    def forward(self, z: Tensor, static: Tensor | None) -> Tensor:
        """Decode latents (init, sample, d_latent) to (init, sample, unit)."""
        if self.hidden is None:
            return self.last(z, static)
        return cast(Tensor, self.last(functional.gelu(self.hidden(z, static))))


class SampleCoder(EnsembleModule):
    """A sample to a vector, a latent state to a sample, and what of a context does not change in time.

    Parameters
    ----------
    sample_shape : tuple of int
        (unit,), (height, width) or (channel, height, width).
    kind : {"cnn", "mlp", "linear"}
    d_model, d_latent, d_hidden : int
    static : bool
        Whether the mean of a context, and its mean change since the first sample, go to the decoder directly.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        kind: str,
        d_model: int,
        d_latent: int,
        d_hidden: int,
        static: bool,
        generators: Sequence[torch.Generator],
    ):
        super().__init__(len(generators))
        self.kind = kind
        self.encoder: FrameEncoder | UnitEncoder
        self.decoder: FrameDecoder | UnitDecoder
        self.static: FrameEncoder | UnitEncoder | None = None
        self.shape: tuple[int, ...] = (math.prod(sample_shape),)
        if kind == "cnn":
            frame = (sample_shape[0] if len(sample_shape) == 3 else 1, sample_shape[-2], sample_shape[-1])
            self.shape = frame
            self.encoder = FrameEncoder(frame, generators)
            self.decoder = FrameDecoder(d_latent, frame, generators)
            if static:
                self.static = FrameEncoder((2 * frame[0], frame[1], frame[2]), generators)
        else:
            n_units, n_hidden = self.shape[0], None if kind == "linear" else d_hidden
            self.encoder = UnitEncoder(n_units, d_model, n_hidden, generators)
            self.decoder = UnitDecoder(d_latent, n_units, n_hidden, generators)
            if static:
                self.static = UnitEncoder(2 * n_units, self.decoder.n_hidden, n_hidden, generators)
        self.to_model = EnsembleLinear(self.encoder.n_out, d_model, generators)

    def encode(self, x: Tensor) -> Tensor:
        """Give (init, sample, d_model) of flat samples (init, sample, feature)."""
        return cast(Tensor, self.to_model(self.encoder(x.unflatten(2, self.shape))))

    def static_of(self, context: Tensor) -> Tensor | None:
        """Give what the decoder is told of a context (I, B, L, feature) beside the latent states, (I, B, ...)."""
        if self.static is None:
            return None
        about = torch.stack([context.mean(2), (context - context[:, :, :1]).mean(2)], 2).flatten(2)
        return cast(Tensor, self.static(about.unflatten(2, (2 * self.shape[0], *self.shape[1:]))))

    def decode(self, z: Tensor, static: Tensor | None) -> Tensor:
        """Give (I, B, Q, feature) of latent states (I, B, Q, d) and what stands still, (I, B, ...)."""
        n_batch, n_times = z.shape[1:3]
        if static is not None:
            static = static[:, :, None].expand(-1, -1, n_times, -1).flatten(1, 2)
        return cast(Tensor, self.decoder(z.flatten(1, 2), static)).unflatten(1, (n_batch, n_times))
