"""Convolutions of an ensemble: frames to channels and back, each initialisation by its own kernels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.forecast.ensemble import EnsembleLinear, EnsembleModule, draw

CHANNELS = (8, 16, 32, 64)
SHRINKING = 2 ** len(CHANNELS)
"""By how much the convolutions make a side shorter."""


def stacked(made: Sequence[Tensor]) -> Tensor:
    """Give what each initialisation made as one tensor (init, ...); of one alone without a copy."""
    return made[0][None] if len(made) == 1 else torch.stack(list(made))


class EnsembleConv2d(EnsembleModule):
    """``nn.Conv2d`` (or its transpose) for every initialisation, (init, image, channel, H, W) to the same."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        size: int,
        generators: Sequence[torch.Generator],
        *,
        stride: int = 1,
        padding: int = 0,
        transposed: bool = False,
    ):
        super().__init__(len(generators))
        self.stride, self.padding, self.transposed = stride, padding, transposed
        shape = (n_in, n_out, size, size) if transposed else (n_out, n_in, size, size)
        # Inputs that reach one output: of a transpose, those under the kernel at its stride.
        bound = 1.0 / math.sqrt(n_in * size**2 / (stride**2 if transposed else 1))
        self.weight = nn.Parameter(draw(generators, shape, "uniform") * bound)
        self.bias = nn.Parameter(draw(generators, (n_out,), "uniform") * bound)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        convolve = functional.conv_transpose2d if self.transposed else functional.conv2d
        made = [
            convolve(images, weight, bias, stride=self.stride, padding=self.padding)
            for images, weight, bias in zip(x, self.weight, self.bias, strict=True)
        ]
        return stacked(made)


class EnsembleImageNorm(EnsembleModule):
    """Normalise each image over channels and pixels, then scale and shift each channel: no image knows of others."""

    def __init__(self, n_channels: int, n_init: int, eps: float = 1e-5):
        super().__init__(n_init)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_init, n_channels))
        self.bias = nn.Parameter(torch.zeros(n_init, n_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (init, image, channel, H, W)."""
        normed = functional.layer_norm(x, x.shape[2:], eps=self.eps)
        return normed * self.weight[:, None, :, None, None] + self.bias[:, None, :, None, None]


class FrameEncoder(EnsembleModule):
    """Four convolutions of stride 2 to feature maps of 64 channels, a sixteenth of the sides."""

    def __init__(self, shape: tuple[int, int, int], generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        sizes = (shape[0], *CHANNELS)
        self.convolutions = nn.ModuleList(
            EnsembleConv2d(a, b, 2, generators, stride=2)
            if b == CHANNELS[-1]
            else EnsembleConv2d(a, b, 5, generators, stride=2, padding=2)
            for a, b in itertools.pairwise(sizes)
        )
        self.norms = nn.ModuleList(EnsembleImageNorm(c, self.n_init) for c in CHANNELS)
        self.n_out = CHANNELS[-1] * shape[1] * shape[2] // SHRINKING**2

    def forward(self, x: Tensor) -> Tensor:
        """Encode (init, image, C, H, W); give the maps flattened, (init, image, n_out)."""
        for convolve, norm in zip(self.convolutions, self.norms, strict=True):
            x = norm(functional.relu(convolve(x)))
        return x.flatten(2)


class FrameDecoder(EnsembleModule):
    """The way back: a linear map to the smallest maps, four transposed convolutions, a convolution to frames."""

    def __init__(self, d_latent: int, shape: tuple[int, int, int], generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.height, self.width = shape[1] // SHRINKING, shape[2] // SHRINKING
        self.n_hidden = CHANNELS[-1] * self.height * self.width
        self.widen = EnsembleLinear(d_latent, self.n_hidden, generators)
        sizes = (*CHANNELS[::-1], CHANNELS[0])
        self.norms = nn.ModuleList(EnsembleImageNorm(c, self.n_init) for c in sizes)
        self.convolutions = nn.ModuleList(
            EnsembleConv2d(a, b, 2, generators, stride=2, transposed=True) for a, b in itertools.pairwise(sizes)
        )
        self.last = EnsembleConv2d(CHANNELS[0], shape[0], 5, generators, padding=2)

    def forward(self, z: Tensor, static: Tensor | None) -> Tensor:
        """Decode (init, image, d_latent), ``static`` added to the first maps; give flat frames (init, image, F)."""
        x = self.widen(z, static).unflatten(2, (CHANNELS[-1], self.height, self.width))
        x = cast(EnsembleImageNorm, self.norms[0])(functional.relu(x))
        for convolve, norm in zip(self.convolutions, list(self.norms)[1:], strict=True):
            x = norm(functional.relu(convolve(x)))
        return cast(Tensor, self.last(x)).flatten(2)
