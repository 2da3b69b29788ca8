"""Attention with its map on a CUDA device, against itself without the map and softmax written out.

    python bench/run.py cuda_attention [--dtype float32 bfloat16] [--repeats 20] [--only NAME ...]

Milliseconds of the device, forward / forward and backward, by CUDA's events; the best of several, the contestants in
turn. The map is reduced over batch, heads and lags, and the backward pass includes the gradient of a loss on it. The
goals: a forward pass with the map takes at most 2 times one without, and is at least 3 times as fast as softmax written
out on shapes 4-6 and 8. SDPA gives no map; it is there to say what that costs. "-" is what does not fit in the device's
memory. A call costs the host some tenths of a millisecond, which small shapes wait for: "kernels alone" adds up what
torch's profiler gives for each of synfer's kernels, forward without and with the map / both passes. "MB" is what
forward and backward hold at their peak beyond their inputs, synfer / softmax written out.
The last two shapes are views of (B, L, H, D), as Causalformer passes them: the 10 lags of a unit among themselves, and
one target with them, in 25,600 groups of 10 heads (64 samples of 40 units, 10 initialisations). Where no map is asked
for they have kernels of their own (not in bfloat16), with both passes last in "kernels alone"; "GB/s" is what these
read and write once, forward / both passes, by their time alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import pandas as pd
import torch

from attention import SHAPES
from run import write_results
from synfer import _core
from synfer.ops import attention_kernels, attention_with_map, attention_with_map_reference

OURS, WITHOUT_MAP, WRITTEN_OUT, SDPA = "synfer", "without map", "softmax written out", "SDPA, no map"
FEW = {"10 x 10": (25_600, 10, 10, 10, 8, 10, None), "1 x 10": (25_600, 10, 1, 10, 8, 10, None)}
SHAPES = {name: shape for name, shape in SHAPES.items() if name.isdigit()} | FEW


def milliseconds(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The shortest of each, called in turn; not a number where memory does not suffice."""
    best = dict.fromkeys(calls, float("nan"))
    for _ in range(repeats + 2):  # the first calls choose algorithms and fill the allocator
        for name, call in calls.items():
            marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            try:
                marks[0].record()
                call()
                marks[1].record()
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                continue
            torch.cuda.synchronize()
            time = marks[0].elapsed_time(marks[1])
            best[name] = time if best[name] != best[name] else min(best[name], time)
    return best


def peak_megabytes(call: Callable[[], object]) -> float:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    try:
        call()
    except torch.cuda.OutOfMemoryError:
        return float("nan")
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def kernel_milliseconds(call: Callable[[], object], calls: int = 5) -> float:
    """Time of the device's kernels in one call, whatever lies between them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(calls):
            call()
        torch.cuda.synchronize()
    kernels = [e for e in profile.key_averages() if "synfer::" in e.key]
    return sum(e.device_time_total for e in kernels) / calls / 1e3


def row_of(name: str, dtype: torch.dtype, repeats: int) -> dict[str, object]:
    b, h, targets, keys, d, n_sources, _ = SHAPES[name]
    torch.manual_seed(0)

    def tensor(tokens: int) -> torch.Tensor:
        if name not in FEW:
            return torch.randn(b, h, tokens, d, device="cuda", dtype=dtype)
        return torch.randn(b, tokens, h, d, device="cuda", dtype=dtype).transpose(1, 2)

    inputs = [tensor(t).requires_grad_() for t in (targets, keys, keys)]
    assert attention_kernels.is_compiled(inputs[0], inputs[2])
    grad_out = tensor(targets)
    grad_map = torch.randn(targets, n_sources, device="cuda")
    functions: dict[str, Callable[[], tuple[torch.Tensor, ...]]] = {
        OURS: lambda: attention_with_map(*inputs, n_sources=n_sources),  # type: ignore[dict-item]
        WITHOUT_MAP: lambda: attention_with_map(*inputs, n_sources=n_sources, out_map=False)[:1],
        WRITTEN_OUT: lambda: attention_with_map_reference(*inputs, n_sources=n_sources),
        SDPA: lambda: (torch.nn.functional.scaled_dot_product_attention(*inputs),),
    }

    def both(function: Callable[[], tuple[torch.Tensor, ...]]) -> Callable[[], object]:
        def run() -> object:
            found = function()
            return torch.autograd.grad(found, inputs, [grad_out, grad_map][: len(found)])

        return run

    forward = milliseconds({k: torch.no_grad()(f) for k, f in functions.items()}, repeats)
    whole = milliseconds({k: both(f) for k, f in functions.items()}, repeats)
    row: dict[str, object] = {"": name, "B,H,L,S,D": ",".join(map(str, SHAPES[name][:5])), "dtype": str(dtype)[6:]}
    for contestant in functions:
        row[contestant] = f"{forward[contestant]:.3g} / {whole[contestant]:.3g}"
    row["map / without"] = f"{forward[OURS] / forward[WITHOUT_MAP]:.2f} / {whole[OURS] / whole[WITHOUT_MAP]:.2f}"
    row["times written out"] = f"{forward[WRITTEN_OUT] / forward[OURS]:.1f} / {whole[WRITTEN_OUT] / whole[OURS]:.1f}"
    alone = [kernel_milliseconds(torch.no_grad()(functions[k])) for k in (WITHOUT_MAP, OURS)]
    row["kernels alone"] = f"{alone[0]:.3g}, {alone[1]:.3g} / {kernel_milliseconds(both(functions[OURS])):.3g}"
    if name in FEW:
        alone.append(kernel_milliseconds(both(functions[WITHOUT_MAP])))
        tokens = b * h * d * inputs[0].element_size() * 1e-6  # megabytes of one token of all heads
        moved = (2 * (targets + keys), 2 * (targets + keys) + 3 * targets + 4 * keys)
        row["kernels alone"] += f", {alone[2]:.3g} without"  # type: ignore[operator]
        row["GB/s"] = f"{tokens * moved[0] / alone[0]:.0f} / {tokens * moved[1] / alone[2]:.0f}"
    row["MB"] = " / ".join(f"{peak_megabytes(both(functions[k])):.0f}" for k in (OURS, WRITTEN_OUT))
    # Multiplications and additions of both products, once: what a forward pass without its map cannot do without.
    row["Tflop/s"] = f"{4e-9 * b * h * targets * keys * d / forward[WITHOUT_MAP]:.1f}"
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", nargs="+", choices=["float32", "bfloat16"], default=["float32", "bfloat16"])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    options = parser.parse_args()
    if not (_core.cuda_built and torch.cuda.is_available()):
        sys.exit("bench/cuda_attention.py needs a build with CUDA kernels (SYNFER_CUDA=ON) and a CUDA device.")
    rows: list[dict[str, object]] = []
    for name in options.only:
        for dtype in options.dtype:
            rows.append(row_of(name, getattr(torch, dtype), options.repeats))
            print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\n", 2)[2]
    title = f"Attention with its map on {torch.cuda.get_device_name()}"
    write_results("cuda_attention", title, text, pd.DataFrame(rows).replace("nan", "-", regex=True))


if __name__ == "__main__":
    main()
