"""Synformer's p-values of short recordings: units that nothing drives, by defaults and of the samples it learnt from.

    python bench/run.py short [--recordings 3]

Independent units: `gaussian`, autoregressive with .8 (300 samples before them left out); `bernoulli`, an event in a
sample with probability .03. One initialisation, else defaults. `to a parameter`: samples of all units together (events,
of counts) over the numbers of the response beside the attention. Shares of all pairs with p < .05 and p < .001, of the
recordings together, where .05 and .001 would be right: `same`, tested on the samples that responses were learnt from
(`cross_fit=False`); `auto`, the default, and what it is `of`: halves, the
whole, or none, where there are no p-values.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
import torch
from scipy.signal import lfilter

import synfer as sf
from run import write_results
from synfer.discover.cross_fit import parameters_of
from synfer.errors import ResolutionWarning

CASES = [
    ("gaussian", 8, 200), ("gaussian", 5, 1000), ("gaussian", 5, 4000), ("gaussian", 20, 600), ("gaussian", 20, 1500),
    ("bernoulli", 5, 2000), ("bernoulli", 5, 10000), ("bernoulli", 20, 3000),
]  # fmt: skip


def recording(law: str, n_units: int, n_samples: int, seed: int) -> np.ndarray:
    """Units that know nothing of each other, (time, unit)."""
    rng = np.random.default_rng(seed)
    if law == "bernoulli":
        return (rng.random((n_samples, n_units)) < 0.03).astype(float)
    return np.asarray(lfilter([1.0], [1.0, -0.8], rng.normal(size=(n_samples + 300, n_units)), axis=0)[300:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ResolutionWarning)
    rows = []
    for law, n_units, n_samples in CASES:
        line: dict[str, object] = {"law": law, "units": n_units, "samples": n_samples}
        for name, crossed in (("same", False), ("auto", "auto")):
            found, of = [], set()
            for seed in range(arguments.recordings):
                x = recording(law, n_units, n_samples, seed)
                fit = sf.discover.Synformer(1, likelihood=law, cross_fit=crossed, progress=False, random_state=0).fit(x)
                pvalue = fit.connectome_.pvalue.values[~np.eye(n_units, dtype=bool)]
                found.append(pvalue)
                of.add("none" if np.isnan(pvalue).all() else "halves" if fit.cross_fitted_ else "whole")
                told = x.size if law == "gaussian" else x.sum()
                line["to a parameter"] = round(float(told / parameters_of(fit.forecaster_)), 1)
            known = np.concatenate(found)
            known = known[~np.isnan(known)]
            for level in (0.05, 0.001):
                line[f"{name}, p < {level:g}"] = f"{(known < level).mean():.3f}" if len(known) else "-"
            if name == "auto":
                line["of"] = ", ".join(sorted(of))
        rows.append(line)
        print(line, flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("short", "Short recordings without edges", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
