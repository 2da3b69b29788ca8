"""What the penalty on the gradient costs: an epoch of GRNGC's training with it and without, for each backbone.

    python bench/run.py penalty [--units 100]

The training loop itself, 1,000 samples, one lag (two for what is recurrent or convolutional), default sizes, one
thread, best of five runs of each kind in turn. `rows`: how many rows' gradients an epoch penalises (drawn anew each
time); the issue's limit for `ratio` is 4. `loop over outputs`: the same penalty, one backward pass an output, as the
published code has it, on the same rows.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
import torch

from run import write_results
from synfer.discover.gradient import BACKBONES
from synfer.forecast import Clock, ScaledGaussian, Schedule, Windows, train


def loop_penalty(forecaster: Any, context: torch.Tensor) -> torch.Tensor:
    """The L1 norm of the gradient by one backward pass an output."""
    x = forecaster.rows(context).detach().clone().requires_grad_()
    y = forecaster.normed(x)
    total = torch.zeros(forecaster.n_init)
    for i in range(forecaster.n_units):
        (g,) = torch.autograd.grad(y[..., i].sum(), x, create_graph=True)
        total = total + g.abs().sum((1, 2, 3)) - g[:, :, i].abs().sum((1, 2))
    return forecaster.strength * total / (len(context) * forecaster.n_units)


def seconds(kind: str, penalty: str, series: np.ndarray, epochs: int) -> tuple[float, int]:
    """Processor time of an epoch, and the rows whose gradients were penalised in it."""
    n, lag = series.shape[1], 1 if kind in ("kan", "mlp") else 2
    windows = Windows([series], lag, clock=Clock.of(len(series)), offset=np.zeros(n), scale=np.ones(n))
    made = BACKBONES[kind](n, lag, seeds=[0], scale=np.ones(n), strengths=[0.03], ridge=0.03)
    rows = made.penalty_rows(len(windows.starts))
    if penalty == "none":
        made.penalty_rows = lambda _: 1  # type: ignore[method-assign]
        made.penalty = lambda _: torch.zeros(1)  # type: ignore[method-assign]
    elif penalty == "loop":
        made.penalty = lambda context: loop_penalty(made, context)  # type: ignore[method-assign]
    schedule = Schedule(
        batch_size=4096, learning_rate=0.01, weight_decay=0.0, max_epochs=epochs, anneal=True, shuffle=False
    )
    start = time.process_time()
    train(made, windows, windows.starts, None, ScaledGaussian(torch.ones(n)), schedule, [0], progress=False)
    return (time.process_time() - start) / epochs, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[100])
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    table = []
    for n in arguments.units:
        series = np.random.default_rng(0).standard_normal((1000, n))
        for kind in BACKBONES:
            best = dict.fromkeys(("none", "ours"), np.inf)
            for _ in range(5):
                for penalty in best:
                    found, rows = seconds(kind, penalty, series, arguments.epochs)
                    best[penalty] = min(best[penalty], found)
            loop = seconds(kind, "loop", series, 2)[0]
            table.append(
                {
                    "units": n,
                    "backbone": kind,
                    "rows": rows,
                    "without, ms": f"{1e3 * best['none']:.1f}",
                    "with, ms": f"{1e3 * best['ours']:.1f}",
                    "ratio": f"{best['ours'] / best['none']:.2f}",
                    "loop over outputs": f"{loop / best['none']:.1f}",
                }
            )
            print(table[-1], flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("penalty", "What GRNGC's penalty costs", text, pd.DataFrame(table))


if __name__ == "__main__":
    main()
