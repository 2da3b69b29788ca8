"""The compiled attention as a torch operator: schema, shapes, gradients.

``torch.library`` makes it one node to ``torch.compile``, ``torch.export`` and CUDA graphs, and lets it have a rule for
``vmap``. Its Python side is kept short, for attention here takes tens of microseconds: the operator is defined through
``Library`` rather than ``custom_op``, and where nobody would see the difference, on plain tensors in eager mode, its
kernel is called without torch's dispatcher, by an autograd.Function where gradients are wanted, which costs a third of
what the autograd kernel of ``register_autograd`` or ``custom_op`` cost (bench/results/attention_calls.md). Whoever
traces, transforms or watches sees the operator. All ways share one formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from synfer import _core
from synfer.ops.attention_kernels import KERNELS
from synfer.ops.attention_reference import attention_with_map_reference
from synfer.ops.views import empty_like, maybe_view, new_empty, new_empty_heads, view

library = torch.library.Library("synfer", "DEF")
_OPTIONS = "int n_sources, float scale, bool over_batch, bool over_head, bool over_lag, bool softmax"
library.define(
    f"attention_with_map(Tensor q, Tensor k, Tensor v, Tensor? bias, {_OPTIONS}, bool out_map) -> (Tensor, Tensor)"
)
library.define(
    "attention_with_map_backward(Tensor q, Tensor k, Tensor v, Tensor? bias, Tensor? grad_out, Tensor? grad_map, "
    f"{_OPTIONS}, bool want_dbias) -> (Tensor, Tensor, Tensor, Tensor)"
)


def compiled_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    n_sources: int,
    scale: float,
    over_batch: bool,
    over_head: bool,
    over_lag: bool,
    softmax: bool,
    out_map: bool,
) -> tuple[Tensor, Tensor]:
    """Call the operator; the map is empty where it is not wanted. Arguments are not checked."""
    arguments = (q, k, v, bias, n_sources, scale, over_batch, over_head, over_lag, softmax, out_map)
    call: Any = torch.ops.synfer.attention_with_map.default
    if torch._C._are_functorch_transforms_active():
        call = _Transformable.apply
    elif not torch.compiler.is_compiling() and not torch._C._is_tracing():
        call = _Attention.apply if torch.is_grad_enabled() else _forward if _unseen(q, k, v, bias) else call
    result: tuple[Tensor, Tensor] = call(*arguments)
    return result


_PLAIN = (Tensor, torch.nn.Parameter)


def _unseen(*tensors: Tensor | None) -> bool:
    """Whether the kernel may be called for the operator: nobody watches, and tensors are no more than their memory.

    Gradients may also stand for many (``is_grads_batched``), and have no memory then.
    """
    if torch._C._len_torch_dispatch_stack() or torch._C._len_torch_function_stack():
        return False
    return not torch._C._autograd._profiler_enabled() and all(
        x is None or (type(x) in _PLAIN and not x.is_neg() and torch._C._has_storage(x)) for x in tensors
    )


def _exact(dtype: torch.dtype) -> torch.dtype:
    """What is computed in, and what the map comes in, for a connectome is read from it."""
    return dtype if dtype in (torch.float32, torch.float64) else torch.promote_types(dtype, torch.float32)


def _empty_results(
    empty: Callable[..., Tensor],
    empty_heads: Callable[..., Tensor],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    n_sources: int,
    over_batch: bool,
    over_head: bool,
    over_lag: bool,
    out_map: bool,
) -> tuple[Tensor, Tensor]:
    """The output, in memory (B, L, H, E) so that the heads join as a view, and the map."""
    b, h, targets, _ = q.shape
    out = empty_heads(q, (b, h, targets, v.shape[3]), dtype=q.dtype)
    shape: list[int] = [0]
    if out_map:
        shape = ([] if over_batch else [b]) + ([] if over_head else [h]) + [targets, n_sources]
        if not over_lag:
            shape.append(k.shape[2] // n_sources if n_sources else 0)
    return out, empty(q, shape, dtype=_exact(q.dtype))


def _empty_gradient(like: Callable[..., Tensor], x: Tensor, dtype: torch.dtype) -> Tensor:
    """Laid out as x, unless its channels do not lie side by side."""
    found = like(x, dtype=dtype)
    return found if found.stride(-1) == 1 else x.new_empty(x.shape, dtype=dtype)


def _nothing_to_do(q: Tensor, k: Tensor) -> bool:
    """No pair of a query and a key; the kernels can do without channels."""
    return 0 in q.shape[:3] or k.shape[2] == 0


def _reference(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    n_sources: int,
    scale: float,
    over_batch: bool,
    over_head: bool,
    over_lag: bool,
    softmax: bool,
) -> tuple[Tensor, Tensor]:
    over = {"batch": over_batch, "head": over_head, "lag": over_lag}
    out, map_ = attention_with_map_reference(
        q,
        k,
        v,
        n_sources=n_sources,
        scale=scale,
        reduce=[axis for axis in over if over[axis]],
        bias=bias,
        normalize="softmax" if softmax else "none",
    )
    assert map_ is not None
    return out, map_


def _forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    n_sources: int,
    scale: float,
    over_batch: bool,
    over_head: bool,
    over_lag: bool,
    softmax: bool,
    out_map: bool,
) -> tuple[Tensor, Tensor]:
    out, map_ = _empty_results(new_empty, new_empty_heads, q, k, v, n_sources, over_batch, over_head, over_lag, out_map)
    if _nothing_to_do(q, k):
        plain_out, plain_map = _reference(q, k, v, bias, n_sources, scale, over_batch, over_head, over_lag, softmax)
        return out.copy_(plain_out), map_.copy_(plain_map) if out_map else map_
    exact = map_.dtype
    written = out if out.dtype == exact else torch.empty_like(out, dtype=exact)
    bias = None if bias is None else bias.to(exact)
    kernels = KERNELS[q.device.type](q)
    kernels.forward(
        view(q),
        view(k),
        view(v),
        maybe_view(bias),
        scale,
        softmax,
        k.shape[2] // n_sources if over_lag else 1,
        over_batch,
        over_head,
        view(written),
        view(map_) if out_map else None,
        *kernels.where,
    )
    return out if written is out else out.copy_(written), map_


def _backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    grad_out: Tensor | None,
    grad_map: Tensor | None,
    n_sources: int,
    scale: float,
    over_batch: bool,
    over_head: bool,
    over_lag: bool,
    softmax: bool,
    want_dbias: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    exact = _exact(q.dtype)
    dq, dk, dv = (_empty_gradient(empty_like, x, exact) for x in (q, k, v))
    dbias = q.new_empty(bias.shape if want_dbias and bias is not None else 0, dtype=exact)
    if _nothing_to_do(q, k):
        for grad in (dq, dk, dv, dbias):
            grad.zero_()
    else:
        exact_bias = None if bias is None else bias.to(exact)
        # The gradient of a map that was not wanted is empty where autograd makes it up.
        exact_grad = None if grad_map is None or grad_map.numel() == 0 else grad_map.to(exact).contiguous()
        kernels = KERNELS[q.device.type](q)
        kernels.backward(
            view(q),
            view(k),
            view(v),
            maybe_view(exact_bias),
            scale,
            softmax,
            k.shape[2] // n_sources if over_lag else 1,
            over_batch,
            over_head,
            maybe_view(grad_out),
            maybe_view(exact_grad),
            view(dq),
            view(dk),
            view(dv),
            view(dbias) if want_dbias else None,
            *kernels.where,
        )
    if exact != q.dtype:
        dq, dk, dv = (x.to(q.dtype) for x in (dq, dk, dv))
    return dq, dk, dv, dbias if bias is None else dbias.to(bias.dtype)


for _key in ("CPU", "CUDA") if _core.cuda_built else ("CPU",):
    library.impl("attention_with_map", _forward, _key)
    library.impl("attention_with_map_backward", _backward, _key)


@torch.library.register_fake("synfer::attention_with_map", lib=library)
def _fake_forward(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, n_sources: int, scale: float, *flags: bool
) -> tuple[Tensor, Tensor]:
    over_batch, over_head, over_lag, _, out_map = flags

    def heads(x: Tensor, shape: tuple[int, ...], *, dtype: torch.dtype) -> Tensor:
        return x.new_empty([shape[axis] for axis in (0, 2, 1, 3)], dtype=dtype).transpose(1, 2)

    return _empty_results(Tensor.new_empty, heads, q, k, v, n_sources, over_batch, over_head, over_lag, out_map)


@torch.library.register_fake("synfer::attention_with_map_backward", lib=library)
def _fake_backward(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, *rest: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dbias = q.new_empty(0, dtype=_exact(q.dtype)) if bias is None else bias.new_empty(bias.shape if rest[-1] else 0)
    dq, dk, dv = (_empty_gradient(torch.empty_like, x, x.dtype) for x in (q, k, v))
    return dq, dk, dv, dbias


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.options = inputs[4:-1]
    ctx.set_materialize_grads(False)


def _gradients(ctx: Any, grad_out: Tensor | None, grad_map: Tensor | None) -> tuple[Tensor | None, ...]:
    q, k, v, bias = ctx.saved_tensors
    none = (None,) * 7
    if grad_out is None and grad_map is None:
        return (None, None, None, None, *none)
    want_dbias = bias is not None and ctx.needs_input_grad[3]
    call: Any = torch.ops.synfer.attention_with_map_backward.default
    if torch._C._are_functorch_transforms_active():
        call = _TransformableBackward.apply
    elif (
        not torch.is_grad_enabled() and not torch.compiler.is_compiling() and _unseen(q, k, v, bias, grad_out, grad_map)
    ):
        call = _backward
    dq, dk, dv, dbias = call(q, k, v, bias, grad_out, grad_map, *ctx.options, want_dbias)
    return (dq, dk, dv, dbias if want_dbias else None, *none)


def _setup_second(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:6])
    ctx.options, ctx.want_dbias = inputs[6:-1], inputs[-1]


def _second_gradients(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    """Derivatives of the gradients, exact, through plain torch (and so holding every weight)."""
    given = [x is not None for x in ctx.saved_tensors]
    n_inputs = 4 if ctx.want_dbias else 3

    def gradients(*tensors: Tensor) -> tuple[Tensor, ...]:
        rest = iter(tensors)
        q, k, v, bias, grad_out, grad_map = (next(rest) if here else None for here in given)
        wanted = [grad is not None for grad in (grad_out, grad_map)]

        def results(*inputs: Tensor) -> tuple[Tensor, ...]:
            own_bias = inputs[3] if ctx.want_dbias else bias
            both = _reference(inputs[0], inputs[1], inputs[2], own_bias, *ctx.options)
            return tuple(x for x, here in zip(both, wanted, strict=True) if here)

        backward: Any = torch.func.vjp(results, *(q, k, v, bias)[:n_inputs])[1]
        found: tuple[Tensor, ...] = backward(tuple(grad for grad in (grad_out, grad_map) if grad is not None))
        return found

    backward: Any = torch.func.vjp(gradients, *(x for x in ctx.saved_tensors if x is not None))[1]
    found = iter(backward(tuple(grads[:n_inputs])))
    return (*(next(found) if here else None for here in given), *(None,) * 7)


class _Attention(torch.autograd.Function):
    # Without `setup_context`: where there is one, torch binds the arguments by their signature, and that takes longer
    # than all the rest of the call.
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Any:
        call: Any = _forward if _unseen(*arguments[:4]) else torch.ops.synfer.attention_with_map.default
        result = call(*arguments)
        _setup(ctx, arguments, result)
        return result

    backward = staticmethod(_gradients)


# torch.func's transforms ask for `setup_context`, also within an operator's own autograd formula; they take these.
class _Transformable(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> Any:
        return torch.ops.synfer.attention_with_map.default(*arguments)

    setup_context = staticmethod(_setup)
    backward = staticmethod(_gradients)


class _TransformableBackward(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> Any:
        return torch.ops.synfer.attention_with_map_backward.default(*arguments)

    setup_context = staticmethod(_setup_second)
    backward = staticmethod(_second_gradients)


torch.library.register_autograd("synfer::attention_with_map", _gradients, setup_context=_setup, lib=library)
torch.library.register_autograd(
    "synfer::attention_with_map_backward", _second_gradients, setup_context=_setup_second, lib=library
)
