"""Plasticity: against its analytic steady state, its slow twin, and what of it is recorded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import STDP, DeltaSynapse, GaussianDrive, Network, ShortTermPlasticity
from synfer.simulate import run, run_plastic, run_reference
from synfer.simulate.state import State

DT = 1e-4
RULE = STDP(0.8, 0.9, 20.0, tau_plus=0.01, tau_minus=0.02)


def pulses(steps: list[int], n_steps: int, n_units: int = 2, unit: int = 0) -> np.ndarray:
    """A drive (time, unit) that makes one unit fire in each of the steps."""
    drive = np.zeros((n_steps, n_units))
    drive[steps, unit] = 1e6
    return drive


@pytest.mark.parametrize(("facilitation", "baseline"), [(0.0, 0.5), (0.3, 0.1), (0.05, 0.7)])
@pytest.mark.parametrize("period", [100, 500])
def test_short_term_plasticity_settles_where_it_must(facilitation: float, baseline: float, period: int) -> None:
    rule = ShortTermPlasticity(baseline, tau_recovery=0.2, tau_facilitation=facilitation)
    # An integrator without a leak counts what arrives.
    count = {"tau": 1e12, "rest": 0.0, "reset": 0.0, "threshold": 1e3, "refractory": 0.0}
    wiring = Connectome.from_weights([[0.0, 0.0], [1.0, 0.0]])
    network = Network("lif", count, wiring, plasticity=rule, synapse=DeltaSynapse())
    n = 300 * period
    drive = pulses(list(range(0, n, period)), n) * 1e12
    v = run(network, n * DT, DT, drive=drive, dtype="float64")["v"][:, 1]
    released = np.diff(v[np.arange(0, n, period)]) / (0.1 / 1e12)
    gap = period * DT
    kept = np.exp(-gap / facilitation) if facilitation else 0.0
    recovered = np.exp(-gap / 0.2)
    u = baseline / (1 - (1 - baseline) * kept)
    x = (1 - recovered) / (1 - (1 - u) * recovered)
    assert released[0] == pytest.approx(baseline, rel=1e-5)
    assert released[-1] == pytest.approx(u * x, rel=1e-5)


@pytest.mark.parametrize("delay", ["one step", "one", "many"])
@pytest.mark.parametrize("rule", [ShortTermPlasticity(0.4, 0.1, 0.05), RULE], ids=lambda rule: rule.kind)
def test_plastic_networks_agree_with_the_twin(level: str, make_network: Callable, rule: object, delay: str) -> None:
    network = make_network("lif", "exponential", delay, plasticity=rule, drive=GaussianDrive(40, 400))
    made = run(network, 0.08, DT, record=("v", "spikes"), dtype="float64", seed=1)
    twin = run_reference(network, 0.08, DT, seed=1)
    assert twin["spikes"].sum() > 30
    assert np.array_equal(made["spikes"], twin["spikes"])
    np.testing.assert_allclose(made["v"], twin["v"], atol=1e-8)
    if isinstance(rule, STDP):
        _, truth = run_plastic(network, 0.08, DT, weights_every=0.08, dtype="float64", seed=1)
        weights = truth.weight.values[-1]
        np.testing.assert_allclose(weights, twin.final_state.weights, atol=1e-9)
        initial = network.connectome.weight.values
        assert np.sum(weights != initial) > 10
        assert np.array_equal(weights[initial < 0], initial[initial < 0])
        assert np.array_equal(weights[initial == 0], initial[initial == 0])


@pytest.mark.parametrize("gap", [-200, -30, -1, 0, 1, 30, 200])
def test_a_pair_of_spikes_changes_the_weight_as_on_paper(gap: int) -> None:
    """The target fires `gap` steps after the source."""
    network = Network("lif", {}, Connectome.from_weights([[0.0, 0.0], [5.0, 0.0]], delay=9 * DT), plasticity=RULE)
    drive = pulses([300], 600) + pulses([300 + gap], 600, unit=1)
    recording, truth = run_plastic(network, 0.06, DT, drive=drive, weights_every=0.06, record="spikes", dtype="float64")
    assert np.argwhere(recording["spikes"]).tolist() == sorted([[300, 0], [300 + gap, 1]])
    paired = RULE.a_plus * np.exp(-gap * DT / 0.01) if gap > 0 else -RULE.a_minus * np.exp(gap * DT / 0.02)
    changed = truth.weight.values[-1, 1, 0] - 5.0
    assert changed == pytest.approx(0.0 if gap == 0 else paired, abs=1e-12)


def test_weights_stay_between_their_bounds() -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(2, 8, (20, 20)) * np.where(np.arange(20) < 15, 1, -1)
    rule = STDP(3.0, 3.0, w_max=8.0, w_min=2.0)
    network = Network("lif", {}, Connectome.from_weights(weights), plasticity=rule, drive=GaussianDrive(40, 400))
    _, truth = run_plastic(network, 0.3, DT, weights_every=0.1)
    plastic = truth.weight.values[:, :, :15]
    assert plastic.min() == 2.0
    assert plastic.max() == 8.0
    assert np.all(truth.weight.values[:, :, 15:] == weights.astype(np.float32)[:, 15:])


def test_what_is_recorded_is_what_run_records_and_the_times_are_said(make_network: Callable) -> None:
    network = make_network("lif", "alpha", "many", plasticity=RULE, drive=GaussianDrive(40, 400))
    recording, truth = run_plastic(network, 0.05, DT, weights_every=0.02, warmup=0.01, every=5, record=("v", "spikes"))
    assert recording.identical(run(network, 0.05, DT, warmup=0.01, every=5, record=("v", "spikes")))
    np.testing.assert_allclose(truth.leading_ids, [0.0, 0.02, 0.04, 0.06])
    assert truth.leading == "time"
    np.testing.assert_allclose(truth.weight.values[0], network.connectome.weight.values, rtol=1e-6)
    assert not np.array_equal(truth.weight.values[1], truth.weight.values[2])
    at_one_time = truth.isel(time=2)
    assert Network("lif", {}, at_one_time, drive=GaussianDrive(0, 0)).n_units == network.n_units
    with pytest.raises(InputError, match="at one time"):
        Network("lif", {}, truth, drive=GaussianDrive(0, 0))


def test_a_plastic_network_is_saved_and_loaded(tmp_path: object, make_network: Callable) -> None:
    for rule in (RULE, ShortTermPlasticity(0.4, 0.1)):
        network = make_network("lif", "conductance", "many", plasticity=rule)
        network.save(f"{tmp_path}/n.nc")
        loaded = Network.load(f"{tmp_path}/n.nc")
        assert loaded.identical(network)
        assert (loaded.plasticity, loaded.synapse) == (rule, network.synapse)
        assert not loaded.identical(make_network("lif", "conductance", "many"))
        assert repr(rule) in repr(loaded)


def test_what_a_plastic_network_remembers_is_saved_and_loaded(tmp_path: object, make_network: Callable) -> None:
    for rule in (RULE, ShortTermPlasticity(0.4, 0.1, 0.05)):
        network = make_network("lif", "alpha", "many", plasticity=rule, drive=GaussianDrive(40, 400))
        whole = run(network, 0.03, DT)
        run(network, 0.02, DT).final_state.save(f"{tmp_path}/s.nc")
        rest = run(network, 0.01, DT, initial_state=State.load(f"{tmp_path}/s.nc"))
        assert np.array_equal(rest["v"], whole["v"][200:])


def test_what_cannot_be_is_refused(make_network: Callable) -> None:
    learning = make_network("lif", plasticity=RULE)
    for wrong in (0.0, -1.0, np.nan, "often"):
        with pytest.raises(InputError, match="weights_every must"):
            run_plastic(learning, 0.01, DT, weights_every=wrong)
    for wrong, every in ((2.5 * DT, 1), (3 * DT, 2)):
        with pytest.raises(InputError, match="weights_every must be a whole number of recorded rows"):
            run_plastic(learning, 0.01, DT, weights_every=wrong, every=every)
    with pytest.raises(InputError, match=r"single one with STDP .* got plasticity None"):
        run_plastic(make_network("lif"), 0.01, DT, weights_every=0.01)
    batch = Network("lif", {}, Connectome.from_weights(np.ones((2, 3, 3))), plasticity=RULE)
    with pytest.raises(InputError, match=r"single one with STDP .* got a batch"):
        run_plastic(batch, 0.01, DT, weights_every=0.01)
    with pytest.raises(InputError, match=r"bounds of STDP, 0.0 to 20.0.*got 21"):
        run(Network("lif", {}, Connectome.from_weights([[0, 21.0], [0, 0]]), plasticity=RULE), 0.01, DT)
    with pytest.raises(InputError, match=r"plasticity must be a ShortTermPlasticity or STDP; got a str"):
        make_network("lif", plasticity="hebb")
