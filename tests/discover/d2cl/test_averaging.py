"""The mean of the last steps' weights: against a mean taken by hand, and where a fit was broken off."""

from __future__ import annotations

import copy

import pytest
import torch

from synfer.discover.d2cl.averaging import Averaged
from synfer.discover.d2cl.model import D2CLModel, EachHead


def inputs(n_init, n_pairs, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(n_init, n_pairs, 3, 32, 32, generator=generator)
    joined = torch.eye(16).expand(n_init, n_pairs, 16, 16)
    return images, torch.cat([torch.randn(n_init, n_pairs, 16, 27, generator=generator), joined], -1)


def stepped(averaged, n_steps):
    """Take steps of plain descent; give the model's weights after each."""
    seen = []
    images, graphs = inputs(averaged.n_init, 4)
    labels = torch.tensor([1.0, 0.0, 1.0, 0.0])[:, None, None].expand(4, 1, averaged.n_init)
    averaged.train()
    for _ in range(n_steps):
        EachHead().loss(averaged(images, graphs)[0], labels).sum().backward()
        for p in averaged.parameters():
            if p.grad is not None:
                p.data -= 0.01 * p.grad
                p.grad = None
        seen.append(copy.deepcopy(averaged.model.state_dict()))
    return seen


def test_the_mean_is_that_of_the_steps_taken():
    averaged = Averaged(D2CLModel(3, 10, towers="graph", seeds=(1, 2)), span=4)
    by_hand = copy.deepcopy(averaged.model.state_dict())
    seen = stepped(averaged, 60)
    averaged.eval()
    for k, now in enumerate(seen, 1):
        share = max(1 / 4, 10 / (k + 10))
        by_hand = {name: (1.0 - share) * mean + share * now[name] for name, mean in by_hand.items()}
    for name, mean in averaged.mean.state_dict().items():
        torch.testing.assert_close(mean, by_hand[name], rtol=1e-4, atol=1e-6)
    assert float(averaged.steps[0]) == 60


def test_at_rest_the_mean_is_asked_and_it_is_what_is_kept():
    averaged = Averaged(D2CLModel(3, 10, seeds=(1,)))
    stepped(averaged, 3)
    images, graphs = inputs(1, 5, seed=1)
    said = averaged.eval()(images, graphs)[0]
    assert said.shape == (5, 1, 1)
    assert not torch.allclose(said, averaged.model(images, graphs)[0])
    assert averaged.train()(images, graphs)[0].shape == (5, 3, 1)
    averaged._behind = False  # no step followed
    averaged.eval()
    torch.testing.assert_close(averaged.settled()(images, graphs)[0], averaged(images, graphs)[0], rtol=0, atol=0)


def test_no_optimizer_moves_the_mean_and_the_loop_keeps_it():
    averaged = Averaged(D2CLModel(3, 10, towers="graph", seeds=(1, 2)))
    assert len(list(averaged.parameters())) == len(list(averaged.model.parameters()))
    n_weights = len(averaged.model.state_dict())
    assert len(list(averaged.buffers())) == n_weights + 1 + len(list(averaged.model.buffers()))
    stepped(averaged, 2)
    averaged.eval()
    kept = {name: tensor[1:].clone() for name, tensor in averaged.mean.state_dict().items()}
    averaged.keep([1])
    for name, now in averaged.mean.state_dict().items():
        torch.testing.assert_close(now, kept[name], rtol=0, atol=0)
    images, graphs = inputs(1, 3)
    assert averaged(images, graphs)[0].shape == (3, 1, 1)


@pytest.mark.parametrize("towers", ["image", "graph"])
def test_one_tower_has_one_head(towers):
    images, graphs = inputs(1, 3)
    model = D2CLModel(3, 10, towers=towers)
    assert list(model.heads) == [towers]
    assert model.train()(images, graphs)[0].shape == model.eval()(images, graphs)[0].shape == (3, 1, 1)
