"""The map of attention, each weight counted by the length of the value that it passes on."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from synfer.ops.attention import attention_with_map
from synfer.ops.attention_checks import check


def value_weighted_map(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    n_sources: int | None = None,
    scale: float | None = None,
    reduce: Collection[str] = ("batch", "head", "lag"),
    bias: Tensor | None = None,
    normalize: str = "softmax",
) -> Tensor:
    """Sum over lags of A |v|, the attention of `attention_with_map` times the Euclidean length of each value.

    A weight passes on nothing where the value is short (G. Kobayashi et al., "Attention is not only a weight: analyzing
    transformers with vector norms", EMNLP 2020).

    Parameters
    ----------
    q, k, v, n_sources, scale, bias, normalize
        As `attention_with_map` takes them.
    reduce : collection of {"batch", "head", "lag"}
        Means over batch and head where named; lags are summed always.

    Returns
    -------
    Tensor
        (L, n_sources), batch and head before it where they are not reduced.
    """
    check(q, k, v, n_sources, scale, reduce, bias, normalize)
    n = k.shape[2] if n_sources is None else n_sources
    # The values of source j in a channel of its own: what comes out is what each source passes on.
    source = torch.eye(n, dtype=v.dtype, device=v.device).repeat_interleave(k.shape[2] // max(n, 1), dim=0)
    passed, _ = attention_with_map(
        q, k, v.norm(dim=-1, keepdim=True) * source, n_sources=n, scale=scale, bias=bias, out_map=False,
        normalize=normalize,  # type: ignore[arg-type]
    )  # fmt: skip
    axes = [axis for axis, name in enumerate(("batch", "head")) if name in reduce]
    return passed.mean(axes) if axes else passed
