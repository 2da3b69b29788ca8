"""What methods say of a chain and of a common driver, seen clearly and through noise: the documented limits.

    python bench/run.py limits [--realisations 200]

Three units, 2,000 samples, own memory .4, Gaussian innovations of variance 1. Chain: x -> y -> z, each .5 over one lag.
Common driver: x -> y .5 over one lag, x -> z .5 over two, so that y is ahead of z and drives nothing. `noisy`: white
noise of each unit's own variance is added to what is seen. Shares of the realisations in which the pair has p < .05:
of true edges this is power (higher is better), of `absent` pairs .05 would be right. Each method with its defaults.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd

import synfer as sf
from run import write_results

METHODS = (
    "cross_correlation",
    "partial_correlation",
    "transfer_entropy",
    "pairwise_granger",
    "conditional_granger",
    "mvgc",
)
TRUE = {"chain": ["x -> y", "y -> z"], "common driver": ["x -> y", "x -> z"]}
ABSENT = {"chain": ["x -> z", "y -> x", "z -> y"], "common driver": ["y -> z", "z -> y", "y -> x"]}


def make(system: str, noisy: bool, seed: int) -> np.ndarray:
    """Samples (time, unit), units x, y, z."""
    coefficients = np.zeros((2, 3, 3))  # (lag, target, source)
    coefficients[0] = 0.4 * np.eye(3)
    coefficients[0, 1, 0] = 0.5
    if system == "chain":
        coefficients[0, 2, 1] = 0.5
    else:
        coefficients[1, 2, 0] = 0.5
    network = sf.simulate.var_network(coefficients, dt=1.0)
    seen = sf.simulate.run(network, 2000.0, dt=1.0, initial_state="stationary", record="x", seed=seed)["x"]
    x = np.asarray(seen, dtype=np.float64)
    return x + noisy * np.random.default_rng(seed).standard_normal(x.shape) * x.std(axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--realisations", type=int, default=200)
    n = parser.parse_args().realisations

    rows = []
    for system in TRUE:
        for noisy in (False, True):
            recordings = [make(system, noisy, seed) for seed in range(n)]
            for method in METHODS:
                rejected = np.zeros((3, 3))
                for x in recordings:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", sf.errors.SynferWarning)
                        rejected += sf.discover.create(method).fit(x).connectome_.pvalue.values < 0.05
                share = {f"{a} -> {b}": rejected["xyz".index(b), "xyz".index(a)] / n for a in "xyz" for b in "xyz"}
                rows.append(
                    {
                        "system": system,
                        "seen": "noisy" if noisy else "clearly",
                        "method": method,
                        "true edges": ", ".join(f"{pair} {share[pair]:.2f}" for pair in TRUE[system]),
                        "absent": ", ".join(f"{pair} {share[pair]:.2f}" for pair in ABSENT[system]),
                    }
                )
                print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("limits", "Chains, common drivers and noise", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
