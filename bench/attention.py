"""Attention with its map against torch: SDPA, which gives no weights, and softmax written out, which holds them all.

    python bench/run.py attention [--threads 1 2] [--seconds 0.7] [--only NAME ...]

float32. Each entry is milliseconds forward / forward and backward; the map is reduced over batch, heads and lags, and
the backward pass includes the gradient of a loss on it (SDPA has neither). The best of several calls (over 4 s: one),
the contestants in turn, so that what else the machine does meets them all. "The map's cost" is what synfer takes beyond
the same call without its map, the two measured in turn. "MB", of larger shapes, is what forward and backward hold at
their peak beyond their inputs, with two threads, synfer / softmax written out, each in a process of its own; results
(output, map, gradients) included.
Rows 1-8 are contiguous (B, H, L, D); the others are views of (B, L, H, D), as Causalformer passes them: 16 samples, 10
initialisations of 10 heads, 10 lags; local and decoder (10 units, no map) attend within a unit, across to all of N
units. Row 0 is a call with next to nothing to compute. Of row 8, softmax written out is measured forward only.
"Goal" is what issue 4 asks of two threads: times SDPA forward / with backward, and for rows 3-5 times softmax written
out likewise, then the map's cost; "reached" says which of these in turn are, as they were measured here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from run import write_results
from synfer.ops import attention_with_map, attention_with_map_reference

SDPA, WRITTEN_OUT, OURS, WITHOUT_MAP = "SDPA, no map", "softmax written out", "synfer", "synfer without map"
LARGE = {"4", "6", "7", "8"}  # rows of which the memory is measured
ALL, PER_HEAD = ("batch", "head", "lag"), ("batch", "lag")
# name: B, H, L, S, D, n_sources, reduce (None: no map)
SHAPES: dict[str, tuple[int, int, int, int, int, int, tuple[str, ...] | None]] = {
    "0": (1, 1, 1, 1, 4, 1, ALL),
    "1": (16, 10, 5, 50, 8, 5, ALL),
    "2": (16, 10, 40, 400, 8, 40, ALL),
    "3": (64, 10, 40, 400, 8, 40, ALL),
    "4": (64, 8, 100, 1000, 16, 100, ALL),
    "5": (16, 8, 300, 3000, 32, 300, ALL),
    "6": (4, 8, 1000, 10000, 32, 1000, ALL),
    "7": (1, 8, 2048, 2048, 64, 2048, ALL),
    "8": (1, 8, 8192, 8192, 64, 8192, ALL),
    "local": (160, 100, 10, 10, 8, 10, None),
    "decoder": (160, 100, 1, 10, 8, 10, None),
    "across, N=10": (16, 100, 10, 100, 8, 10, PER_HEAD),
    "across, N=40": (16, 100, 40, 400, 8, 40, PER_HEAD),
}
# What issue 4 asks for: times SDPA and times softmax written out, each forward / forward and backward; and of the map's
# cost, everywhere where there is a map.
MIDDLE = ((1.4, 1.5), (5.0, 3.6))
GOALS: dict[str, tuple[tuple[float, float], ...]] = {
    "1": ((1.3, 1.8),), "2": ((1.3, 1.8),), "3": MIDDLE, "4": MIDDLE, "5": MIDDLE,
    "6": ((1.3, 1.3),), "7": ((1.0, 1.0),), "8": ((0.8, 0.8),),
}  # fmt: skip
MAP_COST = 0.10


def best_of(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """The shortest of each, called in turn as long as there are seconds, twice at least (once what takes over 4 s)."""
    seconds = seconds if calls else 0.0
    best = dict.fromkeys(calls, float("inf"))
    end, turns = time.perf_counter() + seconds, 0
    while turns < 2 or time.perf_counter() < end:
        for name, call in calls.items():
            if 4.0 < best[name] < float("inf"):
                continue
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
        turns += 1
    return best


def contestants(name: str) -> tuple[dict[str, Callable[[], object]], dict[str, Callable[[], object]]]:
    b, h, targets, keys, d, n_sources, reduce = SHAPES[name]

    def tensor(tokens: int) -> Tensor:
        if name.isdigit():
            return torch.randn(b, h, tokens, d)
        return torch.randn(b, tokens, h, d).transpose(1, 2)

    inputs = [tensor(t).requires_grad_() for t in (targets, keys, keys)]
    grad_out = tensor(targets)

    def sdpa() -> list[Tensor]:
        return [torch.nn.functional.scaled_dot_product_attention(*inputs)]

    def written_out() -> list[Tensor]:
        found = attention_with_map_reference(*inputs, n_sources=n_sources, reduce=reduce or ALL)
        return list(found[: 1 if reduce is None else 2])

    def without_map() -> list[Tensor]:
        return [attention_with_map(*inputs, n_sources=n_sources, out_map=False)[0]]

    def ours() -> list[Tensor]:
        found = attention_with_map(*inputs, n_sources=n_sources, reduce=reduce or ALL, out_map=reduce is not None)
        return [t for t in found if t is not None]

    heads = () if reduce == ALL else (h,)
    grad_map = None if reduce is None else torch.randn(*heads, targets, n_sources)

    def forward(function: Callable[[], list[Tensor]]) -> Callable[[], object]:
        return torch.no_grad()(function)

    def both(function: Callable[[], list[Tensor]]) -> Callable[[], object]:
        def run() -> object:
            results = function()
            return torch.autograd.grad(results, inputs, [grad_out, grad_map][: len(results)])

        return run

    functions = {SDPA: sdpa, WRITTEN_OUT: written_out, OURS: ours, WITHOUT_MAP: without_map}
    if reduce is None:
        del functions[WITHOUT_MAP]
    return {k: forward(f) for k, f in functions.items()}, {
        k: both(f) for k, f in functions.items() if (name, k) != ("8", WRITTEN_OUT)
    }


def peak_megabytes(name: str, contestant: str) -> float:
    """What one call holds at its peak beyond its inputs, in a process that has made none of that size."""
    direction = 0 if (name, contestant) == ("8", WRITTEN_OUT) else 1
    # Not getrusage's ru_maxrss: a process that was started by a larger one begins with that one's.
    program = f"""
import attention, torch

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

torch.set_num_threads(2)
for call in attention.contestants("1")[1].values():
    call()
call = attention.contestants({name!r})[{direction}][{contestant!r}]
before = peak()
call()
print((peak() - before) / 1024)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, check=True, stdout=subprocess.PIPE, text=True
    )
    return float(run.stdout)


def row_of(name: str, threads: int, seconds: float) -> dict[str, object]:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with_rivals, pairs = [], []
    for calls in contestants(name):
        with_rivals.append(best_of({k: call for k, call in calls.items() if k != WITHOUT_MAP}, seconds))
        # Apart from the others, so that neither of the two is the one that finds its data gone from the caches.
        pairs.append(best_of({k: calls[k] for k in (OURS, WITHOUT_MAP) if WITHOUT_MAP in calls}, seconds / 2))
    forward, both = with_rivals

    def pair(cell: Callable[[dict[str, float]], str], *needed: str) -> str:
        return " / ".join(cell(t) if all(x in t for x in needed) else "-" for t in (forward, both))

    row: dict[str, object] = {"threads": threads, "": name, "B,H,L,S,D": ",".join(map(str, SHAPES[name][:5]))}
    for contestant in (SDPA, WRITTEN_OUT, OURS):
        row[contestant] = pair(lambda t, c=contestant: f"{t[c] * 1e3:.3g}", contestant)  # type: ignore[misc]
    for rival, short in ((SDPA, "times SDPA"), (WRITTEN_OUT, "times written out")):
        row[short] = pair(lambda t, r=rival: f"{t[r] / t[OURS]:.2g}", rival)  # type: ignore[misc]
    costs = [f"{(t[OURS] / t[WITHOUT_MAP] - 1) * 100:+.0f} %" if t else "-" for t in pairs]
    row["the map's cost"] = " / ".join(costs)
    if name not in GOALS:
        return {**row, "goal": "-", "reached": "-"}
    wanted = [" / ".join(f"{x:g}" for x in goal) for goal in GOALS[name]]
    row["goal"] = "; ".join([*wanted, f"{MAP_COST * 100:.0f} %"])
    reached = [
        t[rival] / t[OURS] >= least
        for rival, goal in zip((SDPA, WRITTEN_OUT), GOALS[name], strict=False)
        for t, least in zip((forward, both), goal, strict=True)
    ]
    reached += [t[OURS] / t[WITHOUT_MAP] - 1 <= MAP_COST for t in pairs]
    words = ["yes" if here else "no" for here in reached]
    row["reached"] = "; ".join(" / ".join(words[i : i + 2]) for i in range(0, len(words), 2))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=0.7, help="for each entry of the table")
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    options = parser.parse_args()
    load = os.getloadavg()[0]
    rows: list[dict[str, object]] = []
    for threads in options.threads:
        for name in options.only:
            rows.append(row_of(name, threads, options.seconds))
            print(rows[-1], flush=True)
    for name in LARGE.intersection(options.only):
        held = " / ".join(f"{peak_megabytes(name, contestant):.0f}" for contestant in (OURS, WRITTEN_OUT))
        print(name, held, "MB", flush=True)
        for row in rows:
            row["MB"] = held if row[""] == name else row.get("MB", "-")
    text = (__doc__ or "").split("\n\n", 2)[2] + f"\nLoad average before: {load:.1f}."
    write_results("attention", "Attention with its map", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
