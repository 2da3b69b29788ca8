"""D2CL's model: a tower for a pair's image, one for its subgraph, and a head over both or over one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synfer.discover.d2cl.graphs import LAYOUT, n_features
from synfer.discover.d2cl.towers import OUT, SIZES, BatchNorm, GraphTower, ImageTower, PReLU
from synfer.forecast.ensemble import EnsembleLinear, EnsembleModule

TOWERS = ("both", "image", "graph")


class D2CLModel(EnsembleModule):
    """Logit of "the source drives the target" from an image and a subgraph; parameters lead by initialisation, I.

    Parameters
    ----------
    n_channels : int
        Of an image.
    n_sorted : int
        Nodes that the graph tower keeps.
    size : {"light", "published"}
    towers : {"both", "image", "graph"}
    level : float
        Logit to begin with.
    layout : int
        Of a node's features.
    seeds : sequence of int, (I,)
    """

    evaluation_tokens: int = 64  # pairs in one pass without gradients

    def __init__(
        self,
        n_channels: int,
        n_sorted: int,
        *,
        size: str = "light",
        towers: str = "both",
        level: float = 0.0,
        layout: int = LAYOUT,
        seeds: Sequence[int] = (0,),
    ):
        super().__init__(len(seeds))
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.n_channels, self.n_sorted, self.size, self.towers = n_channels, n_sorted, size, towers
        self.image = ImageTower(n_channels, SIZES[size], generators) if towers != "graph" else None
        self.graph = GraphTower(n_features(layout), n_sorted, generators) if towers != "image" else None
        n_in = OUT * (2 if towers == "both" else 1)
        self.first, self.second = EnsembleLinear(n_in, 128, generators), EnsembleLinear(128, 64, generators)
        self.last = EnsembleLinear(64, 1, generators)
        self.bends = nn.ModuleList(PReLU(self.n_init) for _ in range(2))
        self.norm = BatchNorm(128, self.n_init)
        with torch.no_grad():
            self.last.bias.fill_(level)

    def forward(self, images: Tensor, graphs: Tensor) -> tuple[Tensor, None]:
        """Give logits (B, 1, I) of images (I, B, channel, point, point) and subgraphs (I, B, node, feature + node)."""
        seen = []
        if self.image is not None:
            seen.append(self.image(images))
        if self.graph is not None:
            seen.append(self.graph(graphs))
        x = self.norm(self.bends[0](self.first(torch.cat(seen, -1))))
        return self.last(self.bends[1](self.second(x))).permute(1, 2, 0), None
