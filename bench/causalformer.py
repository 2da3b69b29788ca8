"""Causalformer: seconds an epoch an initialisation, beside the published code's.

    python bench/run.py causalformer

An epoch is the paper's: 2,994 training windows in batches of 16, then 998 validation windows without gradients. A part
of one is timed (the batches are alike) and scaled up. The published code was measured on a machine of this kind, two
cores, one initialisation at a time.
"""

from __future__ import annotations

import argparse
import time

import pandas as pd

import synfer as sf
from run import write_results
from synfer.forecast import LIKELIHOODS, CausalformerForecaster, Clock, Schedule, Windows, evaluate, train

TRAINING, VALIDATION = 2994, 998
PUBLISHED = {5: 9.6, 40: 46.7}  # seconds an epoch of one initialisation; issue of the main job
CELLS = {5: (4, 1), 10: (8, 2), 20: (16, 4), 40: (32, 8)}


def seconds_an_epoch(n_units: int, n_init: int, n_batches: int) -> float:
    """Time ``n_batches`` batches of training and as large a share of the validation; scale to a whole epoch."""
    network = sf.simulate.izhikevich_network(*CELLS[n_units], 0.4)
    recording = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 5.0))
    windows = Windows([recording["v"]], 10, clock=Clock.of(5001))
    training, validation, _ = windows.split()
    ensemble = CausalformerForecaster(n_units, seeds=range(n_init))
    n_training = n_batches * 16
    n_validation = n_training * VALIDATION // TRAINING
    schedule = Schedule(max_epochs=1)
    likelihood = LIKELIHOODS["gaussian"]
    best = float("inf")
    for _ in range(2):  # the first warms up
        start = time.perf_counter()
        train(ensemble, windows, training[:n_training], validation[:16], likelihood, schedule, range(n_init))
        middle = time.perf_counter()
        evaluate(ensemble, windows, validation[:n_validation], likelihood)
        stop = time.perf_counter()
        best = min(best, (middle - start) * TRAINING / n_training + (stop - middle) * VALIDATION / n_validation)
    return best / n_init


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-init", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--batches", type=int, default=12)
    arguments = parser.parse_args()
    rows = []
    for n_units in CELLS:
        for n_init in arguments.n_init:
            seconds = seconds_an_epoch(n_units, n_init, arguments.batches)
            published = PUBLISHED.get(n_units)
            rows.append(
                {
                    "N": n_units,
                    "initialisations": n_init,
                    "s an epoch an initialisation": round(seconds, 3),
                    "published code, s": "" if published is None else published,
                    "times as fast": "" if published is None else round(published / seconds, 1),
                }
            )
            print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("causalformer", "Causalformer's training", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
