"""The CUDA kernels that are compiled, and the devices that each has ever run on: the one place where that is said.

Whoever runs them on a device writes its name here, in the commit that brings the figures to bench/results. Until then
the README, the changelog and the documentation call them what `NEVER_RUN` says.
"""

from __future__ import annotations

NEVER_RUN = "compiled and tested under emulation; never yet run on a GPU"

KERNELS: dict[str, tuple[str, ...]] = {
    "simulator/cuda/kernels.cu": ("Izhikevich, LIF and rate networks",),
    "attention/cuda/forward.cu": ("attention forward",),
    "attention/cuda/backward.cu": ("attention backward",),
    "attention/cuda/hopper.cu": ("the same on compute capability 9.0",),
    "attention/cuda/few.cu": ("attention of few rows and keys",),
    "ensemble/cuda/dropout.cu": ("dropout of ensembles, with GELU and sums",),
}
"""Source file, from csrc on: what its kernels do, in the words of `synfer info`."""

RUN_ON: dict[str, tuple[str, ...]] = {
    "simulator/cuda/kernels.cu": ("NVIDIA H200",),
    "attention/cuda/forward.cu": ("NVIDIA H200",),
    "attention/cuda/backward.cu": ("NVIDIA H200",),
    "attention/cuda/hopper.cu": ("NVIDIA H200",),
    "attention/cuda/few.cu": ("NVIDIA H200",),
    "ensemble/cuda/dropout.cu": ("NVIDIA H200",),
}
"""Source file: names of the devices that its kernels have run on, with tests marked `gpu` passing."""


def summary() -> str:
    """Say which kernels there are and where each has run, in one line."""
    never = [name for source, names in KERNELS.items() if source not in RUN_ON for name in names]
    parts = [
        f"{name}: run on {', '.join(RUN_ON[source])}"
        for source, names in KERNELS.items()
        if source in RUN_ON
        for name in names
    ]
    return "; ".join([*parts, *([f"{', '.join(never)}: {NEVER_RUN}"] if never else [])])
