"""Systems small enough to learn in a second."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import D2CL


@pytest.fixture(scope="session")
def driven():
    """Samples of 2 n units, the even ones driving the next: driven(n, n_samples, seed), and the truth."""
    return _driven


@pytest.fixture(scope="session")
def told():
    """Known edges and non-edges, a share of all: told(truth, share, seed)."""
    return _told


@pytest.fixture
def quick():
    """An estimator whose training takes a second or two, with other parameters: quick(towers="graph")."""
    return _quick


def _driven(n, n_samples=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_samples, 2 * n))
    x[:, 1::2] = x[:, ::2] ** 2 + 0.3 * x[:, 1::2]  # no correlation, and one cannot tell the source's sign
    weight = np.zeros((2 * n, 2 * n))
    weight[np.arange(1, 2 * n, 2), np.arange(0, 2 * n, 2)] = 1.0
    return x, Connectome.from_weights(weight)


def _told(truth, share, seed=0):
    """Of pairs with an edge, and of the others, a share each; of a pair both ways, or neither."""
    rng = np.random.default_rng(seed)
    edge = truth.score.to_numpy() > 0
    upper = np.argwhere(np.triu(np.ones(edge.shape, dtype=bool), 1))
    joined = np.array([edge[i, j] or edge[j, i] for i, j in upper])
    told = np.zeros(edge.shape, dtype=bool)
    for kind in (upper[joined], upper[~joined]):
        some = rng.permutation(kind)[: round(share * len(kind))]
        told[some[:, 0], some[:, 1]] = told[some[:, 1], some[:, 0]] = True
    return tuple([(int(s), int(t)) for t, s in np.argwhere(told & kind)] for kind in (edge, ~edge))


def _quick(**changed):
    settings = {
        "max_epochs": 8,
        "patience": 12,
        "learning_rate": 3e-3,
        "batch_size": 16,
        "progress": False,
        "random_state": 0,
    }
    return D2CL(**(settings | changed))
