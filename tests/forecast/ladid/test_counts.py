"""How LaDID sees counts, each step against a slow and obvious twin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import poisson
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from synfer.forecast import LaDID, ladid_file
from synfer.forecast import training as loop
from synfer.forecast.ladid_counts import CountContext
from synfer.forecast.ladid_model import LaDIDModel
from synfer.forecast.ladid_parts import Noise

from .conftest import faint, small

pytestmark = pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")
ABOUT = {"n_context": 3, "horizon": 2.0, "step": 0.05, "reach": 0.5, "d_latent": 4, "d_model": 8, "d_hidden": 16}
RATES = torch.tensor([0.2, 0.5, 1.0, 2.0, 0.0])


def generators(n=2):
    return [torch.Generator().manual_seed(seed) for seed in range(n)]


def counted() -> tuple[torch.Tensor, torch.Tensor]:
    """Three pieces of seven samples for two initialisations; one began again after five of them."""
    rates = 3.0 * torch.rand(2, 3, 7, 5, generator=torch.Generator().manual_seed(1))
    piece = torch.poisson(rates, generator=torch.Generator().manual_seed(0))
    times = torch.rand(2, 3, 7, generator=torch.Generator().manual_seed(0)).cumsum(-1)
    times = times - times[..., :1]
    piece[0, 1, 5:], times[0, 1, 5:] = piece[0, 1, :2].clone(), times[0, 1, :2].clone()
    return piece, times


@pytest.mark.parametrize("thinning", [0.0, 0.3])
def test_each_count_is_told_or_forecast(thinning):
    counts = CountContext(RATES, 7, 8, thinning, generators())
    piece, times = counted()
    lengths = 1 + (times.diff() >= 0).long().cumprod(-1).sum(-1, keepdim=True)
    context, target, weight = counts.split(piece, lengths, 3, Noise((3, 4)))
    for i in range(2):
        for b in range(3):
            for k in range(7):
                source = k % (5 if (i, b) == (0, 1) else 7)
                if source >= 3 or thinning == 0.0:
                    assert torch.equal(target[i, b, k], piece[i, b, k]) and weight[i, b, k] == 1
                    continue
                kept, rest = context[i, b, source] * (1.0 - thinning), target[i, b, k] * thinning
                torch.testing.assert_close(kept + rest, piece[i, b, source])
                torch.testing.assert_close(kept, kept.round())
                assert rest.min() > -1e-6 and weight[i, b, k] == pytest.approx(thinning)


def test_the_told_say_nothing_of_the_others_but_by_their_rate():
    rng = torch.Generator().manual_seed(1)
    piece = torch.poisson(torch.full((1, 40, 50, 20), 1.5), generator=rng)
    counts = CountContext(torch.full((20,), 1.5), 7, 8, 0.25, generators(1))
    context, target, _ = counts.split(piece, torch.full((1, 40, 1), 50), 50, Noise((0,)))
    kept, rest = (0.75 * context).flatten(), (0.25 * target).flatten()
    for part, rate in ((kept, 1.125), (rest, 0.375)):  # Poisson both: mean and variance are alike
        assert part.mean().item() == pytest.approx(rate, rel=0.03)
        assert part.var().item() == pytest.approx(rate, rel=0.05)
    assert abs(np.corrcoef(kept, rest)[0, 1]) < 4.0 / math.sqrt(len(kept))  # 1/4 and more were they halves of a whole


def test_thinning_is_counted_and_each_initialisations_own():
    events = torch.full((2, 50), 8.0)
    noise = Noise((3, 4)).train()
    first, second = noise.thinned(events, 0.5), noise.thinned(events, 0.5)
    assert not torch.equal(first, second) and not torch.equal(first[0], first[1])
    again = Noise((4,))
    again.step = 1
    assert torch.equal(again.thinned(events[:1], 0.5)[0], second[1])


def test_how_counts_are_told():
    model = LaDIDModel(
        (5,), **ABOUT, encoder="linear", n_layers=1, n_frequencies=3, head="poisson", rates=RATES, seeds=(0, 1)
    )
    torch.testing.assert_close(
        model.likelihood.mean(model.counts.level()), RATES.clamp_min(1e-3).expand(2, -1), atol=1e-6, rtol=1e-5
    )
    seen = []
    model.layers[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    piece, times = counted()
    model.encode(piece[:, :, :3], times[:, :, :3])
    for i in range(2):
        for b in range(3):
            for k in range(3):
                x, mean = piece[i, b, k], RATES.clamp_min(1e-3)
                x = (x - mean) / mean.sqrt()
                code = model.code(times[i, b, k])
                for layer in (model.coder.encoder.out, model.coder.to_model):
                    x = layer.weight[i] @ x + layer.bias[i]
                gate, when = (m.weight[i] @ code + m.bias[i] for m in (model.counts.gate, model.of_time))
                torch.testing.assert_close(seen[0][i, 3 * b + k], x * gate + when, atol=1e-4, rtol=1e-4)


def test_the_bound_of_counts():
    model = LaDIDModel(
        (5,), **ABOUT, n_layers=2, n_frequencies=3, head="poisson", noise=0.2, smoothness=0.7, thinning=0.3,
        rates=RATES, seeds=(0, 1),
    )  # fmt: skip
    model.log_tau.bias.data.sub_(20.0)  # no noise in psi to speak of
    piece, times = counted()
    found, _ = model.train()(piece, times)
    lengths = 1 + (times.diff() >= 0).long().cumprod(-1).sum(-1, keepdim=True)
    told, target, weight = model.counts.split(piece, lengths, 3, Noise((0, 1)))
    mean, std = model.encode(told, times[:, :, :3])
    rate = functional.softplus(model.forecast(told, times[:, :, :3], times))
    rest = weight * target
    beside = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).sum(-1)
    for i in range(2):
        for b in range(3):
            at = slice(2, 5) if (i, b) == (0, 1) else slice(4, 7)
            shared, t = piece[:, b : b + 1, at], times[:, b : b + 1, at]
            following, _ = model.encode(shared, t - t[..., :1])
            apart = model.dynamics(mean[:, b : b + 1], t) - model.dynamics(following, t - t[..., :1])
            beside[i, b] += 35 * 0.7 * apart[i].square().mean()
    # The rest are Poisson at their share of the rate; log(share) is no parameter's.
    expected = (weight * rate - rest * rate.log()).sum((2, 3)) + 0.2**2 * beside
    torch.testing.assert_close(35 * found[:, 0].T, expected, atol=2e-3, rtol=1e-4)


def test_what_counts_are_stopped_by():
    model = LaDIDModel((5,), **ABOUT, n_layers=2, head="poisson", rates=RATES, seeds=(0, 1)).eval()
    piece, times = counted()
    rate = model.likelihood.mean(model.forecast(piece[:, :, :3], times[:, :, :3], times[:, :, 3:]))
    expected = (rate - piece[:, :, 3:] * rate.log()).mean((2, 3))
    torch.testing.assert_close(model(piece, times)[0][:, 0].T, expected, atol=1e-3, rtol=1e-4)


def test_faint_counts_of_what_turns_are_foretold():
    model = small(
        head="poisson", n_context=20, d_model=32, d_hidden=64, max_epochs=6, patience=6, learning_rate=2e-3
    ).fit(faint(120, 0))  # fmt: skip
    unseen = faint(100, 1)
    counts = unseen.isel(time=slice(20, None)).to_array()
    rates = model.predict(unseen.isel(time=slice(20)), unseen.times[0][20:])
    angle = unseen.parameters["phase"][:, None] + 2.0 * np.pi * np.arange(20, 40) / 20.0
    true = 0.25 * (1.0 + 0.9 * np.cos(angle[..., None] - 2.0 * np.pi * np.arange(20) / 20.0))
    learnt, best = (
        (poisson.logpmf(counts, r) - poisson.logpmf(counts, counts.mean((0, 1)))).sum() / counts.sum()
        for r in (rates, true)
    )
    assert learnt > 0.6 * best


def test_counts_broken_off_and_resumed(tmp_path, monkeypatch):
    few = faint(6, 0, 12)
    whole, options = small(head="poisson").fit(few), {"head": "poisson", "checkpoint": tmp_path / "fit.pt"}
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    small(**options, max_epochs=1).fit(few)
    resumed = small(**options).fit(few)
    assert resumed.stages_ == whole.stages_
    for name, tensor in whole.model_.state_dict().items():
        assert torch.equal(tensor, resumed.model_.state_dict()[name])


def test_files_of_counts(tmp_path, monkeypatch):
    few = faint(6, 0, 12)
    model = small(head="poisson", thinning=0.4, max_epochs=1).fit(few)
    context = few.isel(time=slice(4))
    model.save(tmp_path / "model.pt")
    loaded = LaDID.load(tmp_path / "model.pt")
    assert np.array_equal(loaded.predict(context, [0.25]), model.predict(context, [0.25]))
    assert loaded.thinning == loaded.model_.counts.thinning == 0.4
    # As schema 1 had it: no weights by time, roots of counts, no thinning.
    model.model_ = LaDIDModel(
        (20,), **model._sizes(), horizon=model.horizon_, step=0.025, reach=model.model_.reach, seeds=(0,)
    ).eval()  # fmt: skip
    monkeypatch.setattr(ladid_file, "SCHEMA", 1)
    model.save(tmp_path / "old.pt")
    monkeypatch.undo()
    old = LaDID.load(tmp_path / "old.pt")
    assert old.model_.counts is None
    assert np.array_equal(old.predict(context, [0.25]), model.predict(context, [0.25]))
    old.save(tmp_path / "again.pt")
    assert np.array_equal(LaDID.load(tmp_path / "again.pt").predict(context, [0.25]), model.predict(context, [0.25]))
