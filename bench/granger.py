"""ConditionalGranger against statsmodels' pairwise tests: seconds, and how far the answers differ.

    python bench/run.py granger

The same samples (a stable VAR of the given size, T = 5,000, float64), the same order (5), both warm, both in this one
process with the threads the machine gives. ConditionalGranger: `fit`, all checks included, best of five. statsmodels:
`VAR(x).fit(5)`, then `test_causality(i, [j], kind="f")` for every pair (N = 10) or, where all would take hours, for as
many random pairs as the table says, scaled up.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from statsmodels.tsa.api import VAR

import synfer as sf
from run import best_seconds, write_results

LAG, N_SAMPLES = 5, 5_000


def make_series(n_units: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    coef = rng.standard_normal((n_units, n_units)) * (rng.random((n_units, n_units)) < 0.1)
    coef *= 0.8 / np.abs(np.linalg.eigvals(coef + 0.1 * np.eye(n_units))).max()
    x = rng.standard_normal((N_SAMPLES + 200, n_units))
    for t in range(1, len(x)):
        x[t] += coef @ x[t - 1]
    return x[200:]


def measure(n_units: int, n_tested: int) -> dict[str, object]:
    x = make_series(n_units)
    ours = best_seconds(lambda: sf.discover.ConditionalGranger(lag=LAG).fit(x), 6)
    searched = best_seconds(lambda: sf.discover.ConditionalGranger(lag="bic", max_lag=10).fit(x), 6)
    connectome = sf.discover.ConditionalGranger(lag=LAG).fit(x).connectome_

    start = time.perf_counter()
    fitted = VAR(x).fit(LAG, trend="c")
    fitting = time.perf_counter() - start
    pairs = [(i, j) for i in range(n_units) for j in range(n_units) if i != j]
    chosen = np.random.default_rng(1).permutation(len(pairs))[:n_tested]
    difference, testing = 0.0, 0.0
    for k in chosen:
        i, j = pairs[k]
        start = time.perf_counter()
        test = fitted.test_causality(i, [j], kind="f")
        testing += time.perf_counter() - start
        difference = max(
            difference,
            abs(float(connectome.score[i, j]) / test.test_statistic - 1),
            abs(float(connectome.pvalue[i, j]) - test.pvalue),
        )
    theirs = fitting + testing * len(pairs) / len(chosen)
    return {
        "N": n_units,
        "synfer, s": round(ours, 4),
        "with order search to 10, s": round(searched, 4),
        "statsmodels, s": round(theirs, 1),
        "pairs timed": f"{len(chosen)} of {len(pairs)}",
        "times as fast": f"{theirs / ours:,.0f}",
        "largest difference": f"{difference:.0e}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6, help="pairs that statsmodels tests at N = 40")
    arguments = parser.parse_args()
    rows = []
    for n_units, n_tested in ((10, 90), (40, arguments.pairs)):
        rows.append(measure(n_units, n_tested))
        print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("granger", "Conditional Granger causality", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
