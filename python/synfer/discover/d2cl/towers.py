"""The two towers: convolutions over a pair's image, and graph convolutions over its subgraph with sorted pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.discover.d2cl.graphs import LABELS
from synfer.forecast.ensemble import EnsembleLinear, EnsembleModule
from synfer.forecast.frames import EnsembleConv2d, stacked

Generators = Sequence[torch.Generator]


@dataclass(frozen=True)
class Size:
    """What a size of the towers is made of.

    Attributes
    ----------
    n_points : int
        Rows and columns of an image.
    stages : tuple of (blocks, width)
        Bottlenecks of each stage; a stage's output has four times its width.
    neck, hidden : int
        Width of the last bottleneck, and of the layer between it and the tower's output.
    most_nodes : int
        Of a subgraph.
    """

    n_points: int
    stages: tuple[tuple[int, int], ...]
    neck: int
    hidden: int
    most_nodes: int


SIZES = {
    "light": Size(32, ((1, 8), (1, 16), (1, 32)), 32, 256, 16),
    "published": Size(64, ((3, 16), (4, 32), (6, 64), (3, 128)), 128, 2048, 64),
}
STEM = 16
EXPANSION = 4
OUT = 128
"""Features that each tower gives."""


class BatchNorm(EnsembleModule):
    """``nn.BatchNorm`` for every initialisation, over (init, row, channel, ...).

    What is remembered is at first the mean of all batches so far: where few pairs are known an epoch is a step or two,
    and what is validated by would otherwise be the statistics that it was made with for many epochs.
    """

    def __init__(self, n_channels: int, n_init: int, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__(n_init)
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(n_init, n_channels))
        self.bias = nn.Parameter(torch.zeros(n_init, n_channels))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(n_init, n_channels))
        self.register_buffer("running_var", torch.ones(n_init, n_channels))
        self.seen: Tensor
        self.register_buffer("seen", torch.zeros(n_init))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        training = self.training and x.shape[1] > 1  # one row has no spread: the last batch may be of one
        if training:
            self.seen += 1.0
        made = [
            functional.batch_norm(
                x[k],
                self.running_mean[k],
                self.running_var[k],
                self.weight[k],
                self.bias[k],
                training,
                max(self.momentum, 1.0 / float(self.seen[k])) if training else 0.0,
                self.eps,
            )
            for k in range(self.n_init)
        ]
        return stacked(made)


class PReLU(EnsembleModule):
    """``nn.PReLU`` with one slope for every initialisation."""

    def __init__(self, n_init: int):
        super().__init__(n_init)
        self.weight = nn.Parameter(torch.full((n_init, 1), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Rectify (init, ...)."""
        return stacked([functional.prelu(x[k], self.weight[k]) for k in range(self.n_init)])


class Bottleneck(EnsembleModule):
    """x + convolutions of BN-PReLU(x): 1 x 1 to the width, 3 x 3, 1 x 1 to four times the width."""

    def __init__(self, n_in: int, width: int, generators: Generators):
        super().__init__(len(generators))
        n_out = EXPANSION * width
        sizes = ((n_in, width, 1), (width, width, 3), (width, n_out, 1))
        self.norms = nn.ModuleList(BatchNorm(a, self.n_init) for a, _, _ in sizes)
        self.bends = nn.ModuleList(PReLU(self.n_init) for _ in sizes)
        self.convolutions = nn.ModuleList(
            EnsembleConv2d(a, b, size, generators, padding=size // 2) for a, b, size in sizes
        )
        self.around = None if n_in == n_out else EnsembleConv2d(n_in, n_out, 1, generators)

    def forward(self, x: Tensor) -> Tensor:
        """Give (init, image, 4 width, H, W)."""
        y = x
        for norm, bend, convolve in zip(self.norms, self.bends, self.convolutions, strict=True):
            y = convolve(bend(norm(y)))
        return y + (x if self.around is None else self.around(x))


class ImageTower(EnsembleModule):
    """Images (init, pair, channel, point, point) to features (init, pair, 128)."""

    def __init__(self, n_channels: int, size: Size, generators: Generators):
        super().__init__(len(generators))
        self.stem = EnsembleConv2d(n_channels, STEM, 5, generators, padding=2)
        self.stem_norm = BatchNorm(STEM, self.n_init)
        stages, width_in, side = [], STEM, size.n_points
        for n_blocks, width in size.stages:
            blocks = []
            for _ in range(n_blocks):
                blocks.append(Bottleneck(width_in, width, generators))
                width_in = EXPANSION * width
            stages.append(nn.Sequential(*blocks))
        side = size.n_points // 2 ** (len(stages) - 1)  # a pool between two stages halves it
        self.stages = nn.ModuleList(stages)
        neck = ((width_in, size.neck, 1, 1), (size.neck, size.neck, 3, 2), (size.neck, width_in, 1, 1))
        self.neck_norms = nn.ModuleList(BatchNorm(a, self.n_init) for a, _, _, _ in neck)
        self.neck = nn.ModuleList(
            EnsembleConv2d(a, b, width, generators, stride=stride, padding=width // 2) for a, b, width, stride in neck
        )
        self.out = nn.ModuleList(
            EnsembleLinear(a, b, generators)
            for a, b in ((width_in * (side // 2) ** 2, size.hidden), (size.hidden, OUT))
        )
        self.out_bends = nn.ModuleList(PReLU(self.n_init) for _ in self.out)
        self.out_norms = nn.ModuleList(BatchNorm(n, self.n_init) for n in (size.hidden, OUT))

    def forward(self, x: Tensor) -> Tensor:
        """Give what an image shows."""
        if x.device.type == "cpu":  # channels side by side: two thirds of the time
            x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
        x = self.stem_norm(self.stem(x)).relu()
        for k, stage in enumerate(self.stages):
            if k:
                n_init = x.shape[0]
                x = functional.avg_pool2d(x.flatten(0, 1), 3, 2, 1).unflatten(0, (n_init, -1))
            x = stage(x)
        for norm, convolve in zip(self.neck_norms, self.neck, strict=True):
            x = convolve(norm(x)).relu()
        x = x.flatten(2)
        for linear, bend, norm in zip(self.out, self.out_bends, self.out_norms, strict=True):
            x = norm(bend(linear(x)))
        return x


class GraphTower(EnsembleModule):
    """Subgraphs (init, pair, node, feature + node) to features (init, pair, 128): a DGCNN.

    Four graph convolutions ``x' = tanh(W x + V A x)``, of 32, 32, 32 and 1 channels, side by side, A the mean over a
    node and its neighbours (sums drive tanh to where it is 1); the nodes in order of the last, the first k of them;
    each node to 16 channels, two neighbours averaged, all of them to 32. Beside these, the pair's own two nodes, their
    features and their channels, normalised.

    References
    ----------
    M. Zhang, Z. Cui, M. Neumann, Y. Chen, An end-to-end deep learning architecture for graph classification, AAAI 2018.
    """

    WIDTHS = (32, 32, 32, 1)

    def __init__(self, n_features: int, n_sorted: int, generators: Generators):
        super().__init__(len(generators))
        self.n_features, self.n_sorted = n_features, n_sorted + n_sorted % 2
        sizes = list(zip((n_features, *self.WIDTHS[:-1]), self.WIDTHS, strict=True))
        self.own = nn.ModuleList(EnsembleLinear(a, b, generators) for a, b in sizes)
        self.heard = nn.ModuleList(EnsembleLinear(a, b, generators) for a, b in sizes)
        self.of_node = EnsembleLinear(sum(self.WIDTHS), 16, generators)
        self.of_all = EnsembleLinear(16 * (self.n_sorted // 2), 32, generators)
        of_pair = 2 * (n_features + sum(self.WIDTHS))
        self.pair_norm = BatchNorm(of_pair, self.n_init)
        self.out = EnsembleLinear(32 + of_pair, OUT, generators)
        self.bend, self.norm = PReLU(self.n_init), BatchNorm(OUT, self.n_init)

    def forward(self, graph: Tensor) -> Tensor:
        """Give what a subgraph shows."""
        x, joined = graph[..., : self.n_features], graph[..., self.n_features :]
        there = joined.diagonal(dim1=-2, dim2=-1) > 0  # every node hears itself
        joined = joined / joined.sum(-1, keepdim=True).clamp_min(1.0)
        shape = x.shape[1:3]
        layers = []
        for own, heard in zip(self.own, self.heard, strict=True):
            around = (joined @ x).flatten(1, 2)
            x = torch.tanh(cast(Tensor, own(x.flatten(1, 2), residual=heard(around)))).unflatten(1, shape)
            layers.append(x)
        x = torch.cat(layers, -1)
        # The pair's own two nodes, what is known of them and what they heard, go on as they are.
        ends = graph[..., LABELS : LABELS + 2].mT @ torch.cat([graph[..., : self.n_features], x], -1)
        pair = self.pair_norm(ends.flatten(2))
        last = x[..., -1].masked_fill(~there, -torch.inf)
        order = last.argsort(dim=-1, descending=True, stable=True)[..., : self.n_sorted]
        x = (x * there[..., None]).gather(2, order[..., None].expand(-1, -1, -1, x.shape[-1]))
        x = functional.pad(x, (0, 0, 0, self.n_sorted - x.shape[2]))
        x = self.of_node(x.flatten(1, 2)).relu().unflatten(1, (shape[0], self.n_sorted // 2, 2)).mean(3)
        x = self.of_all(x.flatten(2)).relu()
        return self.norm(self.bend(self.out(torch.cat([x, pair], -1))))
