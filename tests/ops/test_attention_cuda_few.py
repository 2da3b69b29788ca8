"""Attention of few rows and few keys on CUDA devices, which has kernels of its own: against plain torch, emulated on
the host (as in test_attention_cuda.py) and, marked ``gpu``, on a device.
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
from synfer.ops import attention_kernels, attention_with_map, attention_with_map_reference

NAMES = ("out", "dq", "dk", "dv")
LAYOUTS = ("tokens first", "heads first", "channels apart", "not aligned", "expanded")
ON_A_DEVICE = [pytest.mark.gpu, pytest.mark.skipif(not _core.cuda_built, reason="this build has no CUDA kernels")]


class Place:
    """Where the kernels run: "cpu", emulated, or "cuda". They are called, and asked for workspace as often as said."""

    def __init__(self, device: str, core: Any) -> None:
        self.device, self.core, self.calls, self.workspaces = device, core, 0, 0

    def kernels(self, q: Tensor) -> attention_kernels.Kernels:
        self.calls += 1
        how = () if self.device == "cuda" else (self.core, 2, 0)
        forward, backward, (*where, allocate) = attention_kernels.on_cuda(q, *how)

        def counted(n_bytes: int) -> int:
            self.workspaces += 1
            return int(allocate(n_bytes))

        return attention_kernels.Kernels(forward, backward, (*where, counted))


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=ON_A_DEVICE)])
def place(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    core = request.getfixturevalue("emulated_core") if request.param == "cpu" else None
    here = Place(request.param, core)
    monkeypatch.setitem(attention_kernels.KERNELS, request.param, here.kernels)
    yield here
    assert here.calls, "the kernels were not called"


def laid_out(layout: str, b: int, h: int, tokens: int, channels: int, dtype: torch.dtype, device: str) -> Tensor:
    """(B, H, tokens, channels) as Causalformer passes it, contiguous, or as no piece of 16 bytes can be read."""
    if layout == "heads first":
        return torch.randn(b, h, tokens, channels, dtype=dtype).to(device)
    if layout == "channels apart":
        return torch.randn(b, h, channels, tokens, dtype=dtype).to(device).mT
    if layout == "not aligned":
        return torch.randn(b, tokens, h, channels + 1, dtype=dtype).to(device)[..., 1:].transpose(1, 2)
    if layout == "expanded":
        return torch.randn(1, tokens, h, channels, dtype=dtype).to(device).transpose(1, 2).expand(b, -1, -1, -1)
    return torch.randn(b, tokens, h, channels, dtype=dtype).to(device).transpose(1, 2)


def results(function: Any, tensors: list[Tensor], grad: Tensor, **options: Any) -> list[Tensor]:
    """Output and gradients, without a map."""
    tensors = [t.detach().requires_grad_() for t in tensors]
    out, _ = function(*tensors, out_map=False, **options)
    return [out.detach(), *torch.autograd.grad(out, tensors, grad.to(out.dtype))]


def compare(
    place: Place, sizes: tuple[int, ...], dtype: torch.dtype, layout: str = "tokens first", spread: float = 1.0,
    **options: Any,
) -> None:  # fmt: skip
    b, h, rows, keys, d, e = sizes
    shapes = ((rows, d), (keys, d), (keys, e), (rows, e))
    q, k, v, grad = (laid_out(layout, b, h, t, c, dtype, place.device) for t, c in shapes)
    tensors = [q * spread, k, v] if spread != 1.0 else [q, k, v]
    bias = options.pop("bias", None)
    ours = results(attention_with_map, tensors, grad, bias=bias, **options)
    bias = None if bias is None else bias.double()
    exact = results(attention_with_map_reference, [t.double() for t in tensors], grad, bias=bias, **options)
    for name, mine, truth in zip(NAMES, ours, exact, strict=True):
        assert mine.dtype == dtype and mine.shape == truth.shape
        size = float(truth.abs().max()) if truth.numel() else 0.0
        rtol, atol = (1e-11, 1e-13) if dtype == torch.float64 else (1e-5, 2e-6)
        torch.testing.assert_close(
            mine.double(), truth, rtol=rtol, atol=atol * (1 + size), msg=lambda m, name=name: f"{name}: {m}"
        )
    assert place.workspaces == 0, "the kernels for few tokens need none"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [1, 10])
def test_as_causalformer_attends(place: Place, rows: int, layout: str, dtype: torch.dtype) -> None:
    compare(place, (13, 10, rows, 10, 8, 8), dtype, layout)


@settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    b=st.integers(1, 3), h=st.integers(1, 13), rows=st.integers(1, 16), n_sources=st.integers(1, 16),
    lags=st.integers(1, 4), d=st.integers(0, 16), e=st.integers(0, 16), softmax=st.booleans(),
    biased=st.sampled_from(["no", "source", "key"]), spread=st.sampled_from([0.3, 3.0]),
    layout=st.sampled_from(LAYOUTS), single=st.booleans(), seed=st.integers(0, 10**6),
)  # fmt: skip
def test_random_shapes(
    place: Place, b: int, h: int, rows: int, n_sources: int, lags: int, d: int, e: int, softmax: bool, biased: str,
    spread: float, layout: str, single: bool, seed: int,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    n_sources = min(n_sources, 16 // lags)
    dtype = torch.float32 if single else torch.float64
    bias = None
    if biased != "no":
        bias = torch.linspace(-2, 2, rows * n_sources * (lags if biased == "key" else 1), dtype=dtype).view(rows, -1)
        bias = bias.to(place.device)
    compare(
        place, (b, h, rows, n_sources * lags, d, e), dtype, layout, spread, bias=bias, n_sources=n_sources,
        normalize="softmax" if softmax else "none", scale=-0.4 if seed % 2 else None,
    )  # fmt: skip


@pytest.mark.parametrize("sizes", [(16, 16, 16, 16), (16, 16, 1, 16), (1, 1, 1, 1), (1, 16, 16, 3), (16, 1, 5, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_at_the_bounds(place: Place, sizes: tuple[int, ...], dtype: torch.dtype) -> None:
    """As many heads as several blocks have, and one more."""
    compare(place, (1, 257, *sizes), dtype)


@pytest.mark.parametrize("amplitude", [1e2, 1e3])
def test_large_logits(place: Place, amplitude: float) -> None:
    compare(place, (2, 8, 10, 10, 8, 8), torch.float64, spread=amplitude)


def test_logits_far_from_zero_keep_their_differences(place: Place) -> None:
    q = torch.ones(1, 2, 3, 1, device=place.device)
    k = torch.tensor([0.0, 1.0, 2.0, -3.0], device=place.device).view(1, 1, 4, 1).expand(1, 2, 4, 1)
    v = torch.eye(4, device=place.device).expand(1, 2, 4, 4)
    expected = torch.softmax(torch.tensor([0.0, 1.0, 2.0, -3.0], device=place.device), -1).expand(1, 2, 3, 4)
    for offset in (1e4, -1e4):
        bias = torch.full((3, 4), offset, device=place.device)
        out, _ = attention_with_map(q, k, v, scale=1.0, bias=bias, out_map=False)
        torch.testing.assert_close(out, expected, rtol=4e-7, atol=0)


def test_forbidden_rows_are_zero_with_finite_gradients(place: Place, heads: Any) -> None:
    tensors = [t.to(place.device).requires_grad_() for t in heads(2, 3, 10, 12, 8)]
    bias = torch.zeros(10, 4, device=place.device)
    bias[-1], bias[0, 1] = -torch.inf, -torch.inf
    out, _ = attention_with_map(*tensors, n_sources=4, bias=bias, out_map=False)
    grads = torch.autograd.grad(out.square().sum(), tensors)
    assert out[:, :, -1].eq(0).all() and grads[0][:, :, -1].eq(0).all()
    assert all(torch.isfinite(t).all() for t in (out, *grads))


def test_not_a_number_and_infinity_stay_in_their_rows(place: Place, heads: Any) -> None:
    q, k, v = (t.to(place.device) for t in heads(2, 3, 10, 10, 8))
    q[0, 0, 1, 2] = torch.nan
    v[1, 2, 3, 4], v[1, 1, -1, 0] = torch.inf, torch.nan
    out, _ = attention_with_map(q, k, v, out_map=False)
    plain, _ = attention_with_map_reference(q, k, v, out_map=False)
    assert out[0, 0, 1].isnan().all() and out[1, 2, :, 4].isposinf().all()
    torch.testing.assert_close(out, plain, rtol=2e-5, atol=2e-6, equal_nan=True)
    tensors = [t.to(place.device).requires_grad_() for t in heads(2, 3, 10, 10, 8)]
    grad = torch.ones_like(out)
    grad[0, 1, 2, 3], grad[1, 2, 0, 1] = torch.nan, torch.inf
    for mine, truth in zip(
        results(attention_with_map, tensors, grad), results(attention_with_map_reference, tensors, grad), strict=True
    ):
        assert torch.equal(mine.isfinite(), truth.isfinite())
        torch.testing.assert_close(mine, truth, rtol=2e-5, atol=4e-6, equal_nan=True)


def test_the_same_memory_thrice_and_the_same_bits_again(place: Place, heads: Any) -> None:
    x = heads(5, 10, 10, 10, 8)[0].to(place.device)
    grad = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(place.device)
    first, second = (results(attention_with_map, [x, x, x], grad) for _ in range(2))
    truth = results(attention_with_map_reference, [x, x, x], grad)
    for mine, again, plain in zip(first, second, truth, strict=True):
        assert torch.equal(mine, again)
        torch.testing.assert_close(mine, plain, rtol=2e-5, atol=4e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not _core.cuda_built, reason="this build has no CUDA kernels")
@pytest.mark.parametrize("rows", [1, 10])
def test_an_epochs_heads_in_a_graph(rows: int) -> None:
    """More blocks than a device holds at once, captured and replayed: no waiting, no memory of the kernels' own."""
    torch.manual_seed(0)
    shapes = ((rows, 8), (10, 8), (10, 8), (rows, 8))
    *inputs, grad = (laid_out("tokens first", 6400, 10, t, c, torch.float32, "cuda") for t, c in shapes)
    tensors = [t.requires_grad_() for t in inputs]

    def step() -> list[Tensor]:
        out, _ = attention_with_map(*tensors, out_map=False)
        return [out, *torch.autograd.grad(out, tensors, grad)]

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    graph.replay()
    exact = results(attention_with_map_reference, [t.double() for t in inputs], grad)
    for replayed, again, truth in zip(captured, step(), exact, strict=True):
        assert torch.equal(replayed, again)
        torch.testing.assert_close(again.double(), truth, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("what", ["a map", "a bias' gradient", "bfloat16", "17 rows", "17 keys", "17 channels"])
def test_what_they_do_not_take_is_done_by_the_others(place: Place, heads: Any, what: str) -> None:
    rows, keys, channels = (17 if what == f"17 {name}" else 10 for name in ("rows", "keys", "channels"))
    dtype = torch.bfloat16 if what == "bfloat16" else torch.float32
    tensors = [t.to(place.device, dtype) for t in heads(2, 3, rows, keys, channels)]
    if what == "a bias' gradient":
        tensors.append(torch.linspace(-1, 1, rows * keys).view(rows, keys).to(place.device))
    tensors = [t.requires_grad_() for t in tensors]

    def found(function: Any, inputs: list[Tensor]) -> list[Tensor]:
        bias = inputs[3] if len(inputs) > 3 else None
        out, map_ = function(*inputs[:3], bias=bias, out_map=what == "a map")
        loss = out.double().square().sum() + (0.0 if map_ is None else map_.double().square().sum())
        return [out.detach(), *torch.autograd.grad(loss, inputs)]

    ours = found(attention_with_map, tensors)
    exact = found(attention_with_map_reference, [t.detach().double().requires_grad_() for t in tensors])
    tolerance = 3e-2 if what == "bfloat16" else 2e-5
    for mine, truth in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine.double(), truth, rtol=tolerance, atol=tolerance)
    assert place.workspaces > 0, "for the statistics of rows"


@pytest.mark.parametrize("heads", [1, 5, 256_000])
def test_a_plan_has_a_thread_for_each_row_and_fits(heads: int) -> None:
    for rows, keys, d, e, is_double, backward in itertools.product(
        range(1, 17), range(1, 17), (0, 1, 8, 16), (8, 16), (False, True), (False, True)
    ):
        plan = _core.cuda_attention_few_plan(heads, rows, keys, d, e, is_double, backward)
        assert plan is not None and plan["keys"] >= keys and plan["channels"] >= max(d, e)
        assert plan["heads"] >= 1 and plan["heads"] * rows <= 128 and plan["shared_bytes"] <= 48 << 10
        assert plan["blocks"] * plan["heads"] >= heads > (plan["blocks"] - 1) * plan["heads"]
    assert _core.cuda_attention_few_plan(heads, 17, 1, 1, 1, False, False) is None
    assert _core.cuda_attention_few_plan(heads, 1, 17, 1, 1, False, False) is None
    assert _core.cuda_attention_few_plan(heads, 1, 1, 17, 1, False, False) is None
