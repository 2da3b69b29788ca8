"""Units without spikes: x += 0.1 (-x + J tanh x) + noise, g = 1.5, noise 0.1 a step, recorded in every step.

    python bench/run.py rates

float32, warm: the best of several runs in one process, each result dropped before the next. N = 1,000 is one network
whose couplings (4 MB) do not fit into a core's own cache; 64 networks of N = 200 (160 kB each) are simulated one after
the other, each from that cache. A hand-written AVX-512 kernel (fast-math, random numbers of its own) takes 144 to 158
and 138 to 140 us a step on one thread of this kind of machine. The processor's time is what the threads together used:
where others keep the cores busy, it says more than the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import scipy.sparse

import synfer as sf
from run import write_results
from synfer import _core

STEPS, DT = 400, 1e-3
HAND_WRITTEN = {(1, 1000): 151e-6, (64, 200): 139e-6}


def network_of(n_networks: int, n: int) -> sf.Network:
    weights = np.random.default_rng(0).standard_normal((n_networks, n, n)) * (1.5 / np.sqrt(n))
    return sf.simulate.rate_network(weights, tau=10 * DT, noise=0.1 / np.sqrt(DT))


def sparse_network(n: int, in_degree: int) -> sf.Network:
    density = in_degree / n
    weights = scipy.sparse.random_array((n, n), density=density, rng=0, data_sampler=np.random.default_rng(1).normal)
    return sf.simulate.rate_network(weights * (1.5 / np.sqrt(in_degree)), tau=10 * DT, noise=0.1 / np.sqrt(DT))


def best(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Shortest time by the clock, and of the processor."""
    clock, used = float("inf"), float("inf")
    for _ in range(repeats):
        start, start_used = time.perf_counter(), time.process_time()
        call()
        clock = min(clock, time.perf_counter() - start)
        used = min(used, time.process_time() - start_used)
    return clock, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []

    def add(
        what: str,
        network: sf.Network,
        n_threads: int,
        *,
        hand: float | None = None,
        dtype: str = "float32",
        layout: str | None = None,
    ) -> None:
        def call() -> None:
            sf.simulate.run(network, options.steps * DT, DT, n_threads=n_threads, dtype=dtype, layout=layout)

        clock, used = (seconds / options.steps for seconds in best(call, options.repeats))
        rows.append(
            {
                "": what,
                "threads": n_threads,
                "us a step": f"{clock * 1e6:.1f}",
                "of the processor": f"{used * 1e6:.1f}",
                "of the hand-written kernel": "" if hand is None else f"{hand / clock:.0%}",
                "by the processor's time": "" if hand is None else f"{hand / used:.0%}",
            }
        )

    highest = _core.instruction_level()
    for (n_networks, n), hand in HAND_WRITTEN.items():
        network = network_of(n_networks, n)
        what = f"{n_networks} x N = {n:,}"
        add(f"{what} ({highest})", network, 1, hand=hand)
        add(f"{what} ({highest})", network, 2)
        add(f"{what}, float64 ({highest})", network, 1, dtype="float64")
        for level in reversed(_core.instruction_levels()[:-1]):
            _core.use_instruction_level(level)
            add(f"{what} ({level})", network, 1)
        _core.use_instruction_level(highest)
    add(f"1,000 x N = 10 ({highest})", network_of(1000, 10), 1)
    for in_degree in (50, 100, 200):
        for layout in ("sparse", "dense"):
            what = f"N = 1,000, {in_degree} sources each, {layout} ({highest})"
            add(what, sparse_network(1000, in_degree), 1, layout=layout)
    for n in (5_000, 20_000):
        add(f"N = {n:,}, 100 sources each ({highest})", sparse_network(n, 100), 1)
    text = (__doc__ or "").replace("\n    python bench/run.py rates\n", "")
    write_results("rates", "Units without spikes", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
