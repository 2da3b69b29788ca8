"""Oracle: what a jump synapse and white noise of an intensity do is on paper the same whatever the step."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import JumpSynapse, Network, WhiteNoiseDrive
from synfer.simulate import rate_network, run
from synfer.simulate.neurons import MODELS

JUMPING = [name for name, model in MODELS.items() if model.jumps]
# A constant input under which each model fires soon.
INPUTS = {"izhikevich": 60.0, "lif": 60.0, "escape_lif": 90.0, "adex": 3000.0, "hodgkin_huxley": 40.0,
          "hodgkin_huxley_cortical": 20.0, "fitzhugh_nagumo": 1.0}  # fmt: skip


def pair(model: str, weight: float, delay: float, dt: float, **parameters: float) -> tuple[np.ndarray, np.ndarray]:
    """v (time,) of a neuron that another reaches, and the other's spikes; that other alone is driven."""
    wiring = Connectome.from_weights([[0.0, 0.0], [weight, 0.0]], delay=delay)
    network = Network(model, parameters, wiring, synapse=JumpSynapse())
    drive = np.zeros((round(0.05 / dt), 2))
    drive[:, 0] = INPUTS[model]
    made = run(network, 0.05, dt, drive=drive, record=("v", "spikes"), dtype="float64")
    return made["v"][:, 1], made["spikes"][:, 0]


@pytest.mark.parametrize("model", JUMPING)
@pytest.mark.parametrize("dt", [5e-5, 1e-4, 2.5e-4])
def test_a_jump_is_the_weight_and_comes_after_the_delay(model: str, dt: float) -> None:
    for weight in (0.25, -0.125):
        v, spikes = pair(model, weight, 2e-3, dt)
        still, _ = pair(model, 0.0, 2e-3, dt)
        first = np.flatnonzero(spikes)[0]
        moved = v - still
        arrival = first + round(2e-3 / dt)
        assert not moved[:arrival].any()
        assert moved[arrival] == pytest.approx(weight, abs=1e-12)


@pytest.mark.parametrize("dt", [1e-4, 1e-3])
def test_a_membrane_leaks_what_jumps_brought(dt: float) -> None:
    v, spikes = pair("lif", 0.5, dt, dt, refractory=0.09)
    assert spikes.sum() == 1
    t = (np.arange(len(v)) - np.flatnonzero(spikes)[0] - 1) * dt
    np.testing.assert_allclose(v, -70 + np.where(t > -dt / 2, 0.5 * np.exp(-t / 0.02), 0.0), rtol=0, atol=1e-11)


def test_a_jump_past_the_threshold_spikes_at_once_and_in_the_refractory_time_nothing_moves() -> None:
    wiring = Connectome.from_weights([[0.0, 0.0], [25.0, 0.0]])
    network = Network("lif", {"refractory": 2e-3}, wiring, synapse=JumpSynapse())
    drive = np.zeros((100, 2))
    drive[[0, 30], 0] = 1e4  # the second falls into the rest that the first spike gave the other
    made = run(network, 0.01, 1e-4, drive=drive, record=("v", "spikes"), dtype="float64")
    fired = [np.flatnonzero(made["spikes"][:, unit]).tolist() for unit in (0, 1)]
    assert fired == [[0, 30], [1, 31]]
    assert made["v"][1, 1] == pytest.approx(-45.0)
    drive[[0, 30], 0] = 0.0
    drive[[0, 10], 1] = 0.0
    drive[0, 1] = 1e4  # the target itself fires, and is resting when the jump comes
    drive[9, 0] = 1e4
    made = run(network, 0.01, 1e-4, drive=drive, record=("v", "spikes"), dtype="float64")
    assert np.flatnonzero(made["spikes"][:, 1]).tolist() == [0]
    assert np.all(made["v"][1:20, 1] == -70.0)


@pytest.mark.parametrize("model", [name for name in MODELS if name not in JUMPING])
def test_what_has_no_potential_refuses_jumps(model: str) -> None:
    told = (
        f"another than JumpSynapse for model '{model}', which has no v"
        if MODELS[model].spiking
        else f"for model '{model}', be RateCoupling.*got JumpSynapse"
    )
    with pytest.raises(InputError, match=told):
        Network(model, {}, Connectome.from_weights([[0.0]]), synapse=JumpSynapse())


@pytest.mark.parametrize("dt", [1e-4, 1e-3])
def test_a_membrane_under_white_noise_has_the_moments_of_its_process(dt: float) -> None:
    """N(rest + R mean, sigma^2), correlated by exp(-lag / tau), for an intensity of sigma sqrt(2 tau) / R."""
    n, sigma, tau, resistance = 4000, 3.0, 0.02, 2.0
    drive = WhiteNoiseDrive(2.0, sigma * np.sqrt(2 * tau) / resistance)
    network = Network(
        "lif", {"tau": tau, "resistance": resistance, "threshold": 1e3}, Connectome.from_weights(np.zeros((n, n))),
        drive=drive,
    )  # fmt: skip
    v = run(network, 0.3, dt, warmup=0.2, every=round(0.01 / dt), dtype="float64", seed=3)["v"] + 70
    assert abs(v.mean() - 4.0) < 4.5 * sigma / np.sqrt(n * 5)
    seen = v[::10]  # 100 ms, five time constants, apart
    assert abs(seen.var() / sigma**2 - 1) < 4.5 * np.sqrt(2 / seen.size) + (dt / tau) ** 2 / 12
    correlation = np.mean((v[0] - 4) * (v[1] - 4)) / sigma**2
    assert abs(correlation - np.exp(-0.5)) < 4.5 * np.sqrt((1 + np.exp(-1)) / n)


@pytest.mark.parametrize("dt", [1e-4, 2e-3])
def test_an_integral_of_white_noise_has_its_variance_in_any_unit(dt: float) -> None:
    """An Izhikevich neuron that only adds up diffuses by 1000 intensity sqrt(T) mV, whose input is in mV / ms."""
    still = {"a": 0.0, "b": 0.0, "d": 0.0, "quadratic": 0.0, "linear": 0.0, "constant": 0.0, "threshold": 1e9}
    n = 4000
    network = Network("izhikevich", still, Connectome.from_weights(np.zeros((n, n))), drive=WhiteNoiseDrive(0.5, 0.002))
    v = run(network, 0.1, dt, dtype="float64", initial_state={"v": 0.0, "u": 0.0})["v"][-1]
    deviation = 1000 * 0.002 * np.sqrt(0.1)
    assert abs(v.mean() - 50.0) < 4.5 * deviation / np.sqrt(n)
    assert abs(v.var() / deviation**2 - 1) < 4.5 * np.sqrt(2 / n)


@pytest.mark.parametrize("dt", [1e-4, 1e-3])
def test_rate_units_feel_it_as_their_own_noise(dt: float) -> None:
    n, tau, noise = 4000, 0.02, 0.7
    network = rate_network(np.zeros((n, n)), tau=tau, drive=WhiteNoiseDrive(0.0, tau * noise))
    x = run(network, 1e-2, dt, warmup=0.2, dtype="float64")["x"][-1]
    expected = noise**2 * tau / 2 / (1 - dt / (2 * tau))  # of Euler and Maruyama's scheme
    assert abs(x.var() / expected - 1) < 4.5 * np.sqrt(2 / n)
