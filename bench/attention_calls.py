"""What a call of attention costs beside its arithmetic, by the way it is brought to torch.

    python bench/run.py attention_calls [--seconds 2]

Microseconds of a call with next to nothing to compute (1 x 1 x 1 x 1 x 4), whose inputs want gradients, on one thread:
forward, and forward and backward. The best of many calls, the ways in turn. All of them share one forward and one
backward function and save the same tensors; what differs is who calls them:

- synfer: an operator (`Library.define` and `impl`, with a schema, a fake and rules for transforms) for whoever traces,
  transforms or watches; on plain tensors in eager mode a torch.autograd.Function calls its kernels past the dispatcher.
- operator, function around it: the same, but that Function calls the operators, as it did before.
- operator, register_autograd: the operator called with torch's own autograd kernel (whose formula is synfer's).
- custom_op: torch.library.custom_op with register_autograd.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from run import write_results
from synfer.ops import attention_operator as operator

OPTIONS = (1, 0.5, True, True, True, True, True)
FORWARD: Any = operator._forward


class Around(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Any:
        result = torch.ops.synfer.attention_with_map.default(*arguments)
        operator._setup(ctx, arguments, result)
        return result

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor | None, grad_map: Tensor | None) -> Any:
        call = torch.ops.synfer.attention_with_map_backward.default
        dq, dk, dv, _ = call(*ctx.saved_tensors, grad_out, grad_map, *ctx.options, False)
        return dq, dk, dv, *(None,) * 8


@torch.library.custom_op("synfer_bench::attention_with_map", mutates_args=())
def custom(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, n_sources: int, scale: float, over_batch: bool,
    over_head: bool, over_lag: bool, softmax: bool, out_map: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    found: tuple[Tensor, Tensor] = FORWARD(
        q, k, v, bias, n_sources, scale, over_batch, over_head, over_lag, softmax, out_map
    )
    return found


custom.register_autograd(operator._gradients, setup_context=operator._setup)

WAYS: dict[str, Callable[..., Any]] = {
    "synfer": operator._Attention.apply,
    "operator, function around it": Around.apply,
    "operator, register_autograd": torch.ops.synfer.attention_with_map.default,
    "custom_op": custom,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    inputs = [torch.randn(1, 1, 1, 4, requires_grad=True) for _ in range(3)]
    best = {(way, what): float("inf") for way in WAYS for what in ("forward", "forward and backward")}
    end = time.perf_counter() + options.seconds
    while time.perf_counter() < end:
        for way, call in WAYS.items():
            for _ in range(20):
                start = time.perf_counter()
                out, map_ = call(*inputs, None, *OPTIONS)
                middle = time.perf_counter()
                torch.autograd.grad([out, map_], inputs, [out, map_])
                last = time.perf_counter()
                for what, took in (("forward", middle - start), ("forward and backward", last - start)):
                    best[way, what] = min(best[way, what], took)
    rows = [
        {"way": way, **{f"{what}, us": f"{best[way, what] * 1e6:.1f}" for what in ("forward", "forward and backward")}}
        for way in WAYS
    ]
    text = (__doc__ or "").split("\n\n", 2)[2]
    write_results("attention_calls", "What a call of attention costs", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
