"""JAX at the simulator's workloads: run by bench/simulator.py with the interpreter of JAX's own environment.

    PYTHON jax_peer.py W1|W4-1000|W4-64x200 [--repeats R]

A jitted lax.scan over the steps, float32, normal numbers drawn in each step by JAX's own generator (drawing a hundred
steps at a time, or by XLA's generator "rbg", takes longer on a CPU). Prints one line of JSON: seconds of wall and of
processor time (the shortest of the repeats, compiled and warm, results dropped), steps, and a figure by which the
reader sees that it is the same network.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time


def pin_to_one_core() -> None:
    """XLA takes a thread a core it may use; one core is one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


if "--threads=all" not in sys.argv:
    pin_to_one_core()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402


def over_steps(step, state, key, n_steps: int, shape: tuple[int, ...]):
    """Scan over steps; `step` takes the state and normal numbers of the shape."""

    def drawn(carry, _):
        state, key = carry
        key, sub = jax.random.split(key)
        state, seen = step(state, jax.random.normal(sub, shape, jnp.float32))
        return (state, key), seen

    return jax.lax.scan(drawn, (state, key), None, length=n_steps)[1]


def w1(key):
    """160 networks of 40 Izhikevich neurons as in the paper, 5,000 steps of 1 ms; v, u and spikes of every step."""
    rng = np.random.default_rng(1)
    r, excitatory = rng.random((160, 40)), np.arange(40) < 32
    a, c = np.where(excitatory, 0.02, 0.02 + 0.08 * r), np.where(excitatory, -65 + 15 * r**2, -65.0)
    d = np.where(excitatory, 8 - 6 * r**2, 2.0)
    joined = (rng.random((160, 40, 40)) < 0.4) & ~np.eye(40, dtype=bool)
    weights = np.where(joined, np.where(excitatory, 5.0, -5.0), 0.0)
    a, c, d, weights = (jnp.asarray(x, jnp.float32) for x in (a, c, d, weights))

    def step(state, z):
        v, u = state
        fired = v >= 30
        current = 5 + np.float32(np.sqrt(5)) * z + jnp.einsum("kij,kj->ki", weights, fired.astype(jnp.float32))
        v, u = jnp.where(fired, c, v), jnp.where(fired, u + d, u)
        for _ in range(2):
            v = v + 0.5 * (0.04 * v * v + 4.1 * v + 108 - u + current)
        u = u + a * (-0.1 * v - u)
        return (v, u), (v, u, (v >= 30).astype(jnp.uint8))

    v = jnp.full((160, 40), -65.0, jnp.float32)
    return over_steps(step, (v, -0.1 * v), key, 5000, (160, 40))


def w4(key, shape: tuple[int, ...], n_steps: int):
    """x += 0.1 (-x + J tanh x) + 0.1 z, J ~ N(0, 1.5^2 / N); x of every step."""
    n = shape[-1]
    couplings = np.random.default_rng(1).normal(0, 1.5 / np.sqrt(n), (*shape[:-1], n, n))
    couplings = jnp.asarray(couplings, jnp.float32)

    def step(x, z):
        x = x + 0.1 * (-x + jnp.einsum("...ij,...j->...i", couplings, jnp.tanh(x))) + 0.1 * z
        return x, x

    return over_steps(step, jnp.zeros(shape, jnp.float32), key, n_steps, shape)


WORKLOADS = {
    "W1": (w1, 5000, lambda seen: {"rate": float(seen[2].mean(dtype=jnp.float32)) * 1000}),
    "W4-1000": (
        functools.partial(w4, shape=(1000,), n_steps=2000), 2000, lambda x: {"deviation": float(x[500:].std())},
    ),
    "W4-64x200": (
        functools.partial(w4, shape=(64, 200), n_steps=1000), 1000, lambda x: {"deviation": float(x[500:].std())},
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", choices=("one", "all"), default="one")
    arguments = parser.parse_args()
    simulate, n_steps, figure = WORKLOADS[arguments.workload]
    compiled = jax.jit(simulate)
    about = figure(compiled(jax.random.key(0)))
    runs, cpu = [], []
    for k in range(arguments.repeats):
        key = jax.random.key(k + 1)
        start, start_cpu = time.perf_counter(), time.process_time()
        seen = jax.block_until_ready(compiled(key))
        runs.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
        del seen
    about |= {"seconds": min(runs), "cpu": min(cpu), "steps": n_steps}
    print(json.dumps(about | {"version": f"JAX {jax.__version__}"}))


if __name__ == "__main__":
    main()
