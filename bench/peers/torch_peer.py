"""torch at W1: run by bench/simulator.py. `PYTHON torch_peer.py W1 [--repeats R]`, as jax_peer.py; one thread.

The obvious batch: 160 networks as one tensor, a matrix product a step for what spikes bring, v, u and spikes written
into tensors made beforehand. Not compiled: what a user of torch writes.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch

STEPS, BATCH, N, N_EXC = 5000, 160, 40, 32


@torch.no_grad()
def simulate(weights: torch.Tensor, parameters: dict[str, torch.Tensor], out: tuple[torch.Tensor, ...]) -> None:
    a, b, c, d = (parameters[name] for name in "abcd")
    v = torch.full((BATCH, N), -65.0)
    u = b * v
    fired = torch.zeros(BATCH, N)
    for step in range(STEPS):
        current = torch.randn(BATCH, N) * 5**0.5 + 5 + torch.bmm(weights, fired[..., None])[..., 0]
        spiking = v >= 30
        v = torch.where(spiking, c, v)
        u = torch.where(spiking, u + d, u)
        for _ in range(2):
            v = v + 0.5 * ((0.04 * v + 4.1) * v + 108 - u + current)
        u = u + a * (b * v - u)
        fired = (v >= 30).float()
        out[0][:, step], out[1][:, step], out[2][:, step] = v, u, fired


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=["W1"])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    r, excitatory = rng.random((BATCH, N)), np.arange(N) < N_EXC
    values = {
        "a": np.where(excitatory, 0.02, 0.02 + 0.08 * r), "b": np.full_like(r, -0.1),
        "c": np.where(excitatory, -65 + 15 * r**2, -65), "d": np.where(excitatory, 8 - 6 * r**2, 2),
    }  # fmt: skip
    joined = (rng.random((BATCH, N, N)) < 0.4) & ~np.eye(N, dtype=bool)
    weights = torch.tensor(np.where(excitatory, 5.0, -5.0) * joined, dtype=torch.float32)
    parameters = {name: torch.tensor(value, dtype=torch.float32) for name, value in values.items()}
    out = tuple(torch.empty(BATCH, STEPS, N, dtype=kind) for kind in (torch.float32, torch.float32, torch.uint8))
    runs, cpu = [], []
    for _ in range(repeats):
        start, start_cpu = time.perf_counter(), time.process_time()
        simulate(weights, parameters, out)
        runs.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    rate = float(out[2].float().mean()) * 1e3
    print(
        json.dumps(
            {"seconds": min(runs), "cpu": min(cpu), "simulated": STEPS / 1e3, "rate": rate,
             "version": f"torch {torch.__version__}"}
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
