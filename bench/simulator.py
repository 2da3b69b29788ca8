"""The simulator at W1 and W4, each beside the peers that are installed, in one run; W2 and W3 are in spiking.py.

    python bench/run.py simulator --brian2-python /path/to/brian/bin/python --jax-python /path/to/jax/bin/python

W1: 160 networks of 40 Izhikevich neurons as in the paper (p = 0.4), 5,000 steps of 1 ms, in one call; v, u and spikes
recorded in every step. float32 all of it, one thread but where another number stands, the peers too (bench/peers holds
their programs, and how each is made as fast as it gets). Warm: the best of several runs in one process, each result
dropped before the next run, so that its memory is used again. Cold: the first run of a process (imports done), the
median of three; it touches fresh memory, whose speed is the system's. Rates are mean firing rates: by them the reader
sees that all simulate the same. By hand: bench/peers/w1_by_hand.cpp, an AVX-512 kernel that can nothing but W1 (a
network in registers, fast-math, random numbers without counters), compiled and run in the same run, and once more with
the random numbers that synfer draws; where that cannot be, the 11 ms a simulated second that such a kernel had reached
on one thread of this kind of machine.

W4: x += 0.1 (-x + J tanh x) + 0.1 z, J ~ N(0, 1.5^2 / N), 1,000 units, and 64 networks of 200 in one call; 1,000 steps
a simulated second, so that its ms are also us a step; x recorded in every step. By hand: 151 and 139 us.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import synfer as sf
from goals import goals_table
from run import best_seconds, write_results
from synfer import _core

RECORD = ("v", "u", "spikes")
CLOCKS = {"wall": "seconds", "cpu": "cpu"}
PEERS = Path(__file__).parent / "peers"


@dataclasses.dataclass(frozen=True)
class Workload:
    """A workload: its name, simulated seconds, what the hand-written kernel takes (ms a simulated second)."""

    name: str
    seconds: float
    by_hand: float
    peers: tuple[tuple[str, tuple[str, ...]], ...]


W1_PEERS = (("jax", ("W1",)), ("brian2", ("W1", "--standalone")), ("torch", ("W1",)), ("nest", ()), ("pygenn", ()))
W1 = Workload("W1", 5.0, 11.0, W1_PEERS)


W4 = (
    Workload("W4, 1,000 units", 2.0, 151.0, (("jax", ("W4-1000",)),)),
    Workload("W4, 64 x 200 units", 1.0, 139.0, (("jax", ("W4-64x200",)),)),
)
SHAPES = ((1000, 1000), (64, 200, 200))  # of W4's couplings


class Table:
    """Rows of the result, and what synfer takes of each workload, that peers are compared with."""

    def __init__(self, clock: str) -> None:
        self.clock = clock
        self.rows: list[dict[str, object]] = []
        self.ours: dict[str, float] = {}
        self.by_hand: dict[str, float] = {}  # seconds, where measured in this run
        self.peers: dict[tuple[str, str], float] = {}

    def add(
        self, w: Workload, program: str, seconds: float, threads: int = 1, cold: float | None = None, rate: str = ""
    ) -> None:
        per_second = 1e3 * seconds / w.seconds
        ours = self.ours.setdefault(w.name, seconds)
        kernel = self.by_hand.get(w.name, w.by_hand * w.seconds / 1e3)
        self.rows.append(
            {
                "": w.name,
                "program": program,
                "threads": threads,
                "ms a simulated second": f"{per_second:.1f}",
                "cold": "" if cold is None else f"{1e3 * cold / w.seconds:.1f}",
                "of the kernel by hand, a thread": f"{kernel / seconds / threads:.0%}",
                "times as long as the first row": f"{seconds / ours:.2f}",
                "Hz": rate,
            }
        )

    def add_peers(self, w: Workload, pythons: dict[str, str | None], repeats: int) -> None:
        for peer, arguments in w.peers:
            result = peer_result(pythons.get(peer), peer, *arguments, "--repeats", str(repeats))
            if result is None:
                self.rows.append({"": w.name, "program": f"{peer}: not installed", "threads": ""})
            else:
                kind = " standalone" if "--standalone" in arguments else ""
                self.peers[w.name, peer + kind] = float(result[CLOCKS[self.clock]])
                self.add(
                    w,
                    str(result["version"]) + kind,
                    float(result[CLOCKS[self.clock]]),
                    rate=f"{result['rate']:.1f}" if "rate" in result else "",
                )


def peer_result(python: str | None, peer: str, *arguments: str) -> dict[str, Any] | None:
    """What a peer's program prints; None where the peer is not installed."""
    python = python or sys.executable
    if subprocess.run([python, "-c", f"import {peer}"], capture_output=True).returncode:
        return None
    done = subprocess.run([python, PEERS / f"{peer}_peer.py", *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{peer} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def by_hand(repeats: int, *flags: str) -> dict[str, float] | None:
    """What w1_by_hand.cpp prints; None where there is no AVX-512 or no g++."""
    if _core.instruction_levels()[-1] != "avx512" or shutil.which("g++") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "w1_by_hand"
        compiler = ("g++", "-O3", "-march=native", "-std=c++20", *flags)
        subprocess.run([*compiler, PEERS / "w1_by_hand.cpp", "-o", program], check=True)
        return json.loads(subprocess.run([program, str(repeats)], check=True, capture_output=True, text=True).stdout)


def best(call, repeats: int, clock: str) -> float:
    return best_seconds(call, repeats, time.perf_counter if clock == "wall" else time.process_time)


def paper_networks() -> sf.Network:
    return sf.simulate.izhikevich_network(32, 8, 0.4, n_networks=160, seed=1)


def simulate(network: sf.Network, n_threads: int, record: tuple[str, ...] = RECORD, dtype: str = "float32") -> None:
    sf.simulate.run(network, W1.seconds, record=record, n_threads=n_threads, dtype=dtype)


def rate_network(shape: tuple[int, ...]) -> sf.Network:
    """W4: x += 0.1 (-x + J tanh x) + 0.1 z in each step of 1 ms, J ~ N(0, 1.5^2 / N)."""
    couplings = np.random.default_rng(1).normal(0, 1.5 / np.sqrt(shape[-1]), shape)
    return sf.simulate.rate_network(couplings, tau=0.01, noise=0.1 / np.sqrt(1e-3))


def simulate_rates(place: int, network: sf.Network, n_threads: int) -> None:
    sf.simulate.run(network, W4[place].seconds, record="x", n_threads=n_threads)


def cold_seconds(n_threads: int, place: int | None = None) -> float:
    """What the first run of a process takes: of W1, or of W4's workload at a place."""
    program = [sys.executable, "-c", f"import simulator; simulator.print_cold({n_threads}, {place})"]
    runs = [
        subprocess.run(program, check=True, capture_output=True, text=True, cwd=sys.path[0]).stdout for _ in range(3)
    ]
    return statistics.median(float(printed) for printed in runs)


def print_cold(n_threads: int, place: int | None) -> None:
    if place is None:
        run = functools.partial(simulate, paper_networks(), n_threads)
    else:
        run = functools.partial(simulate_rates, place, rate_network(SHAPES[place]), n_threads)
    start = time.perf_counter()
    run()
    print(time.perf_counter() - start)


def measure_w1(table: Table, pythons: dict[str, str | None], repeats: int) -> None:
    network, highest = paper_networks(), _core.instruction_level()
    rate = sf.simulate.run(network, W1.seconds, record="spikes")["spikes"].mean() * 1e3
    warm = best(lambda: simulate(network, 1), repeats, table.clock)
    kernel, counting = by_hand(repeats, "-ffast-math"), by_hand(repeats, "-DCOUNTERS")
    if kernel is not None:
        table.by_hand[W1.name] = kernel["seconds"]
    table.add(W1, f"synfer ({highest})", warm, cold=cold_seconds(1), rate=f"{rate:.1f}")
    for name, result in (("by hand", kernel), ("by hand, synfer's random numbers", counting)):
        if result is not None:
            table.add(W1, name, result["seconds"], rate=f"{result['rate']:.1f}")
    table.add_peers(W1, pythons, max(2, repeats // 3))
    two = best_seconds(lambda: simulate(network, 2), repeats)  # wall time: what threads are for
    table.add(W1, f"synfer ({highest})", two, threads=2, cold=cold_seconds(2))
    alone = best(lambda: simulate(network, 1, ("spikes",)), repeats, table.clock)
    table.add(W1, f"synfer ({highest}), spikes alone", alone)
    table.peers[W1.name, "one thread, on two"] = warm * warm / two
    double = best(lambda: simulate(network, 1, dtype="float64"), repeats, table.clock)
    table.add(W1, f"synfer ({highest}), float64", double)
    for level in reversed(_core.instruction_levels()[:-1]):
        _core.use_instruction_level(level)
        table.add(W1, f"synfer ({level})", best(lambda: simulate(network, 1), repeats, table.clock))
    _core.use_instruction_level(highest)


def measure_w4(table: Table, pythons: dict[str, str | None], repeats: int) -> None:
    for place, w in enumerate(W4):
        run = functools.partial(simulate_rates, place, rate_network(SHAPES[place]), 1)
        warm = best(run, max(2, repeats // 3), table.clock)
        table.add(w, f"synfer ({_core.instruction_level()})", warm, cold=cold_seconds(1, place))
        table.add_peers(w, pythons, max(2, repeats // 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    for peer in ("brian2", "jax"):
        variable = f"SYNFER_BENCH_{peer.upper()}"
        parser.add_argument(
            f"--{peer}-python", default=os.environ.get(variable),
            help=f"interpreter of an environment that has {peer}; default ${variable}, else this one",
        )  # fmt: skip
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall",
        help="cpu counts processor time where one thread is measured, for a machine that others keep busy",
    )  # fmt: skip
    arguments = parser.parse_args()
    pythons = {"brian2": arguments.brian2_python, "jax": arguments.jax_python, "torch": sys.executable}
    table = Table(arguments.clock)
    measure_w1(table, pythons, arguments.repeats)
    measure_w4(table, pythons, arguments.repeats)
    text = (__doc__ or "").split("\n\n", 2)
    if arguments.clock == "cpu":
        text.append("Others kept the machine busy: rows of one thread are processor time, not wall time.")
    spans = {w.name: w.seconds for w in (W1, *W4)}
    goals = goals_table(
        {(name, peer): 1e3 * seconds / spans[name] for (name, peer), seconds in table.peers.items()},
        {name: 1e3 * seconds / spans[name] for name, seconds in table.ours.items()},
        {name: 1e3 * seconds / spans[name] for name, seconds in table.by_hand.items()},
    )
    rows = pd.DataFrame(table.rows).astype(object).fillna("")
    write_results("simulator", "Simulator", "\n\n".join([text[0], *text[2:]]), rows, goals)


if __name__ == "__main__":
    main()
