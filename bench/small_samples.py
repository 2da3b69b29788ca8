"""P-values of regressions where samples are few for their coefficients: pairs without an edge.

    python bench/run.py small_samples [--tests 30000]

`ar`: independent units, x(t) = .8 x(t-1) + e(t); `connected`: the pairs without an edge of autoregressions of as many
lags as are fitted (two where a criterion chooses of 1 .. 10), each source acting with probability .15, spectral radius
.9. 300 samples before them are left out. `coefficients`: those of a unit, of the highest order, over the rows. Shares
of `tests` pairs with p < .05 and p < .001, where .05 and .001 would be right. `refused`: recordings whose fit is not
stable and has no p-values. By the gamma law that MVGC had until 2026-11-27, which takes residual variances to be known,
20 units of 300 samples and 5 lags had .18 to .21 and .016 to .024.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd

import synfer as sf
from run import write_results
from synfer.errors import SynferWarning

CASES: list[tuple[int, int, int | str]] = [
    (300, 20, 5), (300, 5, 5), (1000, 20, 5), (500, 10, 2), (5000, 10, 2), (130, 20, 5), (60, 5, 5), (300, 20, "aic"),
    (300, 5, "aic"), (500, 10, "aic"), (1000, 20, "aic"),
]  # fmt: skip
MAX_LAG = 10
BEFORE = 300  # samples


def system(kind: str, n_units: int, n_lags: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (lag, target, source), and which pairs have an edge or are a unit with itself."""
    edge = np.eye(n_units, dtype=bool)
    if kind == "ar":
        return np.concatenate([0.8 * np.eye(n_units)[None], np.zeros((n_lags - 1, n_units, n_units))]), edge
    edge |= rng.random((n_units, n_units)) < 0.15
    coef = rng.normal(size=(n_lags, n_units, n_units)) * edge
    companion = np.eye(n_units * n_lags, k=-n_units)
    companion[:n_units] = np.concatenate(coef, axis=1)
    radius = np.abs(np.linalg.eigvals(companion)).max()
    return coef * (0.9 / radius) ** np.arange(1, n_lags + 1)[:, None, None], edge


def samples(coef: np.ndarray, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Of the process, (time, unit)."""
    n_lags, n_units, _ = coef.shape
    flat, x = np.concatenate(coef, axis=1), rng.standard_normal((n_samples + BEFORE, n_units))
    for t in range(n_lags, len(x)):
        x[t] += flat @ x[t - n_lags : t][::-1].ravel()
    return x[BEFORE:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=30_000)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SynferWarning)
    rows = []
    for n_samples, n_units, lag in CASES:
        methods = {
            "mvgc": sf.discover.MVGC(lag, MAX_LAG),
            "mvgc ols": sf.discover.MVGC(lag, MAX_LAG, regression="ols"),
            "conditional_granger": sf.discover.ConditionalGranger(lag, MAX_LAG),
        }
        highest = lag if isinstance(lag, int) else MAX_LAG
        n_recordings = -(-arguments.tests // (n_units * (n_units - 1)))
        for kind in ("ar", "connected"):
            found: dict[str, list[np.ndarray]] = {name: [] for name in methods}
            refused = dict.fromkeys(methods, 0)
            for seed in range(n_recordings):
                rng = np.random.default_rng(seed)
                coef, edge = system(kind, n_units, lag if isinstance(lag, int) else 2, rng)
                x = samples(coef, n_samples, rng)
                for name, method in methods.items():
                    pvalue = method.fit(x).connectome_.pvalue
                    refused[name] += pvalue is None
                    if pvalue is not None:
                        found[name].append(pvalue.values[~edge])
            for name in methods:
                known = np.concatenate(found[name])
                rows.append({
                    "samples": n_samples, "units": n_units, "lag": lag, "kind": kind, "method": name,
                    "coefficients": round((n_units * highest + 1) / (n_samples - highest), 2),
                    "tests": f"{len(known):,}", "p < 0.05": f"{(known < 0.05).mean():.4f}",
                    "p < 0.001": f"{(known < 0.001).mean():.5f}", "refused": refused[name],
                })  # fmt: skip
                print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("small_samples", "P-values of regressions on few samples", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
