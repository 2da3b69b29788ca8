"""A prior graph from the data, and of each pair the enclosing subgraph, its nodes labelled by their place in it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage

from synfer.errors import ShapeError

LABELS = 6
"""Labels that are told apart: 0 (out of reach), 1 (the pair), 2 .. 4 (by distances), 5 (that, and all further ones)."""

LAYOUTS = {1: 11, 2: 21}
"""Layouts of what a node says beside its label, and of how many numbers: see `n_features`. 1 is read from old files."""

LAYOUT = 2

_SHRUNK = (0.01, 0.9)  # of nothing, which Ledoit and Wolf leave of weak correlations, no pair is more than others


def n_features(layout: int = LAYOUT) -> int:
    """Count a node's features.

    Its label, one-hot; whether it is source or target; its associations with each; the magnitudes of these (with few
    known pairs that a sign is no matter would have to be learnt first); in layout 2 these again in units of what most
    pairs have, for what is much among 500 units and 500 samples is little among 50; and how much of it the others do
    not explain.
    """
    return LABELS + LAYOUTS[layout]


@dataclass(frozen=True)
class Prior:
    """A graph to begin with, made from the samples alone, and the associations that it was made from.

    Attributes
    ----------
    neighbours : list of numpy.ndarray
        Of each unit, those that it is joined with, the strongest first.
    associations : numpy.ndarray, (kind, target, source), float32
        Correlation of largest magnitude over the lags: plain; partial, given all units at the source's time; in layout
        2 a third, partial given half of what is known of the others.
    unexplained : numpy.ndarray, (unit,), float32
        Logarithm of the share of a unit's variance that all others leave; in layout 2 less the median unit's.
    spread : numpy.ndarray, (kind,), or None
        Standard deviation of each association over most pairs (the median magnitude over .6745); None in layout 1.
    """

    neighbours: list[np.ndarray]
    associations: np.ndarray
    unexplained: np.ndarray
    spread: np.ndarray | None = None

    @property
    def plain(self) -> np.ndarray:
        """Correlations (target, source)."""
        return np.asarray(self.associations[0])

    @property
    def partial(self) -> np.ndarray:
        """Partial correlations (target, source)."""
        return np.asarray(self.associations[1])

    @property
    def n_features(self) -> int:
        """Features of a node."""
        return n_features(1 if self.spread is None else 2)

    @cached_property
    def joined(self) -> np.ndarray:
        """The graph as a matrix (unit, unit) of bool."""
        out = np.zeros((len(self.neighbours),) * 2, dtype=bool)
        for unit, others in enumerate(self.neighbours):
            out[unit, others] = True
        return out

    @cached_property
    def strongest(self) -> np.ndarray:
        """Each unit's neighbours, the strongest first, (unit, most neighbours), filled up with -1."""
        out = np.full((len(self.neighbours), max(1, *(len(n) for n in self.neighbours))), -1)
        for unit, others in enumerate(self.neighbours):
            out[unit, : len(others)] = others
        return out


def prior_graph(
    segments: Sequence[np.ndarray],
    lags: Sequence[int],
    degree: int,
    given: np.ndarray | None = None,
    *,
    shrinkage: float | None = None,
    layout: int = LAYOUT,
) -> Prior:
    """Join each unit with those that it is associated with most.

    Partial correlations are of ``(1 - a) C + a I``, C the correlations. Too small an ``a`` and with as many units as
    samples they are mostly noise, in which plain correlations show more; so ``a`` is Ledoit's and Wolf's, the one whose
    matrix is nearest to the true one, by the samples themselves. The third kind is halfway from there to none shared,
    ``(1 + a) / 2``: where effects are not linear, what linear regression takes away for others is too much.

    Parameters
    ----------
    segments : sequence of arrays (time, unit)
    lags : sequence of int
        In samples, from source to target.
    degree : int
        Partners that each unit chooses; chosen by one side, a pair is joined.
    given : array (target, source), optional
        A graph known from elsewhere, not 0 where there is an edge, in place of the choice.
    shrinkage : float, optional
        ``a``; default Ledoit's and Wolf's, within 0.01 and 0.9.
    layout : {1, 2}
        1: partial correlations of ``C + max(0.01, sqrt(units / samples) / 10) I``, for models from old files.

    References
    ----------
    O. Ledoit and M. Wolf, A well-conditioned estimator for large-dimensional covariance matrices, Journal of
    Multivariate Analysis 88, 365-411 (2004).
    """
    samples = np.concatenate([np.asarray(s, dtype=np.float64) for s in segments])
    mean, scale = samples.mean(0), samples.std(0)
    n, n_units = samples.shape
    z = (samples - mean) / scale
    correlation = z.T @ z / n
    if layout == 1:
        precisions = [np.linalg.inv(correlation + max(0.01, 0.1 * np.sqrt(n_units / n)) * np.eye(n_units))]
    else:
        a = float(np.clip(ledoit_wolf_shrinkage(z, assume_centered=True), *_SHRUNK)) if shrinkage is None else shrinkage
        precisions = [
            np.linalg.inv((1.0 - share) * correlation + share * np.eye(n_units)) for share in (a, (1.0 + a) / 2.0)
        ]
    found = np.zeros((1 + len(precisions), n_units, n_units))
    for lag in lags:
        products = np.zeros((n_units, n_units))
        for segment in segments:
            z = (segment - mean) / scale
            if len(z) > lag:
                products += z[lag:].T @ z[: len(z) - lag]
        lagged = products / n
        kinds = [lagged, *(_partial(precision, lagged if lag else None) for precision in precisions)]
        for kind, now in enumerate(kinds):
            found[kind] = np.where(np.abs(now) > np.abs(found[kind]), now, found[kind])
    found[:, np.arange(n_units), np.arange(n_units)] = 0.0
    plain = found[0]
    strength = np.maximum(np.abs(plain), np.abs(plain).T)
    if given is None:
        chosen = np.zeros((n_units, n_units), dtype=bool)
        best = np.argsort(-strength, axis=1, kind="stable")[:, : min(degree, n_units - 1)]
        np.put_along_axis(chosen, best, True, axis=1)
    else:
        if given.shape != (n_units, n_units):
            raise ShapeError(f"prior must be (target, source) of X's {n_units} units, got {given.shape}.")
        chosen = np.nan_to_num(given) != 0
    chosen |= chosen.T
    np.fill_diagonal(chosen, False)
    neighbours = []
    for unit in range(n_units):
        mine = np.flatnonzero(chosen[unit])
        neighbours.append(mine[np.argsort(-strength[unit, mine], kind="stable")])
    left = -np.log(np.diag(precisions[0]))
    spread = None
    if layout > 1:
        left -= np.median(left)
        others = ~np.eye(n_units, dtype=bool)
        spread = np.maximum([np.median(np.abs(kind[others])) / 0.6745 for kind in found], 1e-6)
    return Prior(neighbours, found.astype(np.float32), left.astype(np.float32), spread)


def _partial(precision: np.ndarray, lagged: np.ndarray | None) -> np.ndarray:
    """Give correlations (target, source) given all other units, at the same time or, target's later, at the source's.

    With b the coefficients of the target's later value on all units, s what they leave of it, and P the precision,
    ``r = t / sqrt(1 + t^2)``, ``t = b / sqrt(s P_source)``.
    """
    if lagged is None:
        root = np.sqrt(np.diag(precision))
        return np.asarray(-precision / np.outer(root, root))
    b = lagged @ precision
    left = np.maximum(1.0 - (b * lagged).sum(1), 1e-6)
    t = b / np.sqrt(np.outer(left, np.diag(precision)))
    return np.asarray(t / np.sqrt(1.0 + t**2))


def distance_labels(to_source: np.ndarray, to_target: np.ndarray) -> np.ndarray:
    """Label nodes by their distances from the two of a pair (double-radius node labelling).

        1 + min(d_s, d_t) + (d // 2) (d // 2 + d % 2 - 1),    d = d_s + d_t,

    1 for the pair itself, 0 where one of the two cannot be reached.

    Parameters
    ----------
    to_source, to_target : array (node,)
        Each measured with the other of the two taken away; inf where there is no path.

    References
    ----------
    M. Zhang and Y. Chen, Link prediction based on graph neural networks, NeurIPS 2018.
    """
    to_source, to_target = np.asarray(to_source, dtype=float), np.asarray(to_target, dtype=float)
    reached = np.isfinite(to_source) & np.isfinite(to_target)
    a, b = np.where(reached, to_source, 0).astype(int), np.where(reached, to_target, 0).astype(int)
    total = a + b
    label = 1 + np.minimum(a, b) + (total // 2) * (total // 2 + total % 2 - 1)
    return np.where((to_source == 0) | (to_target == 0), 1, np.where(reached, label, 0))


def enclosing(prior: Prior, source: int, target: int, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the subgraph of a pair and its neighbours out of a graph; the pair's own edge is taken away.

    Returns
    -------
    nodes : numpy.ndarray, (node,)
        Units, source and target first, then neighbours, of either in turn, the strongest first: no more than ``most``.
    joined : numpy.ndarray, (node, node) of bool
    labels : numpy.ndarray, (node,)
        As `distance_labels` gives them.
    """
    nodes = [source, target]
    here = {source, target}
    ours, theirs = prior.neighbours[source], prior.neighbours[target]
    for k in range(max(len(ours), len(theirs))):
        for side in (ours, theirs):
            if k < len(side) and int(side[k]) not in here and len(nodes) < most:
                here.add(int(side[k]))
                nodes.append(int(side[k]))
    place = {unit: k for k, unit in enumerate(nodes)}
    joined = np.zeros((len(nodes), len(nodes)), dtype=bool)
    for k, unit in enumerate(nodes):
        joined[k, [place[other] for other in prior.neighbours[unit].tolist() if other in place]] = True
    joined |= joined.T
    joined[0, 1] = joined[1, 0] = False
    labels = distance_labels(_distances(joined, 0, without=1), _distances(joined, 1, without=0))
    return np.array(nodes), joined, labels


def _distances(joined: np.ndarray, start: int, without: int) -> np.ndarray:
    """Count steps from a node to all others, never through one that is taken away."""
    found = np.full(len(joined), np.inf)
    found[start] = 0
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for other in np.flatnonzero(joined[node]).tolist():
            if other != without and np.isinf(found[other]):
                found[other] = found[node] + 1
                waiting.append(other)
    return found


def subgraphs(prior: Prior, pairs: np.ndarray, most: int) -> np.ndarray:
    """Give each pair's subgraph as one array, node by node: features, then what each node hears of the others.

    Parameters
    ----------
    prior : Prior
    pairs : array (pair, 2)
        Positions of source and target.
    most : int
        Nodes of a subgraph; smaller ones are filled up with nodes that are all 0.

    Returns
    -------
    numpy.ndarray, (pair, most, feature + most), float32
        Features: the label, one-hot; is source; is target; of each kind of association that with the source and that
        with the target; magnitudes of these; in layout 2 asinh of these over the kind's spread; what the others leave
        unexplained. Then the adjacency with self-loops. An empty node has neither, which is how it is known.
    """
    nodes, there = _nodes(prior, np.asarray(pairs), most)
    joined = prior.joined[nodes[:, :, None], nodes[:, None, :]] & there[:, :, None] & there[:, None, :]
    joined[:, 0, 1] = joined[:, 1, 0] = False
    labels = distance_labels(_all_distances(joined, 0, without=1), _all_distances(joined, 1, without=0))
    out = np.zeros((len(nodes), most, prior.n_features + most), dtype=np.float32)
    np.put_along_axis(out, np.minimum(labels, LABELS - 1)[..., None], 1.0, axis=2)
    out[:, 0, LABELS] = out[:, 1, LABELS + 1] = 1.0
    source, target = nodes[:, :1], nodes[:, 1:2]
    n_kinds = len(prior.associations)
    signed = out[..., LABELS + 2 : LABELS + 2 + 2 * n_kinds]
    for k, kind in enumerate(prior.associations):
        signed[..., 2 * k] = kind[nodes, source]
        signed[..., 2 * k + 1] = kind[target, nodes]
    first = LABELS + 2 + 2 * n_kinds
    magnitudes = out[..., first : first + 2 * n_kinds]
    np.abs(signed, out=magnitudes)
    if prior.spread is not None:
        first += 2 * n_kinds
        np.arcsinh(
            magnitudes / np.repeat(prior.spread, 2).astype(np.float32), out=out[..., first : first + 2 * n_kinds]
        )
    out[..., prior.n_features - 1] = prior.unexplained[nodes]
    out[..., prior.n_features :] = joined | np.eye(most, dtype=bool)
    out[~there] = 0.0
    return out


def _nodes(prior: Prior, pairs: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the nodes of each pair's subgraph, (pair, most), and which of them are there."""
    # Of either side the first ``most`` will do: they fill a subgraph by themselves.
    ours, theirs = (prior.strongest[column, :most] for column in pairs.T)
    among = np.stack([ours, theirs], axis=2).reshape(len(pairs), 2 * ours.shape[1])  # of either in turn
    new = (among >= 0) & (among != pairs[:, :1]) & (among != pairs[:, 1:])
    earlier = np.tri(among.shape[1], k=-1, dtype=bool)
    new &= ~((among[:, :, None] == among[:, None, :]) & earlier).any(2)
    order = np.argsort(~new, axis=1, kind="stable")[:, : most - 2]
    nodes = np.zeros((len(pairs), most), dtype=np.int64)
    there = np.zeros((len(pairs), most), dtype=bool)
    nodes[:, :2], there[:, :2] = pairs, True
    width = order.shape[1]
    there[:, 2 : 2 + width] = np.take_along_axis(new, order, axis=1)
    nodes[:, 2 : 2 + width] = np.where(there[:, 2 : 2 + width], np.take_along_axis(among, order, axis=1), 0)
    return nodes, there


def _all_distances(joined: np.ndarray, start: int, without: int) -> np.ndarray:
    """Count steps from node ``start`` of each graph (graph, node, node) to all others, as `_distances` does of one."""
    open_ = joined.astype(np.float32)
    open_[:, without] = open_[:, :, without] = 0.0
    found = np.full(joined.shape[:2], np.inf)
    found[:, start] = 0
    at = np.zeros(joined.shape[:2], dtype=np.float32)
    at[:, start] = 1.0
    for step in range(1, joined.shape[1]):
        at = ((open_ @ at[..., None])[..., 0] > 0) & np.isinf(found)
        if not at.any():
            break
        found[at] = step
        at = at.astype(np.float32)
    return found


def subgraphs_reference(prior: Prior, pairs: np.ndarray, most: int) -> np.ndarray:
    """Do what `subgraphs` does, pair by pair and step by step."""
    out = np.zeros((len(pairs), most, prior.n_features + most), dtype=np.float32)
    for one, (source, target) in zip(out, np.asarray(pairs).tolist(), strict=True):
        nodes, joined, labels = enclosing(prior, source, target, most)
        n = len(nodes)
        for row, node, label in zip(one, nodes.tolist(), labels.tolist(), strict=False):
            associations = [a for kind in prior.associations for a in (kind[node, source], kind[target, node])]
            said = [float(k == min(label, LABELS - 1)) for k in range(LABELS)]
            said += [float(node == source), float(node == target)]
            said += associations
            said += [abs(a) for a in associations]
            if prior.spread is not None:
                said += [math.asinh(abs(a) / prior.spread[k // 2]) for k, a in enumerate(associations)]
            said.append(prior.unexplained[node])
            row[: prior.n_features] = said
        one[:n, prior.n_features : prior.n_features + n] = joined | np.eye(n, dtype=bool)
    return out
