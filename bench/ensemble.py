"""The layers of an ensemble: compiled, and the same composed of torch's operators.

    python bench/run.py ensemble

Milliseconds, the best of several runs in one process, of (initialisations, tokens, channels) as Causalformer trains at
N = 10: ten initialisations, 16 windows of 10 neurons' 10 samples. `forward + backward` has the gradients of everything.
Torch composes batch normalisation, batched products, GELU and dropout (with its own random numbers).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from run import best_seconds, write_results
from synfer.ops import Drop, Norm, normed_feed_forward, normed_linears

INITIALISATIONS, TOKENS, CHANNELS, HIDDEN, HEADS = 10, 1600, 100, 400, 80


def leaves(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(INITIALISATIONS, *s, generator=generator) / 10).requires_grad_() for s in shapes]


def torch_norm(x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Over tokens, of each initialisation by itself."""
    flat = x.transpose(0, 1).flatten(1)
    y = functional.batch_norm(flat, None, None, gain.flatten(), offset.flatten(), training=True)
    return y.view(x.shape[1], x.shape[0], x.shape[2]).transpose(0, 1)


def torch_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))


def linears() -> tuple[list[Tensor], Callable[[], Tensor], Callable[[], Tensor]]:
    """Queries, keys and values of the encoder."""
    all_ = leaves((TOKENS, CHANNELS), (CHANNELS,), (CHANNELS,), *[(HEADS, CHANNELS)] * 3, *[(HEADS,)] * 3)
    x, gain, offset, *maps = all_

    def ours() -> Tensor:
        return torch.cat(normed_linears(x, Norm(gain, offset), maps[:3], maps[3:])[0], dim=-1)

    def theirs() -> Tensor:
        normed = torch_norm(x, gain, offset)
        return torch.cat([torch_linear(normed, w, b) for w, b in zip(maps[:3], maps[3:], strict=True)], dim=-1)

    return all_, ours, theirs


def feed_forward() -> tuple[list[Tensor], Callable[[], Tensor], Callable[[], Tensor]]:
    """The feed-forward block, dropout .1."""
    widen, narrow = ((HIDDEN, CHANNELS), (HIDDEN,)), ((CHANNELS, HIDDEN), (CHANNELS,))
    all_ = leaves((TOKENS, CHANNELS), (CHANNELS,), (CHANNELS,), *widen, *narrow)
    x, gain, offset, w1, b1, w2, b2 = all_
    drop = Drop(tuple(range(INITIALISATIONS)), 1, 0.1)

    def ours() -> Tensor:
        return normed_feed_forward(x, Norm(gain, offset), (w1, b1, w2, b2), drop)[0]

    def theirs() -> Tensor:
        hidden = functional.dropout(functional.gelu(torch_linear(torch_norm(x, gain, offset), w1, b1)), 0.1)
        return x + functional.dropout(torch_linear(hidden, w2, b2), 0.1)

    return all_, ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    rows = []
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        for name, case in (("normalise, project to q, k, v", linears), ("feed-forward block", feed_forward)):
            inputs, ours, theirs = case()
            gradient = torch.randn_like(ours())

            def both(forward: Callable[[], Tensor], inputs: list[Tensor] = inputs, g: Tensor = gradient) -> None:
                torch.autograd.grad(forward(), inputs, g)

            for what, seconds in (
                ("forward", [best_seconds(f, repeats) for f in (ours, theirs)]),
                ("forward + backward", [best_seconds(lambda f=f: both(f), repeats) for f in (ours, theirs)]),
            ):
                rows.append(
                    {
                        "": f"{name}, {what}",
                        "threads": n_threads,
                        "ms": f"{seconds[0] * 1e3:.1f}",
                        "torch, ms": f"{seconds[1] * 1e3:.1f}",
                        "times faster": f"{seconds[1] / seconds[0]:.1f}",
                    }
                )
    text = (__doc__ or "").replace("\n    python bench/run.py ensemble\n", "")
    write_results("ensemble", "Layers of an ensemble", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
