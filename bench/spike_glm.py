"""SpikeGLM on many neurons and bins: seconds, and what it finds.

    python bench/run.py spike_glm

Spikes in bins of 1 ms from a generator of its own, plain numpy: rates exp(base + W trace) a bin, base ln .01, traces
that decay by .9 a bin and saturate at 3, a tenth of the pairs coupled by .8 or -.8, each neuron inhibiting itself by 3.
One fit each with the defaults (Poisson, p-values with it), with a ridge, with the group lasso ("bic": p-values none),
and with a covariate (of its own noise, which tells nothing), on all threads the machine gives; `processor s`: the time
of all threads together, which what else the machine does adds little to. AUROC and signs are over ordered pairs of
different neurons; `rejected`: absent edges at .05, where .05 is right; `kept` (of the group lasso): of the edges and of
the absent ones.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
import torch

import synfer as sf
from run import write_results

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "ridge": {"ridge": 1.0},
    "group lasso": {"group_lasso": "bic"},
    "covariate": {},
}


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


def measure(spikes: np.ndarray, weights: np.ndarray, name: str) -> dict[str, object]:
    n_bins, n_units = spikes.shape
    noise = np.random.default_rng(1).standard_normal((n_bins, 1)).astype(np.float32) if name == "covariate" else None
    start, used = time.perf_counter(), time.process_time()
    found = sf.discover.SpikeGLM(**VARIANTS[name]).fit(spikes, covariates=noise).connectome_
    seconds, used = time.perf_counter() - start, time.process_time() - used
    truth = sf.connectome.Connectome.from_weights(weights)
    scores = sf.evaluate.compare(found, truth)
    absent = (weights == 0) & ~np.eye(n_units, dtype=bool)
    kept = found.score.values > 0
    return {
        "units": n_units,
        "bins": n_bins,
        "fit": name,
        "threads": torch.get_num_threads(),
        "Hz": f"{1e3 * spikes.mean():.1f}",
        "seconds": f"{seconds:.1f}",
        "processor s": f"{used:.1f}",
        "AUROC": f"{scores['auroc']:.3f}",
        "signs": f"{scores['sign_accuracy']:.3f}",
        "rejected": "" if found.pvalue is None else f"{(found.pvalue.values[absent] < 0.05).mean():.3f}",
        "kept": f"{kept[weights != 0].mean():.3f}, {kept[absent].mean():.4f}" if name == "group lasso" else "",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="without 100 units of 1,000,000 bins")
    parser.add_argument("--fit", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    rows = []
    for size in [(20, 200_000)] + [(100, 1_000_000)] * (not options.small):
        spikes, weights = make_spikes(*size)
        for name in options.fit:
            rows.append(measure(spikes, weights, name))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    text = (__doc__ or "").replace("\n    python bench/run.py spike_glm\n", "")
    write_results("spike_glm", "Regression of spike trains", text, table)


if __name__ == "__main__":
    main()
