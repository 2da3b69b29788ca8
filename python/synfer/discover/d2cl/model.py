"""D2CL's model: a tower for a pair's image, one for its subgraph, a head over both and one over each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from synfer.discover.d2cl.graphs import LAYOUT, n_features
from synfer.discover.d2cl.towers import OUT, SIZES, BatchNorm, Generators, GraphTower, ImageTower, PReLU
from synfer.forecast.ensemble import EnsembleLinear, EnsembleModule
from synfer.forecast.likelihoods import Bernoulli

TOWERS = ("both", "image", "graph")


class Head(EnsembleModule):
    """Features (init, pair, n_in) to 128, to 64, to logits (init, pair, 1)."""

    def __init__(self, n_in: int, level: float, generators: Generators):
        super().__init__(len(generators))
        self.first, self.second = EnsembleLinear(n_in, 128, generators), EnsembleLinear(128, 64, generators)
        self.last = EnsembleLinear(64, 1, generators)
        self.bends = nn.ModuleList(PReLU(self.n_init) for _ in range(2))
        self.norm = BatchNorm(128, self.n_init)
        with torch.no_grad():
            self.last.bias.fill_(level)

    def forward(self, x: Tensor) -> Tensor:
        """Judge."""
        x = self.norm(self.bends[0](self.first(x)))
        return torch.as_tensor(self.last(self.bends[1](self.second(x))))


class D2CLModel(EnsembleModule):
    """Logit of "the source drives the target" from an image and a subgraph; parameters lead by initialisation, I.

    Where there are both towers, each has a head of its own beside the one over both. All heads learn, each by its own
    loss, and the model says the mean of their logits, by `SHARES`. One head over both learns by heart what an image
    says even where that is nothing (in linear systems), and is worse there than the graph tower alone; heads that err
    unlike each other are together better than the best of them.

    Parameters
    ----------
    n_channels : int
        Of an image.
    n_sorted : int
        Nodes that the graph tower keeps.
    size : {"light", "published"}
    towers : {"both", "image", "graph"}
    heads : tuple of {"both", "image", "graph"}, optional
        Default all that the towers allow. Models from files of schema 1 and 2 have the one that is named as the towers.
    level : float
        Logit to begin with.
    layout : int
        Of a node's features.
    seeds : sequence of int, (I,)
    """

    evaluation_tokens: int = 64  # pairs in one pass without gradients
    SHARES: ClassVar[dict[str, float]] = {"both": 0.25, "image": 0.25, "graph": 0.5}
    """Of the heads in what is said where there are three: half is said of the graph alone, half by those that see the
    image. Chosen on systems of their own seeds: docs/d2cl.md."""

    def __init__(
        self,
        n_channels: int,
        n_sorted: int,
        *,
        size: str = "light",
        towers: str = "both",
        heads: Sequence[str] | None = None,
        level: float = 0.0,
        layout: int = LAYOUT,
        seeds: Sequence[int] = (0,),
    ):
        super().__init__(len(seeds))
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.n_channels, self.n_sorted, self.size, self.towers = n_channels, n_sorted, size, towers
        self.image = ImageTower(n_channels, SIZES[size], generators) if towers != "graph" else None
        self.graph = GraphTower(n_features(layout), n_sorted, generators) if towers != "image" else None
        names = (TOWERS if towers == "both" else (towers,)) if heads is None else heads
        self.heads = nn.ModuleDict(
            {name: Head(OUT * (2 if name == "both" else 1), level, generators) for name in names}
        )

    def forward(self, images: Tensor, graphs: Tensor) -> tuple[Tensor, None]:
        """Give logits of images (I, B, channel, point, point) and subgraphs (I, B, node, feature + node).

        In training those of every head, (B, head, I); at rest their mean, (B, 1, I).
        """
        seen = {}
        if self.image is not None:
            seen["image"] = self.image(images)
        if self.graph is not None:
            seen["graph"] = self.graph(graphs)
        if "both" in self.heads:
            seen["both"] = torch.cat([seen["image"], seen["graph"]], -1)
        logits = torch.cat([head(seen[name]) for name, head in self.heads.items()], -1)
        if not self.training and len(self.heads) > 1:
            shares = [self.SHARES[name] for name in self.heads]
            logits = (logits * logits.new_tensor(shares)).sum(-1, keepdim=True)
        return logits.permute(1, 2, 0), None

    @torch.no_grad()
    def shift(self, init: int, by: float) -> None:
        """Shift what one initialisation says of every pair."""
        for head in self.heads.values():
            cast(Head, head).last.bias[init] += by


class EachHead(Bernoulli):
    """The law of a label, for the logits of several heads at once: each has the same label, (B, 1, I)."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Of each head."""
        return super().loss(raw, target.expand_as(raw))
