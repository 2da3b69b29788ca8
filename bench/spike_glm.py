"""SpikeGLM on many neurons and bins: seconds, and what it finds.

    python bench/run.py spike_glm

Spikes in bins of 1 ms from a generator of its own, plain numpy: rates exp(base + W trace) a bin, base ln .01, traces
that decay by .9 a bin and saturate at 3, a tenth of the pairs coupled by .8 or -.8, each neuron inhibiting itself by 3.
One fit with the defaults (Poisson, p-values with it) on all threads the machine gives. AUROC and signs are over ordered
pairs of different neurons; rejections are of absent edges at .05, where .05 is right.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
import torch

import synfer as sf
from run import write_results


def make_spikes(n_units: int, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes (bin, unit) and couplings (target, source)."""
    rng = np.random.default_rng(0)
    weights = (rng.random((n_units, n_units)) < 0.1) * rng.choice([0.8, -0.8], (n_units, n_units))
    np.fill_diagonal(weights, -3.0)
    spikes, trace = np.zeros((n_bins, n_units), np.float32), np.zeros(n_units)
    for t in range(n_bins):
        spikes[t] = rng.random(n_units) < np.minimum(0.01 * np.exp(weights @ trace), 0.5)
        trace = np.minimum(0.9 * trace + spikes[t], 3.0)
    np.fill_diagonal(weights, 0.0)
    return spikes, weights


def measure(n_units: int, n_bins: int) -> dict[str, object]:
    spikes, weights = make_spikes(n_units, n_bins)
    start = time.perf_counter()
    found = sf.discover.SpikeGLM().fit(spikes).connectome_
    seconds = time.perf_counter() - start
    truth = sf.connectome.Connectome.from_weights(weights)
    scores = sf.evaluate.compare(found, truth)
    assert found.pvalue is not None
    absent = (weights == 0) & ~np.eye(n_units, dtype=bool)
    return {
        "units": n_units,
        "bins": n_bins,
        "threads": torch.get_num_threads(),
        "Hz": f"{1e3 * spikes.mean():.1f}",
        "seconds": f"{seconds:.1f}",
        "AUROC": f"{scores['auroc']:.3f}",
        "signs": f"{scores['sign_accuracy']:.3f}",
        "rejected": f"{(found.pvalue.values[absent] < 0.05).mean():.3f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="without 100 units of 1,000,000 bins")
    options = parser.parse_args()
    sizes = [(20, 200_000)] + [(100, 1_000_000)] * (not options.small)
    table = pd.DataFrame([measure(*size) for size in sizes])
    text = (__doc__ or "").replace("\n    python bench/run.py spike_glm\n", "")
    write_results("spike_glm", "Regression of spike trains", text, table)


if __name__ == "__main__":
    main()
