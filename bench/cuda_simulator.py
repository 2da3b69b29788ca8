"""The simulator on a CUDA device: networks of 40 neurons, 100,000 at once, with and without recording.

    python bench/run.py cuda_simulator

float32. A neuron-step is one neuron taken one step. "kernels alone" is the best of several launches by CUDA's events,
without the host's work; "a whole call" is one call of `run` by the clock, with all checks, copies to the device and the
state brought back. The paper's Izhikevich networks (delta synapses) are the ones of the goal: 1e11 neuron-steps/s on an
H200 with nothing recorded but the last step. With v, u and spikes of every step 9 bytes a neuron-step are written; the
share is that of the rate at which torch fills the same memory. "units a thread" is how the kernel was built: four, in
whole warps (csrc/simulator/cuda/quads.hpp), or one. A tenth as many different networks are made, and each is there ten
times, under ids, and so noise, of its own.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import torch

import synfer as sf
from run import write_results
from synfer.simulate import cuda

COPIES = 10


class Kept(cuda.Launches):
    """Launches that can be repeated after the run they were made for."""

    last: Any = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        Kept.last = self

    def take(self, begin: int, end: int, fresh: bool) -> tuple[int, int, int] | None:
        self.asked = (*getattr(self, "asked", ()), (begin, end))
        return super().take(begin, end, fresh)

    def seconds(self, repeats: int) -> float:
        """Shortest time on the device of all slices."""
        asked, best = self.asked, float("inf")
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        for _ in range(repeats):
            total = 0.0
            for begin, end in asked:
                self.told |= {"begin": begin, "end": end, "fresh": False}
                marks[0].record()
                cuda.BACKEND.core.cuda_simulate(
                    self.model.name, self.model.spiking, list(self.model.states), self.limits, self.index,
                    cuda.BACKEND.stream(self.index), self.told,
                )  # fmt: skip
                marks[1].record()
                torch.cuda.synchronize()
                total += marks[0].elapsed_time(marks[1]) / 1e3
            best = min(best, total)
        return best


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


def repeated(array: Any, copies: int) -> np.ndarray:
    """Give an array (network, ...) so many times, one after the other."""
    return np.tile(array, (copies, *[1] * (np.ndim(array) - 1)))


def networks(n: int, copies: int) -> dict[str, sf.Network]:
    """The networks measured, by name: the paper's, the same wiring with LIF neurons, and rate units."""
    few = sf.simulate.izhikevich_network(32, 8, 0.4, n_networks=n // copies, seed=0)
    weight = repeated(few.connectome.weight.values, copies)
    wiring = sf.Connectome(np.abs(weight), weight=weight, delay=repeated(few.connectome.delay.values, copies))
    parameters = {name: repeated(p, copies) if np.ndim(p) == 2 else p for name, p in few.parameters.items()}
    lif = {"drive": sf.network.GaussianDrive(18.0, 100.0), "synapse": sf.network.ExponentialSynapse(5e-3, 10e-3)}
    strengths = np.random.default_rng(0).normal(0, 1.5 / np.sqrt(40), (n // copies, 40, 40))
    return {
        "izhikevich, delta": sf.Network("izhikevich", parameters, wiring, drive=few.drive, synapse=few.synapse),
        "lif, exponential": sf.Network("lif", {}, wiring, **lif),
        "leaky_tanh": sf.simulate.rate_network(strengths, noise=0.1),
    }


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
    cuda.Launches = Kept  # type: ignore[misc]

    start = time.perf_counter()
    made = networks(options.networks, min(COPIES, options.networks))
    print(f"networks made in {time.perf_counter() - start:.1f} s", flush=True)
    steps, first = options.steps, next(iter(made.values()))
    sf.simulate.run(first.isel(network=slice(0, 4)), 0.01, device="cuda")  # the device awakes
    writes = fill_rate(min(options.networks * 40 * steps * 9, 16 * 10**9))
    rows = []
    for name, record, units_per_thread in (
        ("izhikevich, delta", None, 0),
        ("izhikevich, delta", None, 1),
        ("izhikevich, delta", ("v",), 0),
        ("izhikevich, delta", ("v", "u", "spikes"), 0),
        ("izhikevich, delta", ("v", "u", "spikes"), 1),
        ("lif, exponential", None, 0),
        ("lif, exponential", ("v", "spikes"), 0),
        ("leaky_tanh", None, 0),
        ("leaky_tanh", ("x",), 0),
    ):
        network = made[name]
        cuda.UNITS_PER_THREAD = units_per_thread
        state = "x" if name == "leaky_tanh" else "v"
        how = {"record": state, "every": steps} if record is None else {"record": record}
        torch.cuda.synchronize()
        start = time.perf_counter()
        recording = sf.simulate.run(network, steps * 1e-3, device="cuda", seed=1, **how)
        torch.cuda.synchronize()
        clock = time.perf_counter() - start
        launches = Kept.last
        kernels = launches.seconds(options.repeats)
        neuron_steps = len(network.ids) * network.n_units * steps
        plan = cuda.BACKEND.core.cuda_plan(
            len(network.ids), network.n_units, launches.model.spiking, launches.limits, units_per_thread
        )
        n_bytes = 0 if record is None else sum(recording[signal].element_size() for signal in record)
        rows.append(
            {
                "networks": f"{len(network.ids):,} {name}",
                "recorded": "last step" if record is None else ", ".join(record),
                "units a thread": plan["units_per_thread"],
                "kernels alone, neuron-steps/s": f"{neuron_steps / kernels:.3g}",
                "a whole call, neuron-steps/s": f"{neuron_steps / clock:.3g}",
                "a whole call, s": f"{clock:.2f}",
                "of the rate of filling memory": f"{neuron_steps * n_bytes / kernels / writes:.0%}" if n_bytes else "",
            }
        )
        print(rows[-1], flush=True)
        Kept.last = recording = launches = None
    write_results(
        "cuda_simulator",
        f"The simulator on {torch.cuda.get_device_name()}",
        f"{__doc__}\n{steps:,} steps; memory is filled at {writes:.3g} bytes/s.",
        pd.DataFrame(rows),
    )


if __name__ == "__main__":
    main()
