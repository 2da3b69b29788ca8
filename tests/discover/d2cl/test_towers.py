"""The towers: their sizes, initialisations that do not mix, and what they must not hang on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synfer.discover.d2cl.graphs import n_features
from synfer.discover.d2cl.model import D2CLModel
from synfer.discover.d2cl.towers import SIZES, BatchNorm, GraphTower, ImageTower
from synfer.forecast.ensemble import EnsembleLinear
from synfer.forecast.frames import EnsembleConv2d

N_FEATURES = n_features()


def inputs(n_init, n_pairs, size="light", n_channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    n, most = SIZES[size].n_points, SIZES[size].most_nodes
    images = torch.randn(n_pairs, n_channels, n, n, generator=generator)
    joined = torch.rand(n_pairs, most, most, generator=generator) < 0.3
    joined = (joined | joined.mT | torch.eye(most, dtype=torch.bool)).float()
    graphs = torch.cat([torch.randn(n_pairs, most, N_FEATURES, generator=generator), joined], -1)
    return images.expand(n_init, *images.shape), graphs.expand(n_init, *graphs.shape)


def multiply_adds(model, images, graphs):
    """Count by what each layer gives and how many of its inputs reach one output."""
    total = 0

    def count(module, _, out):
        nonlocal total
        reach = module.weight[0, 0].numel()
        total += out[0].numel() * reach

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, EnsembleConv2d | EnsembleLinear)]
    with torch.no_grad():
        model.eval()(images, graphs)
    for hook in hooks:
        hook.remove()
    most = graphs.shape[2]
    return total / images.shape[1] + most**2 * (N_FEATURES + 32 * 3)  # and what nodes hear


def test_the_light_size_takes_at_most_25_million_multiply_adds_a_pair():
    light = multiply_adds(D2CLModel(5, 16), *inputs(1, 2, n_channels=5))
    assert 5e6 < light < 10e6
    assert SIZES["light"].n_points == 32


def test_the_published_size_is_the_published_one():
    model = D2CLModel(3, 30, size="published")
    tower = model.image
    assert tower.stem.weight.shape[1:] == (16, 3, 5, 5)
    assert [len(stage) for stage in tower.stages] == [3, 4, 6, 3]
    assert [stage[-1].convolutions[-1].weight.shape[1] for stage in tower.stages] == [64, 128, 256, 512]
    assert [c.weight.shape[1] for c in tower.neck] == [128, 128, 512]
    assert [tuple(linear.weight.shape[1:]) for linear in tower.out] == [(2048, 8192), (128, 2048)]
    assert sum(GraphTower.WIDTHS) == 97
    assert model.eval()(*inputs(1, 2, "published"))[0].shape == (2, 1, 1)


@pytest.mark.parametrize("towers", ["both", "image", "graph"])
def test_initialisations_do_not_mix(towers):
    images, graphs = inputs(2, 5)
    both = D2CLModel(3, 10, towers=towers, seeds=(1, 2))
    for k, seed in enumerate((1, 2)):
        alone = D2CLModel(3, 10, towers=towers, seeds=(seed,))
        raw, _ = both.train()(images, graphs)
        single, _ = alone.train()(images[:1], graphs[:1])
        torch.testing.assert_close(raw[..., k : k + 1], single, rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(both(images, graphs)[0][..., 0].sum(), both.heads[towers].first.weight)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


def test_a_tower_alone_does_not_see_what_the_other_sees():
    images, graphs = inputs(1, 3)
    for towers, changed in (("image", (images, graphs + 1.0)), ("graph", (images + 1.0, graphs))):
        model = D2CLModel(3, 10, towers=towers).eval()
        torch.testing.assert_close(model(images, graphs)[0], model(*changed)[0], rtol=0, atol=0)


def test_what_both_towers_say_is_the_mean_of_their_heads():
    images, graphs = inputs(2, 4)
    model = D2CLModel(3, 10, seeds=(1, 2)).eval()
    seen = {"image": model.image(images), "graph": model.graph(graphs)}
    seen["both"] = torch.cat([seen["image"], seen["graph"]], -1)
    said = sum(share * model.heads[name](seen[name]) for name, share in model.SHARES.items())
    torch.testing.assert_close(model(images, graphs)[0], said.permute(1, 2, 0))
    assert sum(model.SHARES.values()) == 1.0
    before = model(images, graphs)[0]
    model.shift(1, 0.5)
    torch.testing.assert_close(model(images, graphs)[0] - before, torch.tensor([0.0, 0.5]).expand(4, 1, 2))
    assert model.train()(images, graphs)[0].shape == (4, 3, 2)  # all of them learn


def test_the_order_of_nodes_is_no_matter():
    """Graph convolutions and pooling in the order of a feature: a graph is the same however its nodes are numbered."""
    _, graphs = inputs(1, 4)
    order = torch.from_numpy(np.random.default_rng(0).permutation(16))
    graphs = torch.cat([0.1 * graphs[..., :N_FEATURES], graphs[..., N_FEATURES:]], -1)  # so that no tanh is 1
    features, joined = graphs[..., :N_FEATURES], graphs[..., N_FEATURES:]
    other = torch.cat([features[:, :, order], joined[:, :, order][..., order]], -1)
    tower = GraphTower(N_FEATURES, 10, [torch.Generator().manual_seed(0)]).eval()
    torch.testing.assert_close(tower(graphs), tower(other), rtol=1e-4, atol=1e-5)


def test_empty_nodes_are_no_matter():
    _, graphs = inputs(1, 3)
    graphs = graphs.clone()
    graphs[:, :, 9:] = 0.0
    graphs[..., N_FEATURES + 9 :] = 0.0
    fewer = torch.cat([graphs[:, :, :9, :N_FEATURES], graphs[:, :, :9, N_FEATURES : N_FEATURES + 9]], -1)
    tower = GraphTower(N_FEATURES, 12, [torch.Generator().manual_seed(0)]).eval()
    torch.testing.assert_close(tower(graphs), tower(fewer), rtol=1e-5, atol=1e-6)


def test_batch_norm_is_torch_s():
    ours, theirs = BatchNorm(3, 2), torch.nn.BatchNorm2d(3, momentum=None)  # the mean of all batches
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        x = torch.randn(2, 6, 3, 4, 4, generator=generator)
        torch.testing.assert_close(ours(x)[1], theirs(x[1]))
    torch.testing.assert_close(ours.running_var[1], theirs.running_var)
    torch.testing.assert_close(ours.eval()(x)[1], theirs.eval()(x[1]))
    flat = BatchNorm(3, 1)
    assert torch.isfinite(flat(torch.randn(1, 1, 3))).all()  # a last batch of one pair


def test_the_image_tower_tells_source_from_target():
    tower = ImageTower(3, SIZES["light"], [torch.Generator().manual_seed(0)]).eval()
    images, _ = inputs(1, 2)
    assert not torch.allclose(tower(images), tower(images.mT))
