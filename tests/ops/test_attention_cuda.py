"""Attention on CUDA devices: its kernels emulated on the host against plain torch, plans, dispatch and refusals.

Nothing here needs a device but what is marked ``gpu``. The emulation (tests/csrc/emulation) runs the very kernels,
thread by thread, and knows what shared memory, waiting and shuffles are; it knows nothing of time or of nvcc.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from synfer import _core
from synfer.errors import DeviceError
from synfer.ops import attention_kernels, attention_with_map, attention_with_map_reference

AXES = ("batch", "head", "lag")
REDUCTIONS = [axes for n in range(4) for axes in itertools.combinations(AXES, n)]
PROCESSORS = 2  # of the emulated device: so few that blocks share heads, and that each has several


@pytest.fixture
def emulated(emulated_core: Any, monkeypatch: pytest.MonkeyPatch, request: Any) -> Iterator[list[Any]]:
    """Puts the emulated kernels in the place of the CPU's; gives a list of their calls. By default the device is of
    compute capability 9.0; on others, the forward pass of float32 has kernels of its own.
    """
    calls: list[Any] = []
    emulated_core.become(getattr(request, "param", 9))

    def kernels(q: Tensor) -> attention_kernels.Kernels:
        calls.append(q.shape)
        return attention_kernels.on_cuda(q, emulated_core, PROCESSORS, 0)

    monkeypatch.setitem(attention_kernels.KERNELS, "cpu", kernels)
    yield calls
    assert calls, "the emulated kernels were not called"


def results(function: Any, tensors: list[Tensor], seed: int = 0, **options: Any) -> list[Tensor]:
    """Output, map, and the gradients of a weighted sum of both."""
    tensors = [t.detach().requires_grad_() for t in tensors]
    bias = tensors[3] if len(tensors) > 3 else None
    found = function(*tensors[:3], bias=bias, **options)
    generator = torch.Generator().manual_seed(seed)
    grads = [torch.randn(t.shape, generator=generator).to(t) for t in found]
    return [*(t.detach() for t in found), *torch.autograd.grad(found, tensors, grads)]


def assert_as_exact_as_torch(tensors: list[Tensor], **options: Any) -> None:
    """No more than twice the mean error of float32 torch, and two units in the last place: one product has these."""
    exact = results(attention_with_map_reference, [t.double() for t in tensors], **options)
    torchs = results(attention_with_map_reference, tensors, **options)
    ours = results(attention_with_map, tensors, **options)
    for name, truth, theirs, mine in zip(("out", "map", "dq", "dk", "dv", "dbias"), exact, torchs, ours, strict=False):
        assert mine.shape == truth.shape and mine.dtype == theirs.dtype
        error, allowed = (mine - truth).abs().mean(), (theirs - truth).abs().mean()
        assert error <= 2 * allowed + 2.4e-7 * truth.abs().mean(), (name, float(error), float(allowed))


# rows, sources, lags, channels of keys and of values, columns of the bias: tiles that are full, ragged, and of one
# token; lags packed side by side, and columns cut into several tiles.
SHAPES = {
    "small": (5, 4, 3, 4, 6, 4),
    "one": (1, 1, 1, 1, 1, 1),
    "full": (64, 64, 1, 16, 16, 0),
    "ragged": (65, 13, 10, 8, 8, 130),
    "columns in three": (3, 150, 1, 17, 32, 150),
    "columns in two, of lags": (20, 70, 2, 33, 5, 70),
    "packed lags": (33, 10, 7, 8, 8, 10),
    "wide": (10, 20, 1, 128, 100, 0),
}


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
@pytest.mark.parametrize("normalize", ["softmax", "none"])
@pytest.mark.parametrize("shape", SHAPES)
def test_emulated_shapes(emulated: Any, heads: Any, shape: str, normalize: str) -> None:
    rows, n_sources, lags, d, e, columns = SHAPES[shape]
    tensors = list(heads(2, 2, rows, n_sources * lags, d, e))
    if columns:
        tensors.append(torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows)))
    assert_as_exact_as_torch(tensors, n_sources=n_sources, normalize=normalize, scale=-0.4)


@pytest.mark.parametrize("normalize", ["softmax", "none"])
@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_emulated_reductions(emulated: Any, heads: Any, reduce: tuple[str, ...], normalize: str) -> None:
    tensors = [*heads(3, 7, 5, 12, 4, 6), torch.randn(5, 12)]
    assert_as_exact_as_torch(tensors, n_sources=4, reduce=reduce, normalize=normalize)


@settings(deadline=None, max_examples=12, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    b=st.integers(1, 3), h=st.integers(1, 3), rows=st.integers(1, 70), n_sources=st.integers(1, 20),
    lags=st.integers(1, 9), d=st.integers(0, 32), e=st.integers(0, 32), biased=st.sampled_from(["no", "source", "key"]),
    spread=st.sampled_from([0.3, 3.0]), reduce=st.sampled_from(REDUCTIONS), seed=st.integers(0, 10**6),
)  # fmt: skip
def test_emulated_random_shapes(
    emulated: Any, heads: Any, b: int, h: int, rows: int, n_sources: int, lags: int, d: int, e: int, biased: str,
    spread: float, reduce: tuple[str, ...], seed: int,
) -> None:  # fmt: skip
    q, k, v = heads(b, h, rows, n_sources * lags, d, e, seed=seed)
    tensors = [q * spread, k, v]
    if biased != "no":
        tensors.append(torch.linspace(-2, 2, rows * n_sources * (lags if biased == "key" else 1)).view(rows, -1))
    ours, exact = (
        results(f, [t.double() for t in tensors], n_sources=n_sources, reduce=reduce)
        for f in (attention_with_map, attention_with_map_reference)
    )
    for mine, truth in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine, truth, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
@settings(deadline=None, max_examples=20, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    h=st.integers(1, 3), rows=st.integers(1, 70), n_sources=st.integers(1, 70), lags=st.integers(1, 9),
    d=st.integers(0, 64), e=st.integers(0, 64), softmax=st.booleans(), biased=st.booleans(),
    offset=st.sampled_from([0, 1, 4]), reduce=st.sampled_from(REDUCTIONS), seed=st.integers(0, 10**6),
)  # fmt: skip
def test_emulated_random_shapes_in_single(
    emulated: Any, heads: Any, h: int, rows: int, n_sources: int, lags: int, d: int, e: int, softmax: bool,
    biased: bool, offset: int, reduce: tuple[str, ...], seed: int,
) -> None:  # fmt: skip
    """Tiles full and ragged, fours of channels aligned and not, on either kind of device."""
    q, k, v = (
        torch.cat([torch.zeros(*t.shape[:3], offset), t], -1)[..., offset:]
        for t in heads(2, h, rows, n_sources * lags, d, e, seed=seed)
    )
    tensors = [q, k, v] + ([torch.linspace(-2, 2, rows * n_sources).view(rows, -1)] if biased else [])
    options: dict[str, Any] = {"n_sources": n_sources, "reduce": reduce, "normalize": "softmax" if softmax else "none"}
    ours = results(attention_with_map, tensors, **options)
    exact = results(attention_with_map_reference, [t.double() for t in tensors], **options)
    for mine, truth in zip(ours, exact, strict=True):
        size = float(truth.abs().max()) if truth.numel() else 0.0
        torch.testing.assert_close(mine.double(), truth, rtol=1e-5, atol=4e-6 * size + 1e-12)


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
def test_emulated_heads_of_one_block_are_put_by_in_turn(emulated: Any, heads: Any) -> None:
    """A map of 16 tiles gives so few processors enough to do: one block has all 40 heads, and puts them by in turn."""
    plan = _core.cuda_attention_plan(2, 20, 2, 1000, 1, True, True, PROCESSORS)
    assert plan["n_sums"] == 1 and 2 * 20 > 2 * 16  # put by twice, and a rest
    tensors = list(heads(2, 20, 2, 1000, 2))
    with torch.no_grad():
        ours, exact = (
            f(*(t.to(dtype) for t in tensors), normalize="none")[1]
            for f, dtype in ((attention_with_map, torch.float32), (attention_with_map_reference, torch.float64))
        )
    torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-6)


def test_emulated_first_derivatives(emulated: Any, heads: Any) -> None:
    tensors = [t.requires_grad_() for t in heads(2, 2, 3, 6, 3, 2, dtype=torch.float64)]
    tensors.append(torch.randn(3, 3, dtype=torch.float64, requires_grad=True))
    assert torch.autograd.gradcheck(
        lambda q, k, v, bias: attention_with_map(q, k, v, bias=bias, n_sources=3), tensors, fast_mode=True
    )


def test_emulated_half_precision_is_summed_in_single(emulated: Any, heads: Any) -> None:
    tensors = [t.bfloat16() for t in heads(2, 3, 20, 120, 8)]
    ours = results(attention_with_map, tensors, n_sources=12)
    exact = results(attention_with_map_reference, [t.double() for t in tensors], n_sources=12)
    assert [t.dtype for t in ours] == [torch.bfloat16, torch.float32, *[torch.bfloat16] * 3]
    torch.testing.assert_close(ours[1].double(), exact[1], rtol=1e-5, atol=1e-6)
    for mine, truth in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine.double(), truth, rtol=1e-2, atol=5e-3)


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
@pytest.mark.parametrize("amplitude", [1e2, 1e3])
def test_emulated_extreme_logits(emulated: Any, heads: Any, amplitude: float) -> None:
    q, k, v = heads(2, 8, 20, 60, 8)
    assert_as_exact_as_torch([q * amplitude**0.5, k * amplitude**0.5, v], n_sources=20)


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_emulated_logits_far_from_zero_keep_their_differences(emulated: Any, offset: float) -> None:
    q = torch.ones(1, 2, 3, 1)
    k = torch.tensor([0.0, 1.0, 2.0, -3.0]).view(1, 1, 4, 1).expand(1, 2, 4, 1)
    _, map_ = attention_with_map(q, k, k, scale=1.0, bias=torch.full((3, 4), offset))
    expected = torch.softmax(torch.tensor([0.0, 1.0, 2.0, -3.0]), -1)
    torch.testing.assert_close(map_, expected.expand(3, 4), rtol=3e-7, atol=0)


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
def test_emulated_winners_lone_keys_and_sums(emulated: Any, heads: Any) -> None:
    q = torch.full((1, 1, 1, 1), 100.0)
    k = torch.tensor([-100.0, 100.0, 0.0]).view(1, 1, 3, 1)
    out, map_ = attention_with_map(q, k, torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1), scale=1.0)
    assert map_.tolist() == [[0.0, 1.0, 0.0]] and out.item() == 2.0
    q, k, v = heads(2, 3, 7, 1, 5)
    out, map_ = attention_with_map(q, k, v)
    torch.testing.assert_close(out, v.expand(2, 3, 7, 5), rtol=1.2e-7, atol=0)  # of the last bit, a half is lost
    assert torch.equal(map_, torch.ones(7, 1))
    _, map_ = attention_with_map(*heads(2, 5, 10, 400, 8), n_sources=40)
    torch.testing.assert_close(map_.sum(-1), torch.ones(10), rtol=0, atol=1e-6)


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
@pytest.mark.parametrize("lags", [1, 3])
def test_emulated_forbidden_rows_are_zero_with_finite_gradients(emulated: Any, heads: Any, lags: int) -> None:
    q, k, v = (t.requires_grad_() for t in heads(2, 3, 20, 4 * lags, 8))
    bias = torch.zeros(20, 4)
    bias[-1], bias[0, 1] = -torch.inf, -torch.inf
    bias.requires_grad_()
    out, map_ = attention_with_map(q, k, v, n_sources=4, bias=bias)
    assert map_[-1].eq(0).all() and out[:, :, -1].eq(0).all() and map_[0, 1] == 0
    (out.square().sum() + map_.square().sum()).backward()
    assert all(torch.isfinite(t.grad).all() for t in (q, k, v, bias))  # type: ignore[union-attr]
    assert q.grad[:, :, -1].eq(0).all() and bias.grad[-1].eq(0).all()


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
def test_emulated_not_a_number_stays_so(emulated: Any, heads: Any) -> None:
    q, k, v = heads(1, 1, 3, 40, 8)
    q[0, 0, 1, 2] = torch.nan
    out, map_ = attention_with_map(q, k, v)
    assert out[0, 0, 1].isnan().all() and map_[1].isnan().all()
    assert torch.isfinite(out[0, 0, [0, 2]]).all() and torch.isfinite(map_[[0, 2]]).all()


def test_emulated_not_a_number_stays_so_in_half_precision(emulated: Any, heads: Any) -> None:
    """The units' own, all ones but the sign, becomes a zero where it is rounded as numbers are."""
    q, k, v = (t.bfloat16() for t in heads(1, 1, 3, 40, 8))
    grad = torch.ones_like(q)
    grad[0, 0, 1, 2] = torch.nan
    tensors = [t.requires_grad_() for t in (q, k, v)]
    dq, dk, dv = torch.autograd.grad(attention_with_map(*tensors)[0], tensors, grad)
    assert dq[0, 0, 1].isnan().all() and torch.isfinite(dq[0, 0, [0, 2]]).all()
    assert dk.isnan().all() and dv[..., 2].isnan().all() and torch.isfinite(dv[..., :2]).all()
    q = q.detach().clone()
    q[0, 0, 1, 2] = torch.nan
    out, _ = attention_with_map(q, k, v, normalize="none")
    assert out[0, 0, 1].isnan().all() and torch.isfinite(out[0, 0, [0, 2]]).all()


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
@pytest.mark.parametrize("layout", ["contiguous", "channels apart", "every other", "expanded", "one"])
def test_emulated_strides(emulated: Any, heads: Any, layout: str) -> None:
    q, k, v = heads(2, 3, 21, 36, 8)
    views = {
        "contiguous": [t.contiguous() for t in (q, k, v)],
        "channels apart": [t.mT.contiguous().mT for t in (q, k, v)],
        "every other": [torch.stack([t, t], -1)[..., 0] for t in (q, k, v)],
        "expanded": [t[:1].expand(2, -1, -1, -1) for t in (q, k, v)],
        "one": [q, k, k],  # the same memory twice
    }[layout]
    ours = results(attention_with_map, views, n_sources=12)
    theirs = results(attention_with_map_reference, [t.contiguous() for t in views], n_sources=12)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("wanted", ["out", "map"])
def test_emulated_loss_on_one_result_alone(emulated: Any, heads: Any, wanted: str) -> None:
    tensors = [t.requires_grad_() for t in heads(2, 3, 5, 12, 4)]
    index = ("out", "map").index(wanted)
    ours, theirs = (
        torch.autograd.grad(f(*tensors, n_sources=4)[index].square().sum(), tensors, materialize_grads=True)
        for f in (attention_with_map, attention_with_map_reference)
    )
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("emulated", [8, 9], indirect=True)
def test_emulated_bits_are_the_same_again_and_without_the_map(emulated: Any, heads: Any) -> None:
    tensors = [*heads(3, 7, 20, 60, 8), torch.randn(20, 20)]
    first, second = (results(attention_with_map, tensors, n_sources=20) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    out, none = attention_with_map(*tensors[:3], bias=tensors[3], n_sources=20, out_map=False)
    assert none is None and torch.equal(out, first[0])


@pytest.mark.parametrize("processors", [1, 2, 132])
@pytest.mark.parametrize("lags", [1, 7, 100])
@pytest.mark.parametrize("n_sources", [1, 3, 40, 64, 65, 300, 10_000])
def test_a_plan_covers_the_map_and_fits(n_sources: int, lags: int, processors: int) -> None:
    for rows, over_batch, over_heads in itertools.product((1, 64, 65, 1000), (True, False), (True, False)):
        plan = _core.cuda_attention_plan(16, 8, rows, n_sources * lags, lags, over_batch, over_heads, processors)
        assert plan["width"] * plan["column_tiles"] >= n_sources > plan["width"] * (plan["column_tiles"] - 1)
        assert plan["width"] * plan["packed"] <= 64 and 1 <= plan["packed"] <= lags
        members = (16 if over_batch else 1) * (8 if over_heads else 1)
        tiles = -(-rows // 64) * plan["column_tiles"] * 16 * 8 // members
        assert 1 <= plan["n_sums"] <= members and plan["blocks"] == tiles * plan["n_sums"]
        assert plan["n_sums"] == 1 or plan["n_sums"] * plan["count"] * 4 <= 64 << 20
        assert plan["n_sums"] == 1 or tiles * (plan["n_sums"] - 1) < 8 * processors, "no more blocks than are of use"


def test_a_launch_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, heads: Any) -> None:
    class Broken:
        @staticmethod
        def cuda_attention_forward(*arguments: Any) -> None:
            raise RuntimeError("CUDA: an illegal instruction")

        cuda_attention_backward = cuda_attention_forward

    monkeypatch.setitem(
        attention_kernels.KERNELS, "cpu", lambda q: attention_kernels.on_cuda(q, Broken(), PROCESSORS, 0)
    )
    with pytest.raises(DeviceError, match=r"could not be launched on cpu \(CUDA: an illegal instruction\)"):
        attention_with_map(*heads(1, 1, 2, 3, 4))


def test_memory_that_does_not_suffice_is_torchs_error(monkeypatch: pytest.MonkeyPatch, heads: Any) -> None:
    """Whoever catches that of torch's own operators catches this: not the kernel is at fault."""

    class Hungry:
        @staticmethod
        def cuda_attention_forward(*arguments: Any) -> None:
            arguments[-1](1 << 60)  # the workspace

        cuda_attention_backward = cuda_attention_forward

    def none_left(*size: Any, **how: Any) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    kernels = attention_kernels.on_cuda(heads(1, 1, 2, 3, 4)[0], Hungry(), PROCESSORS, 0)
    monkeypatch.setattr(torch, "empty", none_left)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        kernels.forward(*kernels.where)


def test_emulated_core_refuses_what_its_kernels_cannot_take(emulated_core: Any) -> None:
    q = torch.zeros(1, 1, 2, 129)
    out = torch.zeros(1, 1, 2, 129)
    view, written = ((t.data_ptr(), t.shape, t.stride(), "float32") for t in (q, out))

    def attempt(*where: Any) -> None:
        emulated_core.cuda_attention_forward(view, view, view, None, 1.0, True, 1, True, True, written, None, *where)

    with pytest.raises(RuntimeError, match="more channels than the kernels take"):
        attempt(0, 1, 0, lambda n: 0)
    with pytest.raises(ValueError, match="without processors"):
        attempt(0, 0, 0, lambda n: 0)
    view = written = (q.data_ptr(), (1, 1, 2, 128), (258, 258, 129, 1), "float32")
    with pytest.raises(RuntimeError, match="CUDA: invalid argument"):
        attempt(1, 1, 0, lambda n: 0)  # there is one emulated device
    half = (*view[:3], "bfloat16")
    for tensors in ((half, view, view), (view, half, view), (view, view, half)):
        with pytest.raises(RuntimeError, match="tensors of several dtypes"):
            emulated_core.cuda_attention_forward(
                *tensors, None, 1.0, True, 1, True, True, written, None, 0, 1, 0, lambda n: 0
            )


def test_which_tensors_have_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tokens:
        def __init__(self, width: int, dtype: torch.dtype, device: str = "cuda:0") -> None:
            self.shape, self.dtype, self.device = (1, 1, 2, width), dtype, torch.device(device)

    def compiled(width: int, dtype: torch.dtype, other: int = 8) -> bool:
        return attention_kernels.is_compiled(Tokens(width, dtype), Tokens(other, dtype))  # type: ignore[arg-type]

    monkeypatch.setattr(attention_kernels, "is_recent", lambda index: True)
    monkeypatch.setattr(attention_kernels, "shared_bytes", lambda index: 163 << 10)
    monkeypatch.setattr(_core, "cuda_built", True)
    single, double = _core.cuda_attention_channels
    assert compiled(single, torch.float32) and compiled(8, torch.bfloat16, single) and compiled(double, torch.float64)
    assert not compiled(single + 1, torch.float32) and not compiled(8, torch.bfloat16, single + 1)
    assert not compiled(double + 1, torch.float64) and not compiled(8, torch.float16)
    monkeypatch.setattr(attention_kernels, "shared_bytes", lambda index: 99 << 10)  # devices of 8.6 and 8.9
    assert compiled(64, torch.float32) and compiled(64, torch.bfloat16, 33) and not compiled(65, torch.float32)
    assert not compiled(8, torch.float64) and not compiled(8, torch.float32, single)
    monkeypatch.setattr(attention_kernels, "shared_bytes", lambda index: 163 << 10)
    monkeypatch.setattr(attention_kernels, "is_recent", lambda index: False)
    assert not compiled(8, torch.float32)
    monkeypatch.undo()
    monkeypatch.setattr(attention_kernels, "is_recent", lambda index: True)
    monkeypatch.setattr(_core, "cuda_built", False)
    assert not compiled(8, torch.float32)


def test_the_operator_is_there_for_cuda_where_it_was_built() -> None:
    for name in ("attention_with_map", "attention_with_map_backward"):
        registered = torch._C._dispatch_has_kernel_for_dispatch_key(f"synfer::{name}", "CUDA")
        assert registered == _core.cuda_built
