"""In eager mode attention's kernels are called past torch's dispatcher: nobody may see a difference."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from synfer.ops import attention_with_map, attention_with_map_reference

FUNCTIONS = (attention_with_map, attention_with_map_reference)


def squares(function, *tensors, **options):
    """A loss on output and map."""
    out, map_ = function(*tensors, **options)
    return out.square().sum() + map_.square().sum()


class Watching(TorchDispatchMode):
    """Remember the operators that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(func.name())
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("wanted", [False, True])
def test_whoever_watches_sees_the_operator(heads, wanted):
    """In eager mode its kernel is called without the dispatcher, to the same results."""
    inputs = [x.requires_grad_(wanted) for x in heads(2, 3, 5, 40, 8)]
    plain = attention_with_map(*inputs, n_sources=4)
    grads = torch.autograd.grad(plain[0].sum() + plain[1].square().sum(), inputs) if wanted else ()
    with Watching() as watching:
        watched = attention_with_map(*inputs, n_sources=4)
        loss = watched[0].sum() + watched[1].square().sum()
        found = torch.autograd.grad(loss, inputs) if wanted else ()
    assert ("synfer::attention_with_map" in watching.seen) and (
        ("synfer::attention_with_map_backward" in watching.seen) == wanted
    )
    for x, y in zip((*plain, *grads), (*watched, *found), strict=True):
        assert torch.equal(x, y)


def test_a_pending_sign_counts(heads):
    q, k, v = heads(2, 3, 5, 40, 8)
    negative = torch.complex(torch.zeros_like(q), -q).conj().imag
    assert negative.is_neg()
    for x, y in zip(attention_with_map(negative, k, v), attention_with_map(q, k, v), strict=True):
        assert torch.equal(x, y)
    sign = torch.complex(torch.zeros_like(q), q).conj().imag
    loss = attention_with_map(q.requires_grad_(), k, v)[0]
    torch.testing.assert_close(
        torch.autograd.grad(loss, q, sign)[0], -torch.autograd.grad(attention_with_map(q, k, v)[0], q, q.detach())[0]
    )


@pytest.mark.parametrize("wanted", [False, True])
def test_profilers_see_the_operator(heads, wanted):
    inputs = [x.requires_grad_(wanted) for x in heads(2, 3, 5, 40, 8)]
    with torch.autograd.profiler.profile() as profile:
        loss = squares(attention_with_map, *inputs)
        if wanted:
            loss.backward()
    seen = {event.name for event in profile.function_events}
    assert "synfer::attention_with_map" in seen
    assert ("synfer::attention_with_map_backward" in seen) == wanted


class Hearing(TorchFunctionMode):
    """Remember the functions that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.heard.append(str(func))
        return func(*args, **(kwargs or {}))


def test_modes_of_functions_see_the_operator(heads):
    with Hearing() as hearing, torch.no_grad():
        attention_with_map(*heads(2, 3, 5, 40, 8))
    assert "synfer.attention_with_map.default" in hearing.heard


@pytest.mark.parametrize("shape", [(2, 3, 5, 40, 8), (1, 2, 600, 600, 256)])
@pytest.mark.parametrize("wanted", [False, True])
def test_results_may_be_changed_in_place(heads, shape, wanted):
    """Also those that come from the pool, also made without gradients and changed with them."""
    q, k, v = (x.requires_grad_(wanted) for x in heads(*shape))
    factor = torch.full((), 2.0, requires_grad=True)
    with torch.set_grad_enabled(wanted):
        out, map_ = attention_with_map(q, k, v)
        kept = out.detach().clone(), map_.detach().clone()
    assert out._base is None and map_._base is None
    assert out.transpose(1, 2).is_contiguous()
    out.mul_(factor)
    map_.add_(factor)
    assert torch.equal(out, 2 * kept[0]) and torch.equal(map_, kept[1] + 2)
    (out.sum() + map_.sum()).backward()
    torch.testing.assert_close(factor.grad, kept[0].sum() + map_.numel(), rtol=1e-4, atol=1e-3)
    if wanted:
        expected = torch.autograd.grad(2 * attention_with_map(q, k, v)[0].sum(), v)[0]
        torch.testing.assert_close(v.grad, expected)


@pytest.mark.parametrize("keep_graph", [False, True])
def test_many_gradients_at_once(heads, keep_graph):
    """``is_grads_batched`` hands the backward pass tensors that stand for many and have no memory."""
    inputs = [x.requires_grad_() for x in heads(2, 3, 5, 12, 4)]
    results = attention_with_map(*inputs, n_sources=4)
    many = [torch.randn(6, *x.shape) for x in results]
    together = torch.autograd.grad(results, inputs, many, is_grads_batched=True, create_graph=keep_graph)
    results = attention_with_map(*inputs, n_sources=4)
    each = [torch.autograd.grad(results, inputs, [m[i] for m in many], retain_graph=True) for i in range(6)]
    for x, y in zip(together, zip(*each, strict=True), strict=True):
        torch.testing.assert_close(x, torch.stack(y))


def test_vectorized_jacobians(heads):
    q, k, v = heads(1, 2, 3, 4, 2)
    ours, theirs = (
        torch.autograd.functional.jacobian(lambda q, f=f: f(q, k, v)[1], q, vectorize=True) for f in FUNCTIONS
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("wanted", [False, True])
def test_tangents_are_carried_forward(heads, wanted):
    """Without gradients too, where it would not be noticed that they were lost."""
    q, k, v = heads(2, 3, 5, 12, 4)
    with torch.set_grad_enabled(wanted), forward_ad.dual_level():
        ours, theirs = (
            [forward_ad.unpack_dual(x).tangent for x in f(forward_ad.make_dual(q, q.cos()), k, v)] for f in FUNCTIONS
        )
        for x, y in zip(ours, theirs, strict=True):
            torch.testing.assert_close(x, y)


def test_derivatives_forward_by_transforms(heads):
    q, k, v = heads(1, 2, 2, 4, 2, dtype=torch.float64)
    ours, theirs = (torch.func.hessian(lambda q, f=f: squares(f, q, k, v, n_sources=2))(q) for f in FUNCTIONS)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("normalize", ["softmax", "none"])
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_under_autocast_as_in_half_precision_without(heads, normalize, half):
    """float16 has no kernel: what stands in for it must not be cast once more."""
    q, k, v = heads(2, 3, 5, 12, 4)
    with torch.autocast("cpu", dtype=half):
        found = attention_with_map(4 * q, k, v, normalize=normalize)
    expected = attention_with_map((4 * q).to(half), k.to(half), v.to(half), normalize=normalize)
    for x, y in zip(found, expected, strict=True):
        assert x.dtype == y.dtype and torch.equal(x, y)
    assert found[1].dtype == torch.float32
