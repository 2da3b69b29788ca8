"""Causalformer: seconds an epoch an initialisation, beside the published code's.

    python bench/run.py causalformer [--device cuda]

An epoch is the paper's: 2,994 training windows in batches of 16, then 998 validation windows without gradients. The
shortest of the batches of training and of those of validation is scaled up (they are alike; what else the machine does
only ever adds). The published code was measured on a machine of this kind, two cores, one initialisation at a time.
GFLOP/s counts multiplications and additions of the layers' products alone, forward, backward and once more where the
backward pass makes hidden activations anew (on the CPU); a core's own limit, by torch's product of large matrices, is
160 here.
"""

from __future__ import annotations

import argparse
import itertools

import pandas as pd
import torch

import synfer as sf
from run import best_seconds, write_results
from synfer.forecast import (
    LIKELIHOODS,
    CausalformerForecaster,
    Clock,
    Schedule,
    Windows,
    evaluate,
    evaluation_batches,
)
from synfer.forecast.learning import Learning
from synfer.forecast.stepping import TrainingStep

TRAINING, VALIDATION, BATCH = 2994, 998, 16
PUBLISHED = {5: 9.6, 40: 46.7}  # seconds an epoch of one initialisation; issue of the main job
CELLS = {5: (4, 1), 10: (8, 2), 20: (16, 4), 40: (32, 8)}


def operations(n_units: int, device: str) -> float:
    """Of an epoch's products of layers, multiplications and additions of one initialisation, in units of 10^9."""
    project, feed_forward = 100 * 80, 2 * 100 * 400
    encoder = 4 * project + feed_forward + 4 * project  # its own four maps, and the decoder's keys and values
    decoder = 4 * project + feed_forward
    forward = n_units * (10 * encoder + decoder)
    again = n_units * 11 * feed_forward / 2 if device == "cpu" else 0  # elsewhere hidden activations are held
    return 2e-9 * (TRAINING * (3 * forward + again) + VALIDATION * forward)


def seconds_an_epoch(n_units: int, n_init: int, n_batches: int, device: str) -> float:
    """Time batches of training and of validation one by one; scale the shortest of each to a whole epoch."""
    network = sf.simulate.izhikevich_network(*CELLS[n_units], 0.4)
    recording = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 5.0))
    windows = Windows([recording["v"]], 10, clock=Clock.of(5001), device=device)
    training, validation, _ = windows.split()
    ensemble = CausalformerForecaster(n_units, seeds=range(n_init)).to(device)
    likelihood = LIKELIHOODS["gaussian"]
    learning = Learning(ensemble, Schedule(max_epochs=1), range(n_init))
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    step = TrainingStep(ensemble, windows, likelihood, learning)
    ensemble.train()
    batches = iter(training[learning.order(len(training)).to(device)].split(BATCH))

    def learn() -> None:
        step(next(batches))
        wait()

    for _ in range(4):  # warm; on a CUDA device a step is recorded by then
        learn()
    seconds = best_seconds(learn, n_batches) * TRAINING / BATCH
    size = len(evaluation_batches(ensemble, windows, validation)[0])

    def look() -> None:
        evaluate(ensemble, windows, validation[:size], likelihood)
        wait()

    look()
    seconds += best_seconds(look, n_batches) * VALIDATION / size
    return seconds / n_init


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-init", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--n-units", type=int, nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batches", type=int, default=24)
    arguments = parser.parse_args()
    rows = []
    for n_units, n_init, threads in itertools.product(arguments.n_units, arguments.n_init, arguments.threads):
        torch.set_num_threads(threads)
        seconds = seconds_an_epoch(n_units, n_init, arguments.batches, arguments.device)
        published = PUBLISHED.get(n_units)
        rows.append(
            {
                "N": n_units,
                "initialisations": n_init,
                "threads": threads,
                "s an epoch an initialisation": round(seconds, 3),
                "GFLOP/s": round(operations(n_units, arguments.device) / seconds),
                "published code, s": "" if published is None else published,
                "times as fast": "" if published is None else round(published / seconds, 1),
            }
        )
        print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    name = "causalformer" if arguments.device == "cpu" else f"causalformer_epoch_{arguments.device}"
    write_results(name, "Causalformer's training", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
