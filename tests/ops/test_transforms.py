"""The ensemble's layers where torch chooses dtypes, asks for many gradients at once, or carries tangents forward."""

import pytest
import torch
from torch.autograd import forward_ad

from synfer.errors import InputError
from synfer.forecast import CausalformerForecaster
from synfer.forecast.mask2cause import Mask2CauseForecaster
from synfer.forecast.netformer import NetFormerForecaster
from synfer.ops import (
    Drop,
    Norm,
    dropout,
    dropout_reference,
    grouped_linear,
    grouped_linear_reference,
    grouped_linears,
    grouped_linears_reference,
    normed_feed_forward,
    normed_feed_forward_reference,
    normed_linears,
    normed_linears_reference,
    sample_embedding,
    sample_embedding_reference,
)

DROP = Drop((3, 4), 1, 0.3)
GIVEN = [torch.zeros(2, 3), torch.ones(2, 3)]


def normed_by(moments):
    return lambda function: (
        lambda x, gain, offset, w, u, b, d: function(
            x, Norm(gain, offset, *(m.to(x) for m in moments)), [w, u], [b, d]
        )[0]
    )


def block_by(moments):
    return lambda function: (
        lambda x, gain, offset, *weights: function(x, Norm(gain, offset, *(m.to(x) for m in moments)), weights, DROP)[0]
    )


MAP, MAPS = [(2, 6, 3), (2, 4, 3), (2, 4)], [(2, 6, 3), (2, 4, 3), (2, 5, 3), (2, 4), (2, 5)]
NORMED, BLOCK = (
    [(2, 6, 3), (2, 3), (2, 3), *MAPS[1:]],
    [(2, 6, 3), (2, 3), (2, 3), (2, 4, 3), (2, 4), (2, 3, 4), (2, 3)],
)
LAYERS = {
    "linear": (grouped_linear, grouped_linear_reference, lambda f: f, [*MAP, (2, 6, 4)]),
    "linears": (
        grouped_linears,
        grouped_linears_reference,
        lambda f: lambda x, w, u, b, d: f(x, [w, u], [b, d]),
        MAPS,
    ),
    "normed": (normed_linears, normed_linears_reference, normed_by([]), NORMED),
    "normed by moments": (normed_linears, normed_linears_reference, normed_by(GIVEN), NORMED),
    "block": (normed_feed_forward, normed_feed_forward_reference, block_by([]), BLOCK),
    "block by moments": (normed_feed_forward, normed_feed_forward_reference, block_by(GIVEN), BLOCK),
    "dropout": (dropout, dropout_reference, lambda f: lambda x: f(x, DROP), [(2, 6, 3)]),
    "embedding": (
        sample_embedding,
        sample_embedding_reference,
        lambda f: lambda *given: f(*given, DROP),
        [(2, 2, 3, 4), (2, 5), (2, 2, 4, 5), (2, 3, 5)],
    ),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    """The layer and its twin, as functions of tensors to one tensor, and such tensors."""

    def flat(function):
        def joined(*leaves):
            found = function(*leaves)
            return torch.cat([y.flatten() for y in (found if isinstance(found, list) else [found])])

        return joined

    ours, twin, called, shapes = LAYERS[request.param]
    generator = torch.Generator().manual_seed(0)
    leaves = [torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in shapes]
    return flat(called(ours)), flat(called(twin)), leaves


def test_many_gradients_at_once_are_those_one_after_the_other(layer):
    ours, _, leaves = layer
    y = ours(*leaves)
    each = torch.eye(len(y), dtype=y.dtype)
    together = torch.autograd.grad(y, leaves, each, is_grads_batched=True, retain_graph=True)
    apart = [torch.autograd.grad(y, leaves, one, retain_graph=True) for one in each]
    for many, ones in zip(together, zip(*apart, strict=True), strict=True):
        torch.testing.assert_close(many, torch.stack(ones))


def test_many_second_derivatives_of_a_linear_map():
    generator = torch.Generator().manual_seed(0)
    x, w, b = (torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in MAP)
    each = torch.eye(48, dtype=torch.float64).view(48, 2, 6, 4)

    def curvature(stack):
        y = grouped_linear(x, w, b).square()
        return torch.autograd.grad(sum(g.sin().sum() for g in stack(y)), (x, w))

    def together(y):
        return torch.autograd.grad(y, (x, w, b), each, is_grads_batched=True, create_graph=True)

    def apart(y):
        return [g for one in each for g in torch.autograd.grad(y, (x, w, b), one, create_graph=True)]

    for ours, theirs in zip(curvature(together), curvature(apart), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_tangents_go_forward(layer):
    ours, twin, leaves = layer
    generator = torch.Generator().manual_seed(1)
    tangents = [torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype) for leaf in leaves]
    found = []
    for function in (ours, twin):
        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(leaf.detach(), t) for leaf, t in zip(leaves, tangents, strict=True)]
            found.append(forward_ad.unpack_dual(function(*duals)))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_autocast_chooses_dtypes_as_for_the_twin(layer):
    ours, twin, leaves = layer
    leaves = [leaf.detach().float().requires_grad_() for leaf in leaves]
    with torch.autocast("cpu", torch.bfloat16):
        mine, theirs = ours(*leaves), twin(*leaves)
    assert mine.dtype == theirs.dtype
    torch.testing.assert_close(mine, theirs, atol=0.1, rtol=0.05)
    mine.float().square().sum().backward()
    assert all(torch.isfinite(leaf.grad).all() and leaf.grad.dtype == torch.float32 for leaf in leaves)


def test_autocast_takes_what_it_makes_one_dtype_and_nothing_else():
    x, w, b = (torch.randn(s) for s in MAP)
    with torch.autocast("cpu", torch.bfloat16):
        assert grouped_linear(x.bfloat16(), w, b).dtype == torch.bfloat16
        assert grouped_linear(x.double(), w.double(), b.double()).dtype == torch.float64
        with pytest.raises(InputError, match="one dtype, got bfloat16 and float64"):
            grouped_linear(x.double(), w, b)
        with pytest.raises(InputError, match="one device, got cpu and meta"):
            grouped_linear(x, w.to("meta"), b)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "made",
    [
        lambda: CausalformerForecaster(5, window=2, d_model=16, n_heads=2, d_head=4, d_hidden=16, seeds=(0, 1)),
        lambda: Mask2CauseForecaster(5, window=2, d_model=8, n_heads=2, seeds=(0, 1)),
        lambda: NetFormerForecaster(5, window=2, d_embedding=6, seeds=(0, 1)),
    ],
)
def test_forecasters_run_under_autocast(made, training):
    generator = torch.Generator().manual_seed(0)
    context, times = torch.randn(3, 5, 2, 2, generator=generator), torch.rand(3, 3, 2, generator=generator)
    model = made().train(training)
    with torch.autocast("cpu", torch.bfloat16):
        forecast, _ = model(context, times)
    assert forecast.shape == (3, 5, 2) and torch.isfinite(forecast).all()
    forecast.float().sum().backward()
    exact, _ = made().train(training)(context, times)
    torch.testing.assert_close(forecast.float(), exact, atol=0.2, rtol=0.2)
