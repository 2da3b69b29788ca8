"""The simulator on a CUDA device: the paper's networks of 40 neurons, 100,000 at once, with and without recording.

    python bench/run.py cuda_simulator

float32. A neuron-step is one neuron taken one step. Without recording, only the last of the steps is kept; the goal on
an H200 is 1e11 neuron-steps/s. With recording, v, u and spikes of every step are written, 9 bytes a neuron-step; the
share is that of the rate at which torch fills the same memory. Best of several runs, by the clock, with the device
waited for, all that `run` does included; "kernels alone" is taken from CUDA's events around the launches.
"""

from __future__ import annotations

import argparse
import sys
import time

import pandas as pd
import torch

import synfer as sf
from run import write_results
from synfer.simulate import cuda


class Timed(cuda.Launches):
    """Launches whose time on the device is added up."""

    seconds = 0.0

    def take(self, begin: int, end: int, fresh: bool) -> tuple[int, int, int] | None:
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        marks[0].record()
        met = super().take(begin, end, fresh)
        marks[1].record()
        torch.cuda.synchronize()
        Timed.seconds += marks[0].elapsed_time(marks[1]) / 1e3
        return met


def measure(network: sf.Network, steps: int, repeats: int, **how: object) -> tuple[float, float]:
    """Shortest time of a run, and of its kernels alone."""
    clock, kernels = float("inf"), float("inf")
    for _ in range(repeats):
        Timed.seconds = 0.0
        torch.cuda.synchronize()
        start = time.perf_counter()
        sf.simulate.run(network, steps * 1e-3, device="cuda", seed=1, **how)
        torch.cuda.synchronize()
        clock, kernels = min(clock, time.perf_counter() - start), min(kernels, Timed.seconds)
    return clock, kernels


def fill_rate(n_bytes: int) -> float:
    """Bytes per second at which the device's memory is written."""
    memory = torch.empty(n_bytes, dtype=torch.uint8, device="cuda")
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
    best = float("inf")
    for _ in range(5):
        marks[0].record()
        memory.zero_()
        marks[1].record()
        torch.cuda.synchronize()
        best = min(best, marks[0].elapsed_time(marks[1]) / 1e3)
    return n_bytes / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    try:
        cuda.index_of("cuda")
    except sf.errors.SynferError as refusal:
        sys.exit(f"bench/cuda_simulator.py needs a CUDA device: {refusal}")
    cuda.Launches = Timed  # type: ignore[misc]

    network = sf.simulate.izhikevich_network(32, 8, 0.4, n_networks=options.networks, seed=0)
    neuron_steps = options.networks * 40 * options.steps
    writes = fill_rate(min(neuron_steps * 9, 16 * 10**9))
    rows = []
    for what, how, n_bytes in (
        ("nothing but the last step", {"record": "v", "every": options.steps}, 0),
        ("v, u, spikes in every step", {"record": ("v", "u", "spikes")}, 9),
    ):
        clock, kernels = measure(network, options.steps, options.repeats, **how)
        rows.append(
            {
                "recorded": what,
                "neuron-steps/s": f"{neuron_steps / clock:.3g}",
                "kernels alone": f"{neuron_steps / kernels:.3g}",
                "of the rate of filling memory": f"{neuron_steps * n_bytes / kernels / writes:.0%}" if n_bytes else "",
            }
        )
    write_results(
        "cuda_simulator",
        f"The simulator on {torch.cuda.get_device_name()}",
        f"{__doc__}\n{options.networks:,} networks, {options.steps:,} steps; memory is filled at {writes:.3g} bytes/s.",
        pd.DataFrame(rows),
    )


if __name__ == "__main__":
    main()
