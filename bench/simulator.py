"""The simulator: 160 networks of 40 Izhikevich neurons as in the paper (p = 0.4), 5,000 steps of 1 ms, in one call.

    python bench/run.py simulator

float32; what is recorded is recorded in every step. Warm: the best of several runs in one process, each result dropped
before the next run, so that its memory is used again. Cold: the first run of a process (imports done), the median of
three; it touches fresh memory, whose speed is the system's. A hand-written AVX-512 kernel (fast-math, random numbers
of its own) reaches 5.8e8 neuron-steps a second on one thread of this kind of machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

import pandas as pd

import synfer as sf
from run import best_seconds, write_results
from synfer import _core

N_EXC, N_INH, P, N_NETWORKS, SECONDS = 32, 8, 0.4, 160, 5.0
NEURON_STEPS = (N_EXC + N_INH) * N_NETWORKS * SECONDS * 1000
RECORD = ("v", "u", "spikes")
HAND_WRITTEN = 5.8e8


def simulate(network: sf.Network, n_threads: int, record: tuple[str, ...] = RECORD, dtype: str = "float32") -> None:
    sf.simulate.run(network, SECONDS, record=record, n_threads=n_threads, dtype=dtype)


def paper_networks() -> sf.Network:
    return sf.simulate.izhikevich_network(N_EXC, N_INH, P, n_networks=N_NETWORKS, seed=1)


def cold_seconds(n_threads: int) -> float:
    program = f"import simulator; simulator.print_cold({n_threads})"
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=sys.path[0]
        ).stdout
        for _ in range(3)
    ]
    return statistics.median(float(printed) for printed in runs)


def print_cold(n_threads: int) -> None:
    network = paper_networks()
    start = time.perf_counter()
    simulate(network, n_threads)
    print(time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    network = paper_networks()
    rows: list[dict[str, object]] = []

    def add(what: str, n_threads: int, warm: float, cold: float | None = None) -> None:
        speed = NEURON_STEPS / warm
        rows.append(
            {
                "": what,
                "threads": n_threads,
                "warm, ms": f"{warm * 1e3:.0f}",
                "cold, ms": "" if cold is None else f"{cold * 1e3:.0f}",
                "neuron-steps/s, warm": f"{speed:.2e}",
                "of the hand-written kernel a thread": f"{speed / n_threads / HAND_WRITTEN:.0%}",
            }
        )

    highest = _core.instruction_level()
    for n_threads in (1, 2):
        warm = best_seconds(lambda n=n_threads: simulate(network, n), repeats)
        add(f"v, u, spikes ({highest})", n_threads, warm, cold_seconds(n_threads))
    add(f"spikes alone ({highest})", 1, best_seconds(lambda: simulate(network, 1, ("spikes",)), repeats))
    add(f"v, u, spikes, float64 ({highest})", 1, best_seconds(lambda: simulate(network, 1, dtype="float64"), repeats))
    for level in reversed(_core.instruction_levels()[:-1]):
        _core.use_instruction_level(level)
        add(f"v, u, spikes ({level})", 1, best_seconds(lambda: simulate(network, 1), repeats))
    text = (__doc__ or "").replace("\n    python bench/run.py simulator\n", "")
    write_results("simulator", "Simulator", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
