"""Spiking networks: the 2003 script and a sparse network of leaky integrate-and-fire neurons, and how the cost grows.

    python bench/run.py spiking --brian2-python /path/to/brian/bin/python

Milliseconds of wall time, float32, the best of several runs in one process. Spikes are recorded in every step, as a
list (events) or as an array of all steps (raster), column "record"; in the rows below W3, where it is the growth that
counts, as a list. A run of each length, a fifth and the whole: what the difference costs is the price of a simulated
second, and what the short run takes beyond its share of it is the set-up, mostly checking and sorting the wiring.
Cold: the first run of a process by itself, set-up included, a simulated second's share. W2: E. M. Izhikevich's script
of 2003 (1,000 neurons, all to all, noise of deviation 5 and 2, dt 1 ms), whose own way is a list of firings. W3:
current-based network after R. Brette et al. 2007 (membrane 20 ms, synapses 5 and 10 ms, threshold 10 mV over the
reset, refractory 5 ms, rest 1 mV over the threshold, dt 0.1 ms, a delay of one step) with fixed in-degree: the
figures of the published benchmark, whose neurons fire by themselves, and Brian2's too; and once more with the
threshold 20 mV over the reset, the rest still 1 mV above it. A hand-written AVX-512 kernel (fast-math, random numbers
of its own) takes 2.0-2.7 ms on one thread for W2, and 15-32 and 696-1086 ms for W3, on this kind of machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import synfer as sf
from goals import goals_table
from run import best_seconds, write_results
from simulator import peer_result
from synfer.connectome import Connectome
from synfer.network import ExponentialSynapse, GaussianDrive, Network

HAND = {"W2": "2.0-2.7", "W3 N = 4,000": "15-32", "W3 N = 100,000": "696-1086"}


def script_of_2003() -> Network:
    rng = np.random.default_rng(0)
    r, excitatory = rng.random(1000), np.arange(1000) < 800
    parameters = {
        "a": np.where(excitatory, 0.02, 0.02 + 0.08 * r),
        "b": np.where(excitatory, 0.2, 0.25 - 0.05 * r),
        "c": np.where(excitatory, -65 + 15 * r**2, -65.0),
        "d": np.where(excitatory, 8 - 6 * r**2, 2.0),
        "linear": 5.0,
        "constant": 140.0,
    }
    weights = np.where(excitatory, 0.5 * rng.random((1000, 1000)), -rng.random((1000, 1000)))
    drive = GaussianDrive(0.0, np.where(excitatory, 25.0, 4.0))
    return Network("izhikevich", parameters, Connectome.from_weights(weights), drive=drive)


def brette(n: int, in_degree: int, scale: float = 1.0, gap: float = 10.0) -> Network:
    """80 % excitatory; each unit reached by as many others, drawn with replacement, repeated pairs merged."""
    rng = np.random.default_rng(0)
    pairs = np.unique(np.repeat(np.arange(n), in_degree) * n + rng.integers(0, n, n * in_degree))
    target, source = np.divmod(pairs, n)
    weight = np.where(source < 0.8 * n, 1.62 * scale, -9.0 * scale)
    wiring = Connectome.from_edges(source, target, n_units=n, weight=weight)
    parameters = {"rest": gap - 59.0, "reset": -60.0, "threshold": gap - 60.0, "refractory": 5e-3}
    return Network("lif", parameters, wiring, synapse=ExponentialSynapse(5e-3, 10e-3))


COLD = {
    "W2": lambda: (script_of_2003(), 5.0, 1e-3),
    "W3 N = 4,000": lambda: (brette(4000, 80), 1.0, 1e-4),
    "W3 N = 4,000, 20 mV": lambda: (brette(4000, 80, gap=20.0), 1.0, 1e-4),
    "W3 N = 100,000": lambda: (brette(100_000, 100), 0.5, 1e-4),
}


def cold_ms(what: str, kept: str) -> str:
    program = [sys.executable, "-c", f"import spiking; spiking.print_cold({what!r}, {kept!r})"]
    return subprocess.run(program, check=True, capture_output=True, text=True, cwd=sys.path[0]).stdout.strip()


def print_cold(what: str, kept: str) -> None:
    network, seconds, dt = COLD[what]()
    run = sf.simulate.run  # a room is imported when it is asked for
    start = time.perf_counter()
    run(network, seconds, dt, record="spikes", spikes=kept, n_threads=1)
    print(f"{(time.perf_counter() - start) / seconds * 1e3:.1f}")


CURVES = {
    "units": "units, 80 inputs each",
    "networks": "networks of 40 units",
    "steps": "steps, 4,000 units",
    "edges": "million synapse events a second",
}
FIGURE = Path(__file__).parent.parent / "docs" / "images" / "cost.png"


def draw(curves: dict[str, list[tuple[float, float]]]) -> None:
    """Cost against size, each with the straight line that fits it best."""
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2), layout="constrained")
    for ax, (axis, label) in zip(axes, CURVES.items(), strict=True):
        x, ms = np.array(sorted(curves[axis])).T
        slope, start = np.polyfit(x, ms, 1)
        ends = np.array([0.0, x[-1]])
        ax.plot(ends, start + slope * ends, color="0.7", label="straight line")
        ax.plot(x, ms, "o", color="C0", label="measured")
        ax.set(xlabel=label, ylabel="ms a run" if axis == "steps" else "ms a simulated second", xlim=(0, None))
        ax.set_ylim(0, None)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="without the networks of 100,000 units")
    parser.add_argument("--brian2-python", help="the interpreter of Brian2's own environment")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []

    curves: dict[str, list[tuple[float, float]]] = {axis: [] for axis in CURVES}
    ours: dict[str, float] = {}
    theirs: dict[tuple[str, str], float] = {}

    def add(
        what: str, network: Network, seconds: float, dt: float, n_threads: int = 1, peer: str = "", kept: str = "events"
    ) -> None:
        rng = np.random.default_rng(1)
        start = None
        if network.model == "lif":
            start = {"v": rng.uniform(-60, -50, network.n_units), "held": 0}
        last: list[sf.Recording] = []

        def simulate(length: float) -> None:
            last[:] = [
                sf.simulate.run(
                    network, length, dt, record="spikes", spikes=kept, initial_state=start, n_threads=n_threads
                )
            ]  # fmt: skip

        short = best_seconds(lambda: simulate(seconds / 5), options.repeats)
        whole = best_seconds(lambda: simulate(seconds), options.repeats)
        best = (whole - short) / (0.8 * seconds)
        n_units = network.n_units * (network.n_networks or 1)
        rate = last[0]["spikes"].sum() / n_units / seconds
        weight = network.connectome.weight
        assert weight is not None
        edges = int(np.count_nonzero(weight.values))
        axis = what.partition(":")[0]
        if axis in CURVES and n_threads == 1:
            x = {"units": n_units, "networks": n_units // network.n_units, "steps": seconds / dt,
                 "edges": rate * edges / 1e6}[axis]  # fmt: skip
            curves[axis].append((x, 1e3 * (best if axis != "steps" else whole)))
        rows.append(
            {
                "": what,
                "threads": n_threads,
                "record": kept,
                "set-up, ms": f"{(short - best * seconds / 5) * 1e3:.0f}",
                "ms a simulated second": f"{best * 1e3:.1f}",
                "cold": cold_ms(what, kept) if peer else "",
                "hand-written": HAND.get(what, ""),
                "Brian2": "",
                "rate, Hz": f"{rate:.1f}",
                "ns / unit and step": f"{best * dt / n_units * 1e9:.2f}",
                "ns / event": f"{best / max(rate * edges, 1) * 1e9:.1f}",
                "layout": last[0].provenance["layout"],
            }
        )
        result = peer_result(options.brian2_python, "brian2", peer, "--repeats", "3") if peer else None
        if peer:
            ours[what] = best * 1e3
            rows[-1]["Brian2"] = "not installed"
        if result is not None:
            loop = result["seconds"] / result["simulated"]
            theirs[what, "brian2"] = loop * 1e3
            rows[-1]["Brian2"] = f"{loop * 1e3:.0f} ({loop / best:.1f}x; {result['rate']:.1f} Hz)"

    add("W2", script_of_2003(), 5.0, 1e-3, peer="W2")
    add("W2", script_of_2003(), 5.0, 1e-3, kept="raster")
    add("W3 N = 4,000", brette(4000, 80), 1.0, 1e-4, peer="W3-4000")
    add("W3 N = 4,000", brette(4000, 80), 1.0, 1e-4, kept="raster")
    add("W3 N = 4,000, 20 mV", brette(4000, 80, gap=20.0), 1.0, 1e-4, peer="W3-4000-20mV")
    if not options.small:
        for n_threads in (1, 2):
            peer = "W3-100000" if n_threads == 1 else ""
            add("W3 N = 100,000", brette(100_000, 100), 0.5, 1e-4, n_threads, peer=peer)
    for n in (1000, 2000, 8000, 16000, 32000):
        add(f"units: N = {n:,}, in-degree 80", brette(n, 80), 0.5, 1e-4)
    for n_networks in (20, 80, 320):
        paper = sf.simulate.izhikevich_network(32, 8, 0.4, n_networks=n_networks, seed=1)
        add(f"networks: {n_networks} of 40 as in the paper", paper, 5.0, 1e-3)
    for seconds in (0.25, 1.0, 2.0):
        add(f"steps: N = 4,000, {seconds * 1e4:,.0f} steps", brette(4000, 80), seconds, 1e-4)
    for in_degree in (20, 160, 320, 640):
        # the drive through synapses does not depend on their number
        add(f"edges: N = 4,000, in-degree {in_degree}", brette(4000, in_degree, 80 / in_degree), 0.5, 1e-4)
    text = (__doc__ or "").replace("\n    python bench/run.py spiking --brian2-python /path/to/brian/bin/python\n", "")
    draw(curves)
    text += "\n![Cost against units, networks, steps and synapse events](../../docs/images/cost.png)\n"
    goals = goals_table(theirs, ours)
    write_results("spiking", "Spiking networks", text, pd.DataFrame(rows), goals)


if __name__ == "__main__":
    main()
