"""Systems and networks of D2CL's benchmark, and what is told and asked of each.

The lessons' seeds (50,000 and on) are none of those that are asked about (1 to 3 by default).
"""

from __future__ import annotations

import argparse

import numpy as np

import synfer as sf

N_SAMPLES = 500
SEEN = 20  # units of a network of spiking neurons
SCHOOL = (30, 300)  # variables of a system that is learnt from
TOLD = 75  # edges, at most, that are told of one
REVERSES, OTHERS = 0.2, 3.0  # non-edges that are told for each: edges turned round, and pairs that are none either way
MOST_ASKED = 10_000  # non-edges that are asked for, above 100 variables


def lesson(k: int, arguments: argparse.Namespace, truth: str) -> tuple[np.ndarray, sf.Connectome]:
    """Samples of a system to learn from, and what is told of it: some edges, few of their reverses, and others.

    Most pairs of a large system are no edge either way. Where as many reverses as others are told, what is learnt is
    to tell an edge from its reverse first, and doubtful directions come to lie below pairs that are none at all.
    """
    rng = np.random.default_rng([k, 4])
    n = round(float(np.exp(rng.uniform(*np.log(SCHOOL)))))
    system = sf.simulate.structural_equations(
        n,
        kind=arguments.kind[k % len(arguments.kind)],
        degree=rng.uniform(1.0, 3.0),
        snr=10 ** rng.uniform(-1.0, 1.0),
        n_hidden=hidden_of(n, arguments),
        seed=50_000 + k,
    )
    edge = getattr(system, truth).score.to_numpy() > 0
    edges = rng.permutation(np.argwhere(edge))[:TOLD]
    turned = rng.permutation(edges[:, ::-1])[: round(REVERSES * len(edges))]
    none = rng.permutation(np.argwhere(~edge & ~edge.T & ~np.eye(n, dtype=bool)))[: round(OTHERS * len(edges))]
    label = np.full((n, n), np.nan)
    for pairs in (edges, turned, none):
        label[pairs[:, 0], pairs[:, 1]] = edge[pairs[:, 0], pairs[:, 1]]
    return system.sample(N_SAMPLES, seed=60_000 + k), sf.Connectome(label)


def hidden_of(n_units: int, arguments: argparse.Namespace) -> int:
    """Give the variables that are not seen, a share of those that are."""
    return round(arguments.hidden * n_units)


def some_of(edge: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    """Choose pairs (source, target) among those that are asked for: all edges, and no more others than can be paid."""
    pairs = np.array([(s, t) for s in asked for t in asked if s != t])
    is_edge = edge[pairs[:, 1], pairs[:, 0]]
    others = np.random.default_rng([seed, 6]).permutation(pairs[~is_edge])[:MOST_ASKED]
    return np.concatenate([pairs[is_edge], others])


def spikes(p: float, weight: float, seed: int, n_units: int) -> tuple[sf.Recording, sf.Connectome]:
    """Twenty units of a network of Izhikevich's, four fifths excitatory, and who of them drives whom."""
    network = sf.simulate.izhikevich_network(4 * n_units // 5, n_units // 5, p, weight=weight, seed=seed)
    recording = sf.simulate.run(network, duration=60.0, record="spikes", seed=seed)
    seen = np.sort(np.random.default_rng([seed, 5]).permutation(n_units)[:SEEN])
    edge = network.connectome.score.to_numpy()[np.ix_(seen, seen)]
    return recording.isel(unit=seen), sf.Connectome.from_weights(edge, unit_ids=recording.unit_ids[seen])


def drawn(seed: int, k: int) -> tuple[float, float]:
    """Density and weight of a network that is learnt from: the same for every tower, and after a break."""
    rng = np.random.default_rng([seed, 3, k])
    return rng.uniform(0.2, 0.35) if k % 2 else rng.uniform(0.45, 0.6), rng.uniform(3.0, 8.0)
