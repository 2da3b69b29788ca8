"""Pairs of units with their images and subgraphs, from one recording or many, as the training loop takes them."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synfer.discover.d2cl.graphs import LAYOUT, Prior, prior_graph, subgraphs
from synfer.discover.d2cl.images import Correlograms, Signal, density_images
from synfer.errors import InputError, OutlierWarning, level_of_user
from synfer.forecast.windows import Windows

CACHE = 1 << 30
"""Bytes of images that are kept; where there are more, each is made when its turn comes, to the same bits."""


@dataclass(frozen=True)
class View:
    """How pairs are looked at.

    Attributes
    ----------
    image : {"density", "dependence", "correlogram"}
    lags : tuple of int
        In samples, from source to target.
    n_points, most_nodes, degree : int
    towers : str
        An image or a subgraph that no tower looks at is not made.
    layout : int
        Of a node's features, as `graphs.n_features` says.
    """

    image: str
    lags: tuple[int, ...]
    n_points: int
    most_nodes: int
    degree: int
    towers: str = "both"
    layout: int = LAYOUT

    @property
    def n_channels(self) -> int:
        """Channels of an image."""
        return 3 if self.image == "correlogram" else len(self.lags) + 2


class Population:
    """The units of one recording: their pairs' images and subgraphs.

    Parameters
    ----------
    segments : sequence of arrays (time, unit)
    view : View
    unit_ids : array (unit,)
        For messages.
    prior : array (target, source), optional
        A graph in place of the one that is made from correlations.

    Raises
    ------
    InputError
        Samples that take too few values for a grid of quantiles, or are no counts for a correlogram.
    """

    def __init__(
        self, segments: Sequence[np.ndarray], view: View, unit_ids: np.ndarray, prior: np.ndarray | None = None
    ):
        self.view, self.n_units = view, segments[0].shape[1]
        digest = hashlib.sha256(repr((view, [s.shape for s in segments])).encode())
        for segment in segments:
            digest.update(np.ascontiguousarray(segment).tobytes())
        if prior is not None:
            digest.update(np.ascontiguousarray(prior).tobytes())
        self.digest = digest.digest()
        self._signal: Signal | None = None
        self._correlograms: Correlograms | None = None
        self._prior: Prior | None = None
        if view.towers != "graph":
            if view.image == "correlogram":
                if not all(bool(((s >= 0) & (s == np.round(s))).all()) for s in segments):
                    raise InputError(
                        "X must hold counts of spikes (0, 1, 2, ...) for image='correlogram', got other values: take "
                        "image='dependence'."
                    )
                self._correlograms = Correlograms(segments, view.n_points)
            else:
                self._signal = Signal.of(segments, view.n_points)
                few = (np.diff(self._signal.grid, axis=1) > 0).sum(1) < 2
                if few.any():
                    raise InputError(
                        f"X must take more than two values for image={view.image!r}, got nearly no others in unit "
                        f"{unit_ids[few][0]}: take image='correlogram' for spikes, or drop it."
                    )
                flat = np.ptp(self._signal.grid, axis=1) < self._signal.bandwidth
                if flat.any():
                    warnings.warn(
                        f"unit {unit_ids[flat][0]} nearly always lies within one bandwidth, so that its images are "
                        "flat: a few samples are far from all others; clip them, or cut them out.",
                        OutlierWarning,
                        stacklevel=level_of_user(),
                    )
        if view.towers != "image":
            self._prior = prior_graph(segments, view.lags, view.degree, prior, layout=view.layout)

    def images(self, pairs: np.ndarray) -> np.ndarray:
        """Give images (pair, channel, point, point) of pairs (source, target); of one number where not looked at."""
        if self._correlograms is not None:
            return self._correlograms.images(pairs)
        if self._signal is not None:
            return density_images(self._signal, pairs, self.view.lags, relative=self.view.image == "dependence")
        return np.zeros((len(pairs), 1, 1, 1), dtype=np.float32)

    def graphs(self, pairs: np.ndarray) -> np.ndarray:
        """Give subgraphs (pair, node, feature + node); of one number where none is looked at."""
        if self._prior is None:
            return np.zeros((len(pairs), 1, 1), dtype=np.float32)
        return subgraphs(self._prior, pairs, self.view.most_nodes)

    def sizes(self, pairs: np.ndarray) -> np.ndarray:
        """Count the nodes of each pair's subgraph."""
        if self._prior is None:
            return np.full(len(pairs), 2)
        joined = self.graphs(pairs)[..., self._prior.n_features :]
        return np.asarray((np.diagonal(joined, axis1=1, axis2=2) > 0).sum(1))


class Pairs(Windows):
    """Labelled pairs of populations, for the training loop: what it takes for a window's start is a pair's position.

    Parameters
    ----------
    populations : sequence of Population
    of : array (pair,)
        Which population each is of.
    pairs : array (pair, 2)
        Source and target.
    labels : array (pair,)
    device : str
    cache : int
        Bytes of images that are kept.
    """

    def __init__(
        self,
        populations: Sequence[Population],
        of: np.ndarray,
        pairs: np.ndarray,
        labels: np.ndarray,
        *,
        device: str = "cpu",
        cache: int = CACHE,
    ):
        self.populations, self.of, self.pairs = list(populations), np.asarray(of), np.asarray(pairs)
        self.labels = torch.as_tensor(labels, dtype=torch.float32, device=device)
        self.length, self.device = 1, device
        # What the loop tells one fit from another by: the samples, and what is said of which pairs.
        digests = np.frombuffer(b"".join(p.digest for p in self.populations), dtype=np.uint8)
        self.series = torch.from_numpy(digests.astype(np.float32)[:, None])
        about = np.column_stack([self.of, self.pairs, np.asarray(labels)]).astype(np.float64)
        self.times = torch.from_numpy(about).to(device)
        self.series = self.series.to(device)
        self._kept: tuple[Tensor, Tensor] | None = None
        if len(self.pairs):
            one = sum(t.numel() * 4 for t in self._made(np.arange(1)))
            if one * len(self.pairs) <= cache:
                self._kept = self._made(np.arange(len(self.pairs)))

    def batch(self, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gather pairs, for each of I initialisations its own B of them, ``starts`` (B, I).

        Returns
        -------
        images : Tensor, (I, B, channel, point, point)
        graphs : Tensor, (I, B, node, feature + node)
        labels : Tensor, (B, 1, I)
        """
        at = starts.T
        flat = at.flatten()
        if self._kept is not None:
            images, graphs = (t[flat] for t in self._kept)
        else:
            images, graphs = self._made(flat.cpu().numpy())
        shape = tuple(at.shape)
        return images.unflatten(0, shape), graphs.unflatten(0, shape), self.labels[starts][:, None]

    def _made(self, at: np.ndarray) -> tuple[Tensor, Tensor]:
        images: np.ndarray | None = None
        graphs: np.ndarray | None = None
        for k in np.unique(self.of[at]):
            mine = self.of[at] == k
            seen = self.populations[k].images(self.pairs[at[mine]])
            around = self.populations[k].graphs(self.pairs[at[mine]])
            if images is None or graphs is None:
                images = np.empty((len(at), *seen.shape[1:]), dtype=np.float32)
                graphs = np.empty((len(at), *around.shape[1:]), dtype=np.float32)
            images[mine], graphs[mine] = seen, around
        assert images is not None and graphs is not None
        return torch.from_numpy(images).to(self.device), torch.from_numpy(graphs).to(self.device)
