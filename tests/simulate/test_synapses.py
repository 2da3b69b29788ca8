"""Synapses against what can be said of them on paper: charge, course, delay, receptors."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import (
    STDP,
    AlphaSynapse,
    ConductanceSynapse,
    DeltaSynapse,
    ExponentialSynapse,
    JumpSynapse,
    Network,
    ShortTermPlasticity,
)
from synfer.simulate import run

DT = 1e-4
STILL = {"rest": 0.0, "reset": 0.0, "threshold": 15.0}


def response(synapse: object, weight: float, delay: float = DT, **parameters: float) -> np.ndarray:
    """Course (time,) of v of a lif neuron that gets one spike of another, which fires in step 0; 200 ms."""
    weights = np.zeros((2, 2))
    weights[1, 0] = weight
    network = Network("lif", STILL | parameters, Connectome.from_weights(weights, delay=delay), synapse=synapse)
    drive = np.zeros((2000, 2))
    drive[0, 0] = 1e5
    made = run(network, 0.2, DT, drive=drive, record=("v", "spikes"), dtype="float64")
    assert np.argwhere(made["spikes"]).tolist() == [[0, 0]]
    return made["v"][:, 1]


def test_an_exponential_current_moves_the_membrane_as_on_paper() -> None:
    tau_m, tau_s, w = 20.0, 5.0, 3.0
    t = np.arange(2000) * 0.1  # ms since the spike's arrival, at the end of each step from step 1 on
    exact = w * tau_s / (tau_s - tau_m) * (np.exp(-t / tau_s) - np.exp(-t / tau_m))
    v = response(ExponentialSynapse(5e-3, 5e-3), w)
    np.testing.assert_allclose(v, exact, atol=1e-12)
    inhibited = response(ExponentialSynapse(1e-3, 5e-3), -w)
    np.testing.assert_allclose(inhibited, -exact, atol=1e-12)


def test_equal_time_constants_are_no_case_apart() -> None:
    t = np.arange(2000) * 0.1
    v = response(ExponentialSynapse(2e-2, 2e-2), 3.0)
    np.testing.assert_allclose(v, 3.0 * t / 20.0 * np.exp(-t / 20.0), atol=1e-12)


@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")
def test_an_alpha_current_moves_the_membrane_as_on_paper() -> None:
    tau_m, tau_s, w = 20.0, 3.0, 3.0
    t = np.arange(2000) * 0.1
    d = 1 / tau_s - 1 / tau_m
    exact = w * np.e / (tau_s * tau_m) * (np.exp(-t / tau_m) - (1 + d * t) * np.exp(-t / tau_s)) / d**2
    np.testing.assert_allclose(response(AlphaSynapse(3e-3, 1.0), w), exact, atol=1e-12)
    np.testing.assert_allclose(response(AlphaSynapse(1.0, 3e-3), -w), -exact, atol=1e-12)


@pytest.mark.parametrize(
    ("synapse", "charge"),
    [(DeltaSynapse(), 0.1), (ExponentialSynapse(5e-3, 1), 5.0), (AlphaSynapse(5e-3, 1), 5.0 * np.e)],
)
@pytest.mark.filterwarnings("ignore:.*model 'adex'.*:synfer.errors.StepWarning")  # it is no more than an integrator
@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")
@pytest.mark.parametrize("dt", [1e-4, 5e-4, 2e-3])
def test_a_spike_brings_its_charge_whatever_the_step(synapse: object, charge: float, dt: float) -> None:
    """Into an integrator without a leak, v in the end is weight x charge / tau; and into any other model likewise."""
    charge = dt * 1e3 if isinstance(synapse, DeltaSynapse) else charge
    weights = np.zeros((2, 2))
    weights[1, 0] = 2.0
    wiring = Connectome.from_weights(weights)
    drive = np.zeros((round(0.2 / dt), 2))
    drive[0, 0] = 1e5 / dt
    long = {"tau": 1e6, "rest": 0.0, "threshold": 15.0, "reset": 0.0}
    made = run(Network("lif", long, wiring, synapse=synapse), 0.2, dt, drive=drive * 1e6, dtype="float64")
    np.testing.assert_allclose(made["v"][-1, 1] * 1e9, 2.0 * charge, rtol=1e-5)
    # C v' = -g_l (v - e_l) + I with next to no leak; its slope at the threshold is far away
    flat = {"g_l": 1e-9, "a": 0.0, "v_t": 1e3, "v_peak": 1e4, "v_reset": -70.6, "c": 1.0}
    made = run(Network("adex", flat, wiring, synapse=synapse), 0.2, dt, drive=drive * 10, dtype="float64")
    np.testing.assert_allclose(made["v"][-1, 1] + 70.6, 2.0 * charge, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")
def test_a_conductance_pulls_to_its_reversal_potential() -> None:
    up = response(ConductanceSynapse(0.05, 0.05, 10.0, -10.0), 100.0)
    down = response(ConductanceSynapse(0.05, 0.05, 10.0, -10.0), -100.0)
    assert 9.8 < up.max() <= 10.0
    assert -10.0 <= down.min() < -9.8
    weak = response(ConductanceSynapse(5e-3, 1.0, 10.0, 0.0), 1e-6)
    current = response(ExponentialSynapse(5e-3, 1.0), 1e-5)
    np.testing.assert_allclose(weak, current, rtol=2e-2, atol=1e-9)  # a small g (E - v) is a current g E


@pytest.mark.parametrize("steps", [1, 2, 7, 300])
@pytest.mark.parametrize(
    "synapse",
    [
        DeltaSynapse(), JumpSynapse(), ExponentialSynapse(5e-3, 1e-2), AlphaSynapse(5e-3, 1e-2),
        ConductanceSynapse(5e-3, 1e-2, 10.0),
    ],
)  # fmt: skip
def test_delays_shift(synapse: object, steps: int) -> None:
    one, late = (response(synapse, 0.5, delay=delay) for delay in (DT, steps * DT))
    assert np.all(late[:steps] == 0)
    assert np.flatnonzero(late)[0] == steps  # the first sample that the spike of sample 0 can change
    np.testing.assert_allclose(late[steps - 1 :], one[: len(one) - steps + 1], atol=1e-14)


def test_every_edge_has_its_own_delay() -> None:
    weights = np.zeros((5, 5))
    weights[1:, 0] = 1.0
    delay = np.full((5, 5), np.nan)
    delay[1:, 0] = np.array([1, 4, 2, 9]) * DT
    network = Network("lif", STILL, Connectome.from_weights(weights, delay=delay))
    drive = np.zeros((20, 5))
    drive[3, 0] = 1e5
    v = run(network, 20 * DT, DT, drive=drive)["v"]
    assert [int(np.flatnonzero(v[:, i])[0]) for i in range(1, 5)] == [4, 7, 5, 12]


def test_unsaid_delays_are_one_step() -> None:
    weights = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    delay = np.array([[np.nan] * 3, [np.nan, 0, 0], [5 * DT, 0, 0]])
    drive = np.zeros((20, 3))
    drive[0, 0] = 1e5
    v = run(Network("lif", STILL, Connectome.from_weights(weights, delay=delay)), 20 * DT, DT, drive=drive)["v"]
    assert [int(np.flatnonzero(v[:, i])[0]) for i in (1, 2)] == [1, 5]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ExponentialSynapse(0.0, 1.0), "tau_exc must be positive; got 0"),
        (lambda: ExponentialSynapse(1.0, -1.0), "tau_inh must be positive"),
        (lambda: AlphaSynapse(np.nan, 1.0), "tau_exc must be finite"),
        (lambda: AlphaSynapse(1.0, "5 ms"), "tau_inh must be a number; got '5 ms'"),
        (lambda: ConductanceSynapse(1.0, True), "tau_inh must be a number"),
        (lambda: ConductanceSynapse(1.0, 1.0, np.inf), "e_exc must be finite"),
        (lambda: ConductanceSynapse(1.0, 1.0, 0.0, None), "e_inh must be a number"),
        (lambda: ExponentialSynapse([1.0, 2.0], 1.0), "tau_exc must be a number"),
        (lambda: ShortTermPlasticity(0.0, 1.0), "baseline must be positive"),
        (lambda: ShortTermPlasticity(1.5, 1.0), "baseline must be at most 1"),
        (lambda: ShortTermPlasticity(0.5, 0.0), "tau_recovery must be positive"),
        (lambda: ShortTermPlasticity(0.5, 0.1, -1.0), "tau_facilitation must be at least 0"),
        (lambda: STDP(-1.0, 0.1, 1.0), "a_plus must be at least 0"),
        (lambda: STDP(0.1, np.nan, 1.0), "a_minus must be finite"),
        (lambda: STDP(0.1, 0.1, 1.0, tau_plus=0.0), "tau_plus must be positive"),
        (lambda: STDP(0.1, 0.1, 1.0, w_min=2.0), "w_max must be at least w_min = 2"),
        (lambda: STDP(0.1, 0.1, 1.0, w_min=-1.0), "w_min must be at least 0"),
    ],
)
def test_impossible_synapses_are_refused(make: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
