"""Attention on a CUDA device: accuracy, determinism, streams, graphs, and that the kernels, not torch, did it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from synfer import _core
from synfer.ops import attention_kernels, attention_with_map, attention_with_map_reference

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not _core.cuda_built, reason="this build has no CUDA kernels")]

SHAPES = [
    (16, 10, 5, 50, 8, 5), (4, 10, 40, 400, 8, 40), (2, 8, 300, 3000, 32, 300), (1, 8, 700, 700, 64, 700),
    (1, 2, 65, 130, 128, 13),
]  # fmt: skip


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Lists the calls of the device's kernels; there must be some."""
    calls: list[Any] = []

    def kernels(q: Tensor) -> attention_kernels.Kernels:
        calls.append(q.shape)
        return attention_kernels.on_cuda(q)

    monkeypatch.setitem(attention_kernels.KERNELS, "cuda", kernels)
    yield calls
    assert calls


def results(function: Callable[..., Any], tensors: list[Tensor], seed: int = 0, **options: Any) -> list[Tensor]:
    tensors = [t.detach().requires_grad_() for t in tensors]
    bias = tensors[3] if len(tensors) > 3 else None
    found = function(*tensors[:3], bias=bias, **options)
    generator = torch.Generator().manual_seed(seed)
    grads = [torch.randn(t.shape, generator=generator).to(t) for t in found]
    return [*(t.detach() for t in found), *torch.autograd.grad(found, tensors, grads)]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("normalize", ["softmax", "none"])
@pytest.mark.parametrize("shape", SHAPES)
def test_as_exact_as_torch(launched: Any, heads: Any, shape: tuple[int, ...], normalize: str, biased: bool) -> None:
    *sizes, n_sources = shape
    tensors = [t.cuda() for t in heads(*sizes)]
    if biased:
        tensors.append(torch.linspace(-1, 1, sizes[2] * n_sources, device="cuda").view(sizes[2], n_sources))
    options = {"n_sources": n_sources, "normalize": normalize}
    exact = results(attention_with_map_reference, [t.double() for t in tensors], **options)
    torchs = results(attention_with_map_reference, tensors, **options)
    ours = results(attention_with_map, tensors, **options)
    for truth, theirs, mine in zip(exact, torchs, ours, strict=True):
        assert mine.is_cuda and mine.shape == truth.shape
        error, allowed = (mine - truth).abs().mean(), (theirs - truth).abs().mean()
        assert error <= 2 * allowed + 1.2e-7 * truth.abs().mean()


def test_double_and_half(launched: Any, heads: Any) -> None:
    for dtype, rtol, atol in ((torch.float64, 1e-11, 1e-12), (torch.bfloat16, 1e-2, 5e-3)):
        tensors = [t.to("cuda", dtype) for t in heads(2, 3, 70, 120, 16)]
        ours = results(attention_with_map, tensors, n_sources=12)
        exact = results(attention_with_map_reference, [t.double() for t in tensors], n_sources=12)
        for mine, truth in zip(ours, exact, strict=True):
            torch.testing.assert_close(mine.double(), truth, rtol=rtol, atol=atol)


def test_the_same_bits_again(launched: Any, heads: Any) -> None:
    tensors = [t.cuda() for t in heads(16, 10, 40, 400, 8)]
    tensors.append(torch.randn(40, 40, device="cuda"))
    first, second = (results(attention_with_map, tensors, n_sources=40) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_stream_of_ones_own(launched: Any, heads: Any) -> None:
    tensors = [t.cuda() for t in heads(2, 3, 70, 120, 16)]
    expected = results(attention_with_map, tensors, n_sources=12)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        late = torch.randn(4096, 4096, device="cuda").mm(torch.ones(4096, 1, device="cuda")).sum()
        delayed = [t + 0 * late for t in tensors]
        found = results(attention_with_map, delayed, n_sources=12)
    stream.synchronize()
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_nothing_waits_for_the_device(launched: Any, heads: Any) -> None:
    tensors = [t.cuda() for t in heads(2, 3, 70, 120, 16)]
    results(attention_with_map, tensors, n_sources=12)
    grads = [torch.randn(2, 3, 70, 16, device="cuda"), torch.randn(70, 12, device="cuda")]
    inputs = [t.requires_grad_() for t in tensors]
    torch.cuda.set_sync_debug_mode("error")
    try:
        torch.autograd.grad(attention_with_map(*inputs, n_sources=12), inputs, grads)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_graph_is_captured_and_replayed(launched: Any, heads: Any) -> None:
    tensors = [t.cuda() for t in heads(2, 3, 70, 120, 16)]
    inputs = [t.clone().requires_grad_() for t in tensors]
    grads = [torch.randn(2, 3, 70, 16, device="cuda"), torch.randn(70, 12, device="cuda")]

    def step() -> list[Tensor]:
        found = attention_with_map(*inputs, n_sources=12)
        return [*found, *torch.autograd.grad(found, inputs, grads)]

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    with torch.no_grad():
        for t, other in zip(inputs, heads(2, 3, 70, 120, 16, seed=1), strict=True):
            t.copy_(other)
    graph.replay()
    assert all(torch.equal(a, b) for a, b in zip(captured, step(), strict=True))


def test_compiled_whole_and_vmapped(launched: Any, heads: Any) -> None:
    def loss(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out, map_ = attention_with_map(q, k, v, n_sources=4)
        assert map_ is not None
        return out.square().sum() + map_.square().sum()

    stack = [torch.stack(ts).cuda() for ts in zip(*(heads(2, 3, 5, 12, 4, seed=s) for s in range(4)), strict=True)]
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    each = torch.stack([loss(*ts) for ts in zip(*stack, strict=True)])
    torch.testing.assert_close(torch.stack([compiled(*ts) for ts in zip(*stack, strict=True)]), each)
    torch.testing.assert_close(torch.vmap(loss)(*stack), each)


def test_autocast(launched: Any, heads: Any) -> None:
    tensors = [t.cuda().requires_grad_() for t in heads(2, 3, 5, 12, 4)]
    with torch.autocast("cuda", dtype=torch.bfloat16):
        out, map_ = attention_with_map(*tensors, n_sources=4)
    assert out.dtype == torch.bfloat16 and map_ is not None and map_.dtype == torch.float32
    out.sum().backward()
    assert all(t.grad is not None and t.grad.dtype == torch.float32 for t in tensors)


def test_memory_stays_small_whatever_the_batch(launched: Any, heads: Any) -> None:
    inputs = [t.cuda().requires_grad_() for t in heads(32, 8, 100, 2000, 16)]
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    out, map_ = attention_with_map(*inputs, n_sources=200)
    assert map_ is not None
    torch.autograd.grad(out.sum() + map_.square().sum(), inputs)
    held = torch.cuda.max_memory_allocated() - before
    output = 32 * 8 * 100 * 16 * 4
    gradients = sum(t.numel() for t in inputs) * 4
    assert held < 3 * output + gradients + (72 << 20) < 32 * 8 * 100 * 2000 * 4


def test_wider_channels_are_done_by_torch(heads: Any) -> None:
    tensors = [t.cuda() for t in heads(1, 2, 5, 6, _core.cuda_attention_channels[0] + 1)]
    for mine, other in zip(attention_with_map(*tensors), attention_with_map_reference(*tensors), strict=True):
        assert torch.equal(mine, other)
