"""Attention and its map in plain torch: the oracle of the compiled operator, and what runs where it is not compiled."""

from __future__ import annotations

import math
from collections.abc import Collection

import torch
from torch import Tensor

from synfer.ops.attention_checks import check


def attention_with_map_reference(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    n_sources: int | None = None,
    scale: float | None = None,
    reduce: Collection[str] = ("batch", "head", "lag"),
    bias: Tensor | None = None,
    out_map: bool = True,
    normalize: str = "softmax",
) -> tuple[Tensor, Tensor | None]:
    """The slow, obvious twin of :func:`attention_with_map`: holds every weight; same arguments, results and errors."""
    reduce = check(q, k, v, n_sources, scale, reduce, bias, normalize)
    if q.device.type != "meta" and torch.is_autocast_enabled(q.device.type):
        with torch.autocast(q.device.type, enabled=False):  # would multiply, and give the map, in half precision
            return attention_with_map_reference(
                q, k, v, n_sources=n_sources, scale=scale, reduce=reduce, bias=bias, out_map=out_map,
                normalize=normalize,
            )  # fmt: skip
    n_keys = k.shape[-2]
    n_sources = n_keys if n_sources is None else n_sources
    lags = n_keys // n_sources if n_sources else 0
    exact = torch.promote_types(q.dtype, torch.float32)  # half precision is multiplied and summed in single
    logits = (q.to(exact) @ k.to(exact).transpose(-1, -2)) * (
        1.0 / math.sqrt(max(q.shape[-1], 1)) if scale is None else scale
    )
    if bias is not None:
        logits = logits + (bias if bias.shape[-1] == n_keys else bias.repeat_interleave(lags, dim=-1)).to(exact)
    weights = logits
    if normalize == "softmax" and bias is None:
        weights = torch.softmax(logits, dim=-1)
    elif normalize == "softmax":
        # A row with every edge forbidden would be 0/0, and its gradient NaN: nothing is attended to.
        forbidden = torch.isneginf(logits).all(dim=-1, keepdim=True)
        weights = torch.softmax(logits.masked_fill(forbidden, 0.0), dim=-1).masked_fill(forbidden, 0.0)
    out = (weights @ v.to(exact)).to(q.dtype)
    if not out_map:
        return out, None
    map_ = weights.unflatten(-1, (n_sources, lags))
    if "lag" in reduce:
        map_ = map_.sum(-1)
    if "head" in reduce:
        map_ = map_.mean(1)
    if "batch" in reduce:
        map_ = map_.mean(0)
    return out, map_
