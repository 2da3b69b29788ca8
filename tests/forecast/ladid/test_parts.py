"""LaDID's parts, each against a slow and obvious twin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from synfer.errors import InputError
from synfer.forecast import Pieces
from synfer.forecast.ensemble import Dropout
from synfer.forecast.frames import EnsembleConv2d, EnsembleImageNorm, FrameDecoder, FrameEncoder
from synfer.forecast.ladid_model import LaDIDModel, freeze, thaw
from synfer.forecast.ladid_parts import Noise, TemporalAttention
from synfer.forecast.latent_dynamics import ODEDynamics, QueryDynamics, RecurrentDynamics, TimeCode


def generators(n=2):
    return [torch.Generator().manual_seed(seed) for seed in range(n)]


def some_times(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)).cumsum(-1)


@pytest.mark.parametrize("by_content", [False, True])
def test_attention_at_irregular_times(by_content):
    layer, reach = TemporalAttention(6, 0.7, by_content, generators()), 0.7
    x, times = torch.randn(2, 3 * 5, 6, generator=torch.Generator().manual_seed(1)), some_times(2, 3, 5)
    found = layer(x, times)
    for i in range(2):
        for b in range(3):
            own, t = x[i, 5 * b : 5 * b + 5], times[i, b]
            value = own @ layer.value.weight[i].T + layer.value.bias[i]
            if by_content:
                query = own @ layer.query.weight[i].T + layer.query.bias[i]
                logits = query @ (own @ layer.key.weight[i].T + layer.key.bias[i]).T / math.sqrt(6)
            else:
                logits = math.log(0.01) * ((t[:, None] - t) / reach) ** 2
            weights = logits.softmax(1)
            since = (weights * (t - t[:, None]) / reach).sum(1, keepdim=True).clamp(-1, 1)
            attended = (weights @ value + since * layer.when[i]) @ layer.out.weight[i].T + layer.out.bias[i]
            y = functional.layer_norm(own + attended, (6,))
            hidden = (y @ layer.widen.weight[i].T + layer.widen.bias[i]).relu()
            y = functional.layer_norm(y + hidden @ layer.narrow.weight[i].T + layer.narrow.bias[i], (6,))
            torch.testing.assert_close(found[i, 5 * b : 5 * b + 5], y, atol=1e-5, rtol=1e-4)


def test_attention_asks_when_not_since_when():
    layer, x = TemporalAttention(6, 0.7, False, generators()), torch.randn(2, 4, 6)
    times = some_times(2, 1, 4)
    torch.testing.assert_close(layer(x, times), layer(x, times + 3.0), atol=1e-4, rtol=1e-4)
    assert (layer(x, times) - layer(x, 2.0 * times)).abs().max() > 1e-2


def test_time_code_is_of_what_samples_tell_apart():
    code = TimeCode(horizon=2.0, finest=8.0, n_frequencies=4)(torch.tensor([0.0, 0.5]))
    assert code.shape == (2, 9)
    assert code[0].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    expected = np.pi * 0.25 * np.array([1, 2, 4, 8])
    np.testing.assert_allclose(code[1], [0.25, *np.sin(expected), *np.cos(expected)], atol=1e-6)


@pytest.mark.parametrize("paced", [False, True])
def test_query_dynamics_is_a_perceptron_of_time_and_encoding(paced):
    code = TimeCode(1.0, 4.0, 3)
    dynamics = QueryDynamics(4, 16, code, Dropout(0.0, (0, 1)), generators(), paced=paced)
    psi, times = torch.randn(2, 3, 4), some_times(2, 3, 5)
    found = dynamics(psi, times)  # at the pace to begin with, which is everyone's
    for i in range(2):
        both = torch.cat([code(times[i]), psi[i][:, None].expand(3, 5, 4)], -1)
        weight = torch.cat([dynamics.of_time.weight[i], dynamics.of_encoding.weight[i]], 1)
        x = functional.linear(both, weight, dynamics.of_time.bias[i] + dynamics.of_encoding.bias[i]).relu()
        x = functional.linear(x, dynamics.middle.weight[i], dynamics.middle.bias[i]).relu()
        expected = functional.linear(x, dynamics.last.weight[i], dynamics.last.bias[i])
        torch.testing.assert_close(found[i], expected, atol=1e-5, rtol=1e-4)


def test_a_pace_makes_one_realisation_s_time_another_s():
    code = TimeCode(1.0, 4.0, 3)
    dynamics = QueryDynamics(2, 16, code, Dropout(0.0, (0, 1)), generators(), paced=True)
    with torch.no_grad():
        dynamics.of_time.weight[..., 0] = 0.0  # no time but what turns
        dynamics.of_encoding.weight[..., 0] = 0.0  # and nothing of what decides the pace
        dynamics.pace.weight[..., 0] = 1.0
    slow, fast = torch.tensor([-0.3, 0.7]), torch.tensor([0.4, 0.7])
    ratio = 2 ** (torch.tanh(fast[0]) - torch.tanh(slow[0]))
    times = some_times(2, 1, 5)
    found = [dynamics(psi.expand(2, 1, 2), at) for psi, at in ((fast, times), (slow, times * ratio), (slow, times))]
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    assert (found[0] - found[2]).abs().max() > 1e-3


def test_latent_ode_is_integrated_for_each_at_its_own_times():
    dynamics = ODEDynamics(3, 8, 2.0, generators(), tolerance=1e-7)
    psi, times = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(2)), some_times(2, 2, 4)
    times[0, 0, 0] = 0.0
    found = dynamics(psi, times).detach()
    torch.testing.assert_close(found[0, 0, 0], psi[0, 0])
    for i in range(2):
        for b in range(2):

            def slope(_, z, i=i):
                x = torch.zeros(2, 1, 3)
                x[i, 0] = torch.from_numpy(z)
                return dynamics.slope(torch.tensor(0.0), x).detach()[i, 0].numpy() / 2.0

            t = times[i, b].double().numpy()
            course = solve_ivp(slope, (0, t[-1]), psi[i, b].double().numpy(), t_eval=t, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(found[i, b], course.y.T, atol=1e-4)
    assert dynamics(psi, torch.zeros(2, 2, 1)).shape == (2, 2, 1, 3)


def test_a_latent_ode_without_its_solver_is_refused(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torchdiffeq", None)
    with pytest.raises(InputError, match=r"needs torchdiffeq.*synfer\[ode\]"):
        ODEDynamics(3, 8, 2.0, generators())


def test_recurrent_dynamics_walk_and_are_read_between_steps():
    dynamics = RecurrentDynamics(3, 8, 0.5, generators())
    psi = torch.randn(2, 2, 3)
    steps = dynamics(psi, torch.tensor([0.0, 0.5, 1.0, 1.5]).expand(2, 2, 4))
    for i in range(2):
        gates, candidate = dynamics.gates, dynamics.candidate
        state = torch.tanh(functional.linear(psi[i], dynamics.begin.weight[i], dynamics.begin.bias[i]))
        for k in range(4):
            z = functional.linear(state, dynamics.last.weight[i], dynamics.last.bias[i])
            reset, update = torch.sigmoid(functional.linear(state, gates.weight[i], gates.bias[i])).chunk(2, -1)
            proposal = torch.tanh(functional.linear(reset * state, candidate.weight[i], candidate.bias[i]))
            torch.testing.assert_close(steps[i, :, k], z, atol=1e-5, rtol=1e-4)
            state = update * state + (1 - update) * proposal
    between = dynamics(psi, torch.tensor([0.6, 1.5]).expand(2, 2, 2))
    torch.testing.assert_close(between[:, :, 0], 0.8 * steps[:, :, 1] + 0.2 * steps[:, :, 2], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(between[:, :, 1], steps[:, :, 3], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions_are_torchs_for_each_initialisation(transposed):
    layer = EnsembleConv2d(3, 4, 2, generators(), stride=2, transposed=transposed)
    x = torch.randn(2, 5, 3, 8, 8)
    for i in range(2):
        twin = (nn.ConvTranspose2d if transposed else nn.Conv2d)(3, 4, 2, stride=2)
        twin.load_state_dict({"weight": layer.weight[i].detach(), "bias": layer.bias[i].detach()})
        torch.testing.assert_close(layer(x)[i], twin(x[i]))
    norm, twin = EnsembleImageNorm(3, 2), nn.GroupNorm(1, 3)
    torch.testing.assert_close(norm(x)[1], twin(x[1]))


def test_frames_there_and_back():
    encoder, decoder = FrameEncoder((2, 32, 16), generators()), FrameDecoder(5, (2, 32, 16), generators())
    assert encoder(torch.randn(2, 3, 2, 32, 16)).shape == (2, 3, 64 * 2 * 1)
    static = torch.zeros(2, 3, decoder.n_hidden)
    z = torch.randn(2, 3, 5)
    assert decoder(z, static).shape == (2, 3, 2 * 32 * 16)
    assert torch.equal(decoder(z, static), decoder(z, None))
    assert not torch.allclose(decoder(z, static + 1), decoder(z, None))


def test_noise_is_counted():
    noise = Noise((3, 4)).train()
    first, second = noise.normal((5,), torch.device("cpu")), noise.normal((5,), torch.device("cpu"))
    assert not torch.equal(first, second) and not torch.equal(first[0], first[1])
    again = Noise((4,))
    again.step = 1
    assert torch.equal(again.normal((5,), torch.device("cpu"))[0], second[1])


ABOUT = {"n_context": 3, "horizon": 2.0, "step": 0.05, "reach": 0.5, "d_latent": 4, "d_model": 8, "d_hidden": 16}


@pytest.mark.parametrize("head", ["gaussian", "poisson"])
def test_the_bound(head):
    model = LaDIDModel((5,), **ABOUT, n_layers=2, n_frequencies=3, head=head, noise=0.2, smoothness=0.7, seeds=(0, 1))
    piece = torch.randint(0, 4, (2, 3, 7, 5), generator=torch.Generator().manual_seed(0)).float()
    times = some_times(2, 3, 7)
    times = times - times[..., :1]
    piece[0, 1, 5:], times[0, 1, 5:] = piece[0, 1, :2].clone(), times[0, 1, :2].clone()  # came to its end after 5
    found, _ = model.eval()(piece, times)
    mean, std = model.encode(piece[:, :, :3], times[:, :, :3])
    raw = model.forecast(piece[:, :, :3], times[:, :, :3], times)
    nats = 35 * found[:, 0].T
    expected = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).sum(-1)
    if head == "gaussian":
        expected = (
            expected - Normal(raw, 0.2).log_prob(piece).sum((2, 3)) - 35 * (math.log(0.2) + 0.5 * math.log(2 * math.pi))
        )
    else:
        rate = functional.softplus(raw)
        expected = expected + (rate - piece * rate.log()).sum((2, 3))
    for i in range(2):
        for b in range(3):
            at = slice(2, 5) if (i, b) == (0, 1) else slice(4, 7)
            shared, t = piece[:, b : b + 1, at], times[:, b : b + 1, at]
            following, _ = model.encode(shared, t - t[..., :1])
            apart = model.dynamics(mean[:, b : b + 1], t) - model.dynamics(following, t - t[..., :1])
            expected[i, b] += 35 * 0.7 * apart[i].square().mean()
    torch.testing.assert_close(nats, expected, atol=1e-3, rtol=1e-4)


def test_decoding_some_samples_is_right_on_average():
    whole, some = (LaDIDModel((5,), **ABOUT, n_layers=1, n_decoded=n, seeds=(0,)).train() for n in (None, 3))
    for model in (whole, some):
        model.log_tau.bias.data.sub_(20.0)  # no noise in psi to speak of
    piece, times = torch.randn(1, 4, 8, 5), torch.arange(8.0).mul(0.2).expand(1, 4, 8)
    mean = torch.stack([some(piece, times)[0] for _ in range(250)])
    expected = whole(piece, times)[0]
    assert mean.std(0).min() > 0
    torch.testing.assert_close(mean.mean(0), expected, rtol=0.1, atol=0.0)


def test_a_member_is_the_model_of_its_seed():
    both = LaDIDModel((16, 16), **ABOUT, encoder="cnn", n_layers=2, seeds=(5, 6)).eval()
    alone = LaDIDModel((16, 16), **ABOUT, encoder="cnn", n_layers=2, seeds=(6,)).eval()
    context, times = torch.randn(2, 2, 3, 256), some_times(2, 2, 3)
    found = both.forecast(context, times, times)
    torch.testing.assert_close(alone.forecast(context[1:], times[1:], times[1:])[0], found[1], atol=1e-5, rtol=1e-4)


def test_frozen_parts_do_not_learn():
    model = LaDIDModel((5,), **ABOUT, seeds=(0, 1))
    names = {name for name, _ in model.named_parameters()}
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    freeze(model.dynamics)
    assert {n for n in names if n.startswith("dynamics.")} == names - {n for n, _ in model.named_parameters()}
    model(torch.randn(2, 3, 7, 5), some_times(2, 3, 7))[0].sum().backward()
    thaw(model.dynamics)
    assert {name for name, _ in model.named_parameters()} == names
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_pieces_lie_within_trajectories(points):
    ragged = type(points)(
        [points.values[0][:7], points.values[1], points.values[2][:5]],
        [points.times[0][:7] + 2.0, points.times[1], points.times[2][:5]],
    )
    pieces = Pieces(ragged, 2, 4, offset=1.0, scale=2.0)
    # Of 7 samples: at 0, 2, 4, and the last whole one at 1; of 10 at 0, 2, 4, 6; of 5 at 0, 2, none of them whole.
    assert pieces.starts.tolist() == [0, 1, 2, 4, 7, 9, 11, 13, 17, 19]
    assert pieces.of_trajectory.tolist() == [0] * 4 + [1] * 4 + [2] * 2
    assert pieces.of([1], whole=True).tolist() == [7, 9, 11] and pieces.of([2], whole=True).tolist() == []
    assert pieces.of([2]).tolist() == [17, 19] and pieces.length == 6
    piece, times, _ = pieces.batch(torch.tensor([[0, 11], [1, 19]]))
    assert piece.shape == (2, 2, 6, 3) and times.shape == (2, 2, 6)
    np.testing.assert_allclose(piece[0, 1], (ragged.values[0][1:7] - 1.0) / 2.0, rtol=1e-6)
    np.testing.assert_allclose(times[0, 1], ragged.times[0][1:7] - ragged.times[0][1], atol=1e-6)
    np.testing.assert_allclose(piece[1, 0], (ragged.values[1][4:] - 1.0) / 2.0, rtol=1e-6)
    short = [2, 3, 4, 2, 3, 4]  # begins again
    np.testing.assert_allclose(piece[1, 1], (ragged.values[2][short] - 1.0) / 2.0, rtol=1e-6)
    np.testing.assert_allclose(times[1, 1], ragged.times[2][short] - ragged.times[2][2], atol=1e-6)
    close = Pieces(ragged, 2, 4, stride=3)  # at 0, 3 and 1; at 0, 3, 6 and 4; at 0 (and again, the last whole one)
    assert close.starts.tolist() == [0, 1, 3, 7, 10, 11, 13, 17]
    with pytest.raises(InputError, match=r"n_context \+ n_query = 5 \+ 6 samples and more, the longest has 10"):
        Pieces(ragged, 5, 6)
