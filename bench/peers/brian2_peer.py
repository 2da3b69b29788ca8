"""Brian2 at the simulator's workloads: run by bench/simulator.py with the interpreter of Brian2's own environment.

    PYTHON brian2_peer.py W1|W2|W3-4000|W3-4000-20mV|W3-100000 [--standalone] [--repeats R] [--seconds S]

Prints one line of JSON: seconds of wall and of processor time for the simulation alone (no compilation; the shortest of
the repeats; processor time of the standalone program is counted whole, but never above its loop's wall time), simulated
seconds, and the mean firing rate, by which the reader sees that it is the same network. float32, one thread.
``--standalone`` is the C++ standalone mode, else the runtime mode with Cython.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time

import brian2 as b2
import numpy as np

b2.prefs.core.default_float_dtype = np.float32
b2.prefs.devices.cpp_standalone.openmp_threads = 0


def izhikevich(n_exc: int, n_inh: int, copies: int, paper: bool) -> list:
    """The neuron as published, with its two half steps of v; parameters of the paper or of the 2003 script."""
    equations = """
    v : 1
    u : 1
    a : 1 (constant)
    b : 1 (constant)
    c : 1 (constant)
    d : 1 (constant)
    mean : 1 (constant)
    deviation : 1 (constant)
    received : 1
    """
    group = b2.NeuronGroup((n_exc + n_inh) * copies, equations, threshold="v >= 30", reset="v = c; u += d")
    # The code of a step as a state updater would run it, and the synapses' sum taken and cleared.
    line = "4.1 * v + 108" if paper else "5 * v + 140"
    group.run_regularly(
        f"""
        current = mean + deviation * randn() + received
        received = 0
        v += 0.5 * (0.04 * v * v + {line} - u + current)
        v += 0.5 * (0.04 * v * v + {line} - u + current)
        u += a * (b * v - u)
        """,
        when="groups",
        dt=1 * b2.ms,
    )
    rng = np.random.default_rng(1)
    r = rng.random((copies, n_exc + n_inh))
    excitatory = np.arange(n_exc + n_inh) < n_exc
    if paper:
        values = {
            "a": np.where(excitatory, 0.02, 0.02 + 0.08 * r), "b": np.full_like(r, -0.1),
            "c": np.where(excitatory, -65 + 15 * r**2, -65), "d": np.where(excitatory, 8 - 6 * r**2, 2),
            "mean": np.full_like(r, 5), "deviation": np.full_like(r, np.sqrt(5)),
        }  # fmt: skip
    else:
        values = {
            "a": np.where(excitatory, 0.02, 0.02 + 0.08 * r), "b": np.where(excitatory, 0.2, 0.25 - 0.05 * r),
            "c": np.where(excitatory, -65 + 15 * r**2, -65), "d": np.where(excitatory, 8 - 6 * r**2, 2),
            "mean": np.zeros_like(r), "deviation": np.where(excitatory, 5.0, 2.0) + 0 * r,
        }  # fmt: skip
    for name, value in values.items():
        setattr(group, name, value.ravel())
    group.v = -65
    group.u = values["b"].ravel() * -65
    return [group, rng]


def w1() -> tuple[b2.Network, b2.SpikeMonitor, float]:
    """160 networks of 40 neurons as in the paper; v, u and spikes recorded in every step."""
    b2.defaultclock.dt = 1 * b2.ms
    group, rng = izhikevich(32, 8, 160, paper=True)
    joined = rng.random((160, 40, 40)) < 0.4
    joined[:, np.arange(40), np.arange(40)] = False
    k, target, source = np.nonzero(joined)
    synapses = b2.Synapses(group, group, "w : 1 (constant)", on_pre="received_post += w")
    synapses.connect(i=40 * k + source, j=40 * k + target)
    synapses.w = np.where(source < 32, 5.0, -5.0)
    states = b2.StateMonitor(group, ["v", "u"], record=True, when="before_resets")
    spikes = b2.SpikeMonitor(group)
    return b2.Network(group, synapses, states, spikes), spikes, 5.0


def w2() -> tuple[b2.Network, b2.SpikeMonitor, float]:
    """The 2003 script: 800 excitatory and 200 inhibitory neurons, all to all; spikes recorded."""
    b2.defaultclock.dt = 1 * b2.ms
    group, rng = izhikevich(800, 200, 1, paper=False)
    synapses = b2.Synapses(group, group, "w : 1 (constant)", on_pre="received_post += w")
    synapses.connect()
    weights = np.concatenate([0.5 * rng.random((800, 1000)), -rng.random((200, 1000))])  # source x target
    synapses.w = weights.ravel()
    spikes = b2.SpikeMonitor(group)
    return b2.Network(group, synapses, spikes), spikes, 1.0


def w3(n: int, in_degree: int, gap: float = 10.0) -> tuple[b2.Network, b2.SpikeMonitor, float]:
    """CUBA of Brette et al. 2007, exact integration, dt 0.1 ms; spikes recorded; threshold ``gap`` mV over reset."""
    b2.defaultclock.dt = 0.1 * b2.ms
    tau_m, tau_e, tau_i = 20 * b2.ms, 5 * b2.ms, 10 * b2.ms
    equations = """
    dv/dt = (ge + gi - (v - rest)) / tau_m : volt (unless refractory)
    dge/dt = -ge / tau_e : volt
    dgi/dt = -gi / tau_i : volt
    """
    space = {"tau_m": tau_m, "tau_e": tau_e, "tau_i": tau_i, "mV": b2.mV, "rest": (gap - 59) * b2.mV,
             "threshold": (gap - 60) * b2.mV}  # fmt: skip
    group = b2.NeuronGroup(
        n, equations, threshold="v > threshold", reset="v = -60 * mV", refractory=5 * b2.ms, method="exact",
        namespace=space,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    group.v = (-60 + 10 * rng.random(n)) * b2.mV
    n_exc = n * 4 // 5
    out, kinds = [], ((0, n_exc, "ge_post += 1.62 * mV"), (n_exc, n, "gi_post -= 9 * mV"))
    for first, last, effect in kinds:
        synapses = b2.Synapses(group[first:last], group, on_pre=effect, namespace=space)
        degree = in_degree * (last - first) // n
        # Sources of each target, drawn with replacement, pairs kept once, no unit its own source.
        pairs = np.unique(np.repeat(np.arange(n), degree) * n + rng.integers(first, last, n * degree))
        target, source = np.divmod(pairs, n)
        kept = target != source
        synapses.connect(i=source[kept] - first, j=target[kept])
        out.append(synapses)
    spikes = b2.SpikeMonitor(group)
    return b2.Network(group, *out, spikes), spikes, 1.0


WORKLOADS = {"W1": w1, "W2": w2, "W3-4000": lambda: w3(4000, 80), "W3-4000-20mV": lambda: w3(4000, 80, 20.0),
             "W3-100000": lambda: w3(100_000, 100)}  # fmt: skip


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--standalone", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, help="simulated, where another span is wanted")
    arguments = parser.parse_args()
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    if arguments.standalone:
        b2.set_device("cpp_standalone", directory=folder.name, build_on_run=False)
    else:
        b2.prefs.codegen.target = "cython"
    network, spikes, seconds = WORKLOADS[arguments.workload]()
    seconds = arguments.seconds or seconds
    runs, cpu = [], []
    if arguments.standalone:
        network.run(seconds * b2.second)
        b2.device.build(directory=folder.name, run=False)
        for _ in range(arguments.repeats):
            start_cpu = children_cpu()
            b2.device.run(directory=folder.name, with_output=False)
            runs.append(b2.device._last_run_time)  # of the loop, as its own report gives it
            cpu.append(min(children_cpu() - start_cpu, runs[-1]))
        n_spikes, n = spikes.num_spikes, len(spikes.source)
    else:
        network.run(0.01 * b2.second)  # compiles
        n, before = len(spikes.source), spikes.num_spikes
        for _ in range(arguments.repeats):
            before = spikes.num_spikes
            start, start_cpu = time.perf_counter(), time.process_time()
            network.run(seconds * b2.second)
            runs.append(time.perf_counter() - start)
            cpu.append(time.process_time() - start_cpu)
        n_spikes = spikes.num_spikes - before
    print(
        json.dumps(
            {
                "seconds": min(runs),
                "cpu": min(cpu),
                "simulated": seconds,
                "rate": float(n_spikes) / n / seconds,
                "version": f"Brian2 {b2.__version__}",
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
