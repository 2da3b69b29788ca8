"""Attention that exports the map a connectome is read from."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor
from torch.autograd import forward_ad

from synfer.ops import attention_batching as _  # noqa: F401  registers the rule for vmap
from synfer.ops.attention_checks import check, check_kind
from synfer.ops.attention_kernels import is_compiled
from synfer.ops.attention_operator import compiled_attention
from synfer.ops.attention_reference import attention_with_map_reference


def attention_with_map(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    n_sources: int | None = None,
    scale: float | None = None,
    reduce: Collection[str] = ("batch", "head", "lag"),
    bias: Tensor | None = None,
    out_map: bool = True,
    normalize: Literal["softmax", "none"] = "softmax",
) -> tuple[Tensor, Tensor | None]:
    """Scaled dot-product attention and, with it, the reduced map of its weights.

    ``A = softmax(scale * q kᵀ + bias)`` over the S keys (``normalize="none"``: without the softmax, linear attention),
    ``out = A v``, and the map is the mean of A over those of batch and head that ``reduce`` names, summed over lags if
    it names ``"lag"``.

    Parameters
    ----------
    q : Tensor, (B, H, L, D)
        Queries, one a target token.
    k : Tensor, (B, H, S, D)
        Keys, S = n_sources x lags, source-major: token ``j * lags + l`` is lag l of source j.
    v : Tensor, (B, H, S, E)
        Values.
    n_sources : int, optional
        How many sources the keys are of; S by default (one lag).
    scale : float, optional
        1/sqrt(D) by default.
    reduce : collection of {"batch", "head", "lag"}
        Which axes of the weights the map is reduced over.
    bias : Tensor, (L, n_sources) or (L, S), optional
        Added to the logits; -inf forbids an edge. A row that is forbidden throughout gives weights of 0. Without
        normalisation it is added to the weights themselves, and is to be finite.
    out_map : bool
        Whether the map is wanted.
    normalize : {"softmax", "none"}

    Returns
    -------
    out : Tensor, (B, H, L, E)
    map : Tensor or None
        (L, n_sources) by default; the axes not reduced stand in the order batch, head, target, source, lag. The mean
        over an empty axis is not a number, as everywhere in torch.

    Notes
    -----
    On the CPU, float32, float64 and bfloat16 are compiled: out and map come in one pass that never holds the weights,
    the gradients of q, k, v and bias from both results in another; the same bits for any number of threads (those of
    torch). Half precisions are multiplied and summed in float32, and the map is float32 then. ``out`` lies in memory as
    (B, L, H, E), so that ``out.transpose(1, 2).flatten(2)`` is a view.

    On CUDA devices (compute capability 8.0 or later, a build with CUDA) there are kernels for the same dtypes and up to
    128 channels, 32 in float64 (64 and none where a block has less than 110 KiB of shared memory, as on devices of
    compute capability 8.6 and 8.9): on torch's current stream, never waiting for the device, the same bits in every
    call on one device. Those of float32 multiply in the matrix units, each product in three of half the digits, and are
    as exact as torch's; where q, k or v is infinite, what it is multiplied into is not a number there. Heads of up to
    16 rows, 16 keys and 16 channels have kernels of their own in float32 and float64 where neither a map nor the
    gradient of one or of a bias is wanted, by ordinary multiplications: the last bits of ``out`` then depend on whether
    the map is wanted. Elsewhere, for second derivatives, and where tangents are carried forward,
    :func:`attention_with_map_reference` does the work.

    Raises
    ------
    ShapeError
        Where q, k, v or bias do not fit together, or S is not a multiple of n_sources.
    InputError
        Where dtypes or devices differ, a dtype is none of float32, float64, bfloat16 and float16, a tensor is sparse,
        or a gradient is wanted of the scale.
    UnknownNameError
        An axis or a normalisation that does not exist.
    DeviceError
        A CUDA device that did not take the kernels.
    """
    # As torch does for its own attention: all but float64. The device that holds nothing is not even to be asked.
    check_kind(q, k, v)
    if q.device.type != "meta" and torch.is_autocast_enabled(q.device.type):
        lower = torch.get_autocast_dtype(q.device.type)
        q, k, v = (x.to(lower) if x.dtype.is_floating_point and x.dtype != torch.float64 else x for x in (q, k, v))
    reduce = check(q, k, v, n_sources, scale, reduce, bias, normalize)
    if not is_compiled(q, v) or forward_ad._current_level >= 0:
        return attention_with_map_reference(
            q, k, v, n_sources=n_sources, scale=scale, reduce=reduce, bias=bias, out_map=out_map, normalize=normalize
        )
    out, map_ = compiled_attention(
        q,
        k,
        v,
        bias,
        k.shape[2] if n_sources is None else n_sources,
        1.0 / math.sqrt(max(q.shape[-1], 1)) if scale is None else float(scale),
        "batch" in reduce,
        "head" in reduce,
        "lag" in reduce,
        normalize == "softmax",
        out_map,
    )
    return out, map_ if out_map else None
