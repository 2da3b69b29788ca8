"""Attention as a torch operator: schema, transforms, memory layouts, threads, and what falls back to plain torch."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synfer import _core
from synfer.errors import InputError, ShapeError
from synfer.ops import attention_with_map, attention_with_map_reference

AXES = ("batch", "head", "lag")
REDUCTIONS = [axes for n in range(4) for axes in itertools.combinations(AXES, n)]
FUNCTIONS = (attention_with_map, attention_with_map_reference)


def gradients(function, tensors, seed=0, **options):
    """Output, map (where there is one) and gradients of a weighted sum of both."""
    tensors = [t.detach().requires_grad_() for t in tensors]
    bias = tensors[3] if len(tensors) > 3 else None
    found = [t for t in function(*tensors[:3], bias=bias, **options) if t is not None]
    generator = torch.Generator().manual_seed(seed)
    grads = [torch.randn(t.shape, generator=generator).to(t.dtype) for t in found]
    return [*(t.detach() for t in found), *torch.autograd.grad(found, tensors, grads)]


def assert_same(ours, theirs, rtol=2e-5, atol=2e-5):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype
        torch.testing.assert_close(mine, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("normalize", ["softmax", "none"])
def test_opcheck(heads, reduce, normalize):
    q, k, v = (t.requires_grad_() for t in heads(2, 3, 5, 12, 4, 6))
    flags = ("batch" in reduce, "head" in reduce, "lag" in reduce, normalize == "softmax")
    bias = torch.randn(5, 4, requires_grad=True)
    for arguments in ((q, k, v, None), (q, k, v, bias)):
        for out_map in (True, False):
            torch.library.opcheck(
                torch.ops.synfer.attention_with_map.default, (*arguments, 4, 0.5, *flags, out_map), atol=1e-5, rtol=1e-4
            )


@pytest.mark.parametrize("with_map", [True, False])
def test_opcheck_of_the_backward(heads, with_map):
    q, k, v = (t.requires_grad_() for t in heads(2, 3, 5, 12, 4, 6))
    bias, grad_out = torch.randn(5, 12, requires_grad=True), torch.randn(2, 3, 5, 6)
    grad_map = torch.randn(5, 4) if with_map else None
    arguments = (q, k, v, bias, grad_out, grad_map, 4, 0.5, True, True, True, True, True)
    torch.library.opcheck(
        torch.ops.synfer.attention_with_map_backward.default, arguments, atol=1e-5, rtol=1e-4,
        test_utils=("test_schema", "test_faketensor"),
    )  # fmt: skip


@pytest.mark.parametrize("bias_columns", [0, 3, 6])
@pytest.mark.parametrize("normalize", ["softmax", "none"])
def test_first_and_second_derivatives(heads, bias_columns, normalize):
    tensors = [t.requires_grad_() for t in heads(2, 2, 3, 6, 3, 2, dtype=torch.float64)]
    if bias_columns:
        tensors.append(torch.randn(3, bias_columns, dtype=torch.float64, requires_grad=True))

    def operator(q, k, v, bias=None):
        return attention_with_map(q, k, v, bias=bias, n_sources=3, normalize=normalize)

    assert torch.autograd.gradcheck(operator, tensors)
    assert torch.autograd.gradgradcheck(operator, tensors, fast_mode=True)


def test_third_derivatives(heads):
    q, k, v = (t.requires_grad_() for t in heads(1, 1, 2, 3, 2, dtype=torch.float64))

    def second(q):
        out, map_ = attention_with_map(q, k, v)
        (first,) = torch.autograd.grad(out.square().sum() + map_.square().sum(), q, create_graph=True)
        return torch.autograd.grad(first.square().sum(), q, create_graph=True)[0]

    assert torch.autograd.gradcheck(second, [q])


@pytest.mark.parametrize("wanted", ["out", "map"])
def test_a_loss_on_one_result_alone(heads, wanted):
    tensors = [t.requires_grad_() for t in heads(2, 3, 5, 12, 4)]
    index = ("out", "map").index(wanted)
    ours, theirs = (
        torch.autograd.grad(f(*tensors, n_sources=4)[index].square().sum(), tensors, materialize_grads=True)
        for f in FUNCTIONS
    )
    assert_same(ours, theirs)


def test_a_constant_bias_gets_no_gradient(heads):
    q, k, v = (t.requires_grad_() for t in heads(2, 3, 5, 12, 4))
    bias = torch.randn(5, 4)
    attention_with_map(q, k, v, n_sources=4, bias=bias)[0].sum().backward()
    assert bias.grad is None and q.grad is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_trace_holds_the_operator(heads):
    q, k, v = heads(2, 3, 5, 40, 8)
    traced = torch.jit.trace(lambda q, k, v: attention_with_map(q, k, v, n_sources=4), (q, k, v))
    for x, y in zip(traced(2 * q, k, v), attention_with_map(2 * q, k, v, n_sources=4), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiles_whole(heads, dynamic):
    def loss(q, k, v, bias):
        out, map_ = attention_with_map(q, k, v, n_sources=4, bias=bias, reduce=("batch", "lag"))
        return (out.transpose(1, 2).flatten(2).square().sum() + (map_ * map_.log()).sum()) * 0.5

    compiled = torch.compile(loss, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for targets in (5, 7):
        tensors = [t.requires_grad_() for t in heads(2, 3, targets, 12, 4)]
        tensors.append(torch.randn(targets, 4, requires_grad=True))
        eager = loss(*tensors)
        assert_same([compiled(*tensors)], [eager])
        assert_same(torch.autograd.grad(compiled(*tensors), tensors), torch.autograd.grad(loss(*tensors), tensors))


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("batched", ["all", "q", "kv", "bias"])
def test_vmap_over_initialisations(heads, reduce, batched):
    stack = [torch.stack(ts) for ts in zip(*(heads(2, 3, 5, 12, 4, seed=s) for s in range(4)), strict=True)]
    stack.append(torch.randn(4, 5, 4))
    in_dims = [0 if batched == "all" or name in batched else None for name in ("q", "k", "v", "bias")]
    inputs = [t if d == 0 else t[0] for t, d in zip(stack, in_dims, strict=True)]

    def operator(q, k, v, bias):
        return attention_with_map(q, k, v, n_sources=4, bias=bias, reduce=reduce)

    def loss(q, k, v, bias):
        out, map_ = operator(q, k, v, bias)
        return out.square().sum() + map_.square().sum()

    each = [[t[i] if d == 0 else t for t, d in zip(inputs, in_dims, strict=True)] for i in range(4)]
    together = torch.vmap(operator, in_dims=tuple(in_dims))(*inputs)
    assert_same(together, [torch.stack(r) for r in zip(*(operator(*e) for e in each), strict=True)])
    grad = torch.func.grad(loss, argnums=(0, 1, 2, 3))
    together = torch.vmap(grad, in_dims=tuple(in_dims))(*inputs)
    assert_same(together, [torch.stack(r) for r in zip(*(grad(*e) for e in each), strict=True)])


def test_hessians_by_transforms(heads):
    q, k, v = heads(1, 2, 2, 4, 2, dtype=torch.float64)

    def loss(function, q):
        out, map_ = function(q, k, v, n_sources=2)
        return out.square().sum() + map_.square().sum()

    ours, theirs = (torch.func.jacrev(torch.func.jacrev(lambda q, f=f: loss(f, q)))(q) for f in FUNCTIONS)
    torch.testing.assert_close(ours, theirs)


def test_vmap_without_bias_or_map(heads):
    stack = [torch.stack(ts) for ts in zip(*(heads(2, 3, 5, 12, 4, seed=s) for s in range(4)), strict=True)]
    out = torch.vmap(lambda q, k, v: attention_with_map(q, k, v, out_map=False)[0])(*stack)
    assert_same([out], [torch.stack([attention_with_map(*ts)[0] for ts in zip(*stack, strict=True)])])


@pytest.mark.parametrize("level_bits", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_single(heads, level_bits):
    tensors = [t.to(level_bits) for t in heads(2, 3, 20, 120, 8)]
    ours = gradients(attention_with_map, tensors, n_sources=12)
    exact = gradients(attention_with_map_reference, [t.double() for t in tensors], n_sources=12)
    assert [t.dtype for t in ours] == [level_bits, torch.float32, level_bits, level_bits, level_bits]
    torch.testing.assert_close(ours[1].double(), exact[1], rtol=1e-5, atol=1e-6)
    for mine, truth in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine.double(), truth, rtol=1e-2, atol=5e-3)


def test_autocast(heads):
    tensors = [t.requires_grad_() for t in heads(2, 3, 5, 12, 4)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, map_ = attention_with_map(tensors[0], tensors[1].bfloat16(), tensors[2], n_sources=4)
    assert out.dtype == torch.bfloat16 and map_.dtype == torch.float32
    out.sum().backward()
    assert all(t.grad.dtype == torch.float32 for t in tensors)
    torch.testing.assert_close(map_, attention_with_map(*tensors, n_sources=4)[1], rtol=3e-2, atol=1e-2)


@pytest.mark.parametrize("layout", ["heads inside", "contiguous", "channels apart", "every other", "expanded", "one"])
def test_any_strides(level, heads, layout):
    q, k, v = heads(2, 3, 21, 36, 8)
    views = {
        "heads inside": [q, k, v],
        "contiguous": [t.contiguous() for t in (q, k, v)],
        "channels apart": [t.mT.contiguous().mT for t in (q, k, v)],
        "every other": [torch.stack([t, t], -1)[..., 0] for t in (q, k, v)],
        "expanded": [t[:1].expand(2, -1, -1, -1) for t in (q, k, v)],
        "one": [q, k, k],  # the same memory twice
    }[layout]
    assert_same(
        gradients(attention_with_map, views, n_sources=12),
        gradients(attention_with_map_reference, [t.contiguous() for t in views], n_sources=12),
    )


def test_strided_gradients_and_bias(heads):
    tensors = [t.requires_grad_() for t in heads(2, 3, 5, 12, 4)]
    tensors.append(torch.randn(4, 5, requires_grad=True))

    def results(function):
        out, map_ = function(*tensors[:3], bias=tensors[3].T, n_sources=4)
        loss = out.mT.contiguous().mT.square().sum() + out.sum() + map_.T.contiguous().T.square().sum()
        return torch.autograd.grad(loss, tensors)

    assert_same(results(attention_with_map), results(attention_with_map_reference))


def test_heads_join_as_a_view(heads):
    q, k, v = (t.requires_grad_() for t in heads(2, 3, 5, 12, 4))
    out, _ = attention_with_map(q, k, v)
    joined = out.transpose(1, 2).reshape(2, 5, 12)
    assert joined.data_ptr() == out.data_ptr()
    joined.sum().backward()
    assert q.grad.transpose(1, 2).is_contiguous()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2), st.integers(0, 2), st.integers(0, 3), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2),
    st.integers(0, 2), st.sampled_from(REDUCTIONS),
)  # fmt: skip
def test_empty_and_size_one_shapes(heads, b, h, targets, n_sources, lags, d, e, reduce):
    tensors = heads(b, h, targets, n_sources * lags, d, e)
    ours = gradients(attention_with_map, tensors, n_sources=n_sources, reduce=reduce)
    theirs = gradients(attention_with_map_reference, tensors, n_sources=n_sources, reduce=reduce)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, equal_nan=True)


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize(("lags", "biased"), [(10, True), (1, True), (1, False)])
def test_the_same_bits_for_any_number_of_threads(level, threads, heads, reduce, lags, biased):
    n_sources = 300 // lags
    tensors = [*heads(6, 10, 50, 300, 8), *([torch.randn(50, n_sources)] if biased else [])]
    found = []
    for n in (1, 2, 3):
        threads(n)
        found.append(gradients(attention_with_map, tensors, n_sources=n_sources, reduce=reduce))
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_small_whatever_the_batch():
    program = """
import torch
from synfer.ops import attention_with_map
def peak():  # not ru_maxrss: a process that was started by a larger one begins with that one's
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
torch.set_num_threads(2)
q, k, v = (torch.randn(32, t, 8, 16, requires_grad=True) for t in (100, 2000, 2000))
grads = [torch.zeros_like(t) for t in (q, k, v)]
def step(n):
    ts = [t[:n].transpose(1, 2) for t in (q, k, v)]
    out, map_ = attention_with_map(*ts, n_sources=200)
    torch.autograd.grad(out.sum() + map_.square().sum(), ts)
step(1)
before = peak()
step(32)
print((peak() - before) / 1024)
"""
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    results = 4 * 32 * 8 * 16 * (100 + 100 + 2 * 2000) / 2**20  # out, dq, dk, dv
    weights = 4 * 32 * 8 * 100 * 2000 / 2**20
    extra = float(printed) - 2 * results  # grad_out, and what the allocator rounds up
    assert extra < 2 * 5 + 16 < weights / 4


def test_large_results_come_from_the_pool_and_go_back_to_it(heads):
    q, k, v = (t.requires_grad_() for t in heads(1, 2, 600, 600, 256))
    out, map_ = attention_with_map(q, k, v)
    grads = torch.autograd.grad([out, map_], [q, k, v], [torch.ones_like(out), torch.ones_like(map_)])
    assert [g.stride() for g in grads] == [t.stride() for t in (q, k, v)]
    kept, idle = map_.detach()[1:], _core.pool_idle_bytes()
    row = kept[0].clone()
    del out, grads
    given_back = _core.pool_idle_bytes() - idle
    assert given_back >= 4 * 4 * 2 * 600 * 256
    del map_
    assert _core.pool_idle_bytes() - idle == given_back and torch.equal(kept[0], row), "a view still holds the map"
    del kept
    assert _core.pool_idle_bytes() - idle >= given_back + 4 * 600 * 600


def test_core_refuses_what_does_not_fit():
    q = torch.zeros(1, 1, 2, 4)
    view = (q.data_ptr(), q.shape, q.stride(), "float32")
    plain = (1.0, True, 1, True, True)
    wide = (q.data_ptr(), (1, 1, 2, 5), (10, 10, 5, 1), "float32")
    for bad, message in (
        ((view, wide, view, None, *plain, view, None, 1), "k has not the shape"),
        ((view, view, view, None, *plain, wide, None, 1), "out has not the shape"),
        ((view, view, view, view, *plain, view, None, 1), "bias has not the shape"),
        ((view, view, view, None, 1.0, True, 3, True, True, view, None, 1), "no multiple of map_lags"),
        ((view, view, view, None, *plain, view, view, 1), "map is not a C-contiguous"),
        ((view, view, view, None, *plain, view, None, 0), "n_threads"),
        (((*view[:3], "float16"), view, view, None, *plain, view, None, 1), "no kernel for float16"),
        ((view, view, (*view[:3], "float64"), None, *plain, view, None, 1), "v is not of the dtype"),
    ):
        with pytest.raises(ValueError, match=message):
            _core.attention_forward(*bad)


def test_devices_must_agree(heads):
    q, k, v = heads(2, 3, 5, 12, 4)
    with pytest.raises(InputError, match="one device"):
        attention_with_map(q, k.to("meta"), v)
    with pytest.raises(InputError, match="one device"):
        attention_with_map(q, k, v, bias=torch.zeros(5, 12, device="meta"))
    with pytest.raises(InputError, match="one device"):
        attention_with_map(q.to("meta"), k, v)
    with pytest.raises(ShapeError, match="n_sources"):
        attention_with_map(q, k, v, n_sources=0)


def test_shapes_alone_are_worked_out_on_the_meta_device(heads):
    out, map_ = attention_with_map(*(t.to("meta") for t in heads(2, 3, 5, 12, 4)), n_sources=4)
    assert out.shape == (2, 3, 5, 4) and map_.shape == (5, 4)


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64, torch.float8_e4m3fn])
def test_other_dtypes_are_refused(heads, dtype):
    with pytest.raises(InputError, match="floating"):
        attention_with_map(*(t.to(dtype) for t in heads(2, 3, 5, 12, 4)))


def test_sparse_tensors_are_refused(heads):
    q, k, v = heads(2, 3, 5, 12, 4)
    with pytest.raises(InputError, match="v must be dense"):
        attention_with_map(q, k, v.to_sparse())
    with pytest.raises(InputError, match="bias must be dense"):
        attention_with_map(q, k, v, bias=torch.zeros(5, 12).to_sparse())


def test_a_scale_that_wants_a_gradient_is_refused(heads):
    scale = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(InputError, match="multiply q by it"):
        attention_with_map(*heads(2, 3, 5, 12, 4), scale=scale)


@pytest.mark.parametrize("function", [attention_with_map, attention_with_map_reference])
def test_the_twin_has_the_same_arguments_and_refusals(function: Any, heads: Any) -> None:
    q, k, v = heads(2, 3, 5, 12, 4)
    assert function(q, k, v, n_sources=4, out_map=False)[1] is None
    with pytest.raises(ShapeError, match="S must be a multiple of n_sources, got S = 12, n_sources = 7"):
        function(q, k, v, n_sources=7)
    with pytest.raises(InputError, match=r"got the string 'batch': write \('batch',\)"):
        function(q, k, v, reduce="batch")
    with pytest.raises(InputError, match="scale must be a number, got a str"):
        function(q, k, v, scale="x")


def test_axes_may_be_told_one_by_one(heads):
    q, k, v = heads(2, 3, 5, 12, 4)
    assert attention_with_map(q, k, v, reduce=(axis for axis in AXES))[1].shape == (5, 12)
