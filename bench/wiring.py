"""Wirings of 100,000 units, some 100 inputs each: seconds and memory.

    python bench/run.py wiring

Two that users bring (made before the clock runs; networkx's graph of 10,000 units), and the ring attractor, which is
all to all and so has 4,000 units and is a matrix. The others are edge lists (source, target, score, weight, in 32 bytes
an edge; 40 with delays). Each in a process of its own: the processor's time (they use one thread), the shorter of two,
and how far the peak of the process's memory rose meanwhile.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import networkx as nx
import numpy as np
import pandas as pd
import scipy.sparse

from run import write_results
from synfer import simulate
from synfer.connectome import Connectome

N_EXC, N_INH = 80_000, 20_000
CASES: dict[str, Callable[[], Connectome]] = {
    "erdos_renyi, p = 0.001": lambda: simulate.erdos_renyi(N_EXC, N_INH, 0.001),
    "fixed_in_degree, 100": lambda: simulate.fixed_in_degree(N_EXC, N_INH, 100),
    "fixed_in_degree, (80, 20), log-normal weights, uniform delays": lambda: simulate.fixed_in_degree(
        N_EXC, N_INH, (80, 20), weight=simulate.LogNormal(1.0, 1.0), delay=simulate.UniformDelay(1e-3, 5e-3)
    ),
    "small_world, k = 100, p = 0.1": lambda: simulate.small_world(N_EXC, N_INH, 100, 0.1),
    "scale_free, m = 100": lambda: simulate.scale_free(N_EXC, N_INH, 100),
    "distance_dependent, exponential, length 0.03 of the side, delays by distance": lambda: simulate.distance_dependent(
        N_EXC, N_INH, 0.2, 0.03, delay=simulate.DistanceDelay(100.0, 1e-3)
    ),
    "distance_dependent, gaussian, a torus": lambda: simulate.distance_dependent(
        N_EXC, N_INH, 0.1, 0.04, profile="gaussian", periodic=True
    ),
    "clustered, 80 clusters": lambda: simulate.clustered(N_EXC, N_INH, 80, 0.02, 0.0008),
    "ring_attractor, 4,000 units, all to all": lambda: simulate.ring_attractor(4000, 0.01),
    "from_matrix, a scipy.sparse matrix": lambda: simulate.from_matrix(MATRIX[0]),
    "from_networkx, 10,000 units": lambda: simulate.from_networkx(GRAPH[0], weight=1.0),
    "by_cell_type, two types, log-normal weights": lambda: simulate.by_cell_type(
        {"Pyr": N_EXC, "Pvalb": N_INH}, [[0.0008, 0.002], [0.001, 0.002]], [[1, -4], [2, -3]], weight_cv=0.5
    ),
}


# What users bring is made before the clock runs.
MATRIX: list[scipy.sparse.csr_array] = []
GRAPH: list[nx.DiGraph] = []


def measure(name: str) -> dict[str, float]:
    if name.startswith("from_matrix"):
        n, rng = N_EXC + N_INH, np.random.default_rng(0)
        pairs = rng.integers(0, n, (2, 100 * n))
        MATRIX.append(scipy.sparse.csr_array((rng.random(100 * n), (pairs[0], pairs[1])), shape=(n, n)))
    elif name.startswith("from_networkx"):
        GRAPH.append(nx.fast_gnp_random_graph(10_000, 0.01, seed=0, directed=True))
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    connectome = CASES[name]()
    seconds = time.process_time() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return {"edges": connectome.score.size, "seconds": seconds, "bytes": peak}


def measured(name: str) -> dict[str, float]:
    """Measure in a fresh process, forked, so that nothing is imported again."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(measure, (name,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    rows = []
    for name in CASES:
        best = min((measured(name) for _ in range(2)), key=lambda run: run["seconds"])
        rows.append(
            {
                "": name,
                "edges": f"{best['edges']:,}",
                "s": f"{best['seconds']:.1f}",
                "peak, GB": f"{best['bytes'] / 1e9:.2f}",
                "bytes an edge": round(best["bytes"] / best["edges"]),
            }
        )
    text = (__doc__ or "").replace("\n    python bench/run.py wiring\n", "")
    write_results("wiring", "Wirings", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
