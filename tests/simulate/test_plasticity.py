"""Plasticity: against its analytic steady state, its slow twin, and what of it is recorded."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError, StepWarning
from synfer.network import STDP, DeltaSynapse, GaussianDrive, Network, ShortTermPlasticity
from synfer.recording.state import State
from synfer.simulate import run, run_plastic, run_reference

DT = 1e-4
SHORT = ShortTermPlasticity(0.4, 0.1, 0.05)
RULE = STDP(0.8, 0.9, 20.0, tau_plus=0.01, tau_minus=0.02)


def pulses(steps: list[int], n_steps: int, n_units: int = 2, unit: int = 0) -> np.ndarray:
    """A drive (time, unit) that makes one unit fire in each of the steps."""
    drive = np.zeros((n_steps, n_units))
    drive[steps, unit] = 1e6
    return drive


@pytest.mark.parametrize(("facilitation", "baseline"), [(0.0, 0.5), (0.3, 0.1), (0.05, 0.7)])
@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")
@pytest.mark.parametrize("period", [100, 500])
def test_short_term_plasticity_settles_where_it_must(facilitation: float, baseline: float, period: int) -> None:
    rule = ShortTermPlasticity(baseline, tau_recovery=0.2, tau_facilitation=facilitation)
    # An integrator without a leak counts what arrives.
    count = {"tau": 1e9, "rest": 0.0, "reset": 0.0, "threshold": 1e3, "refractory": 0.0}
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
@pytest.mark.parametrize("rule", [SHORT, RULE, (RULE, SHORT)], ids=["short term", "STDP", "both"])
def test_plastic_networks_agree_with_the_twin(level: str, make_network: Callable, rule: object, delay: str) -> None:
    network = make_network("lif", "exponential", delay, plasticity=rule, drive=GaussianDrive(40, 400))
    made = run(network, 0.08, DT, record=("v", "spikes"), dtype="float64", seed=1)
    twin = run_reference(network, 0.08, DT, seed=1)
    assert twin["spikes"].sum() > 30
    assert np.array_equal(made["spikes"], twin["spikes"])
    np.testing.assert_allclose(made["v"], twin["v"], atol=1e-8)
    if rule is not SHORT:
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


@pytest.mark.parametrize("rule", [RULE, (SHORT, RULE)], ids=["STDP", "both"])
def test_networks_of_a_batch_learn_as_they_do_alone(rule: object) -> None:
    rng = np.random.default_rng(3)
    weights = rng.uniform(0, 15, (3, 9, 9)) * (rng.random((3, 9, 9)) < 0.5) * np.where(np.arange(9) < 7, 1, -1)
    wiring = Connectome.from_weights(weights, delay=rng.integers(1, 9, weights.shape) * DT)
    batch = Network("lif", {}, wiring, plasticity=rule, drive=GaussianDrive(40, 400), ids=[5, 2, 7])
    options = {"weights_every": 0.01, "dtype": "float64", "seed": 4}
    recording, truths = run_plastic(batch, 0.05, DT, n_threads=2, **options)
    assert len(truths) == 3
    for k, truth in enumerate(truths):
        alone, expected = run_plastic(batch.isel(network=k), 0.05, DT, **options)
        assert np.array_equal(recording["v"][k], alone["v"])
        assert truth.identical(expected)
        assert not np.array_equal(truth.weight.values[0], truth.weight.values[-1])
        twin = run_reference(batch.isel(network=k), 0.05, DT, seed=4)
        np.testing.assert_allclose(truth.weight.values[-1], twin.final_state.weights, atol=1e-9)
        delay = wiring.isel(network=k).delay.values
        assert np.array_equal(truth.delay.values, np.broadcast_to(delay, truth.weight.values.shape), equal_nan=True)


@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")
def test_short_term_plasticity_scales_what_stdp_has_made() -> None:
    """An integrator without a leak counts what arrives: the weight, grown by a pairing, times u x."""
    count = {"tau": 1e9, "rest": 0.0, "reset": 0.0, "threshold": 1e3, "refractory": 0.0}
    rules = (ShortTermPlasticity(0.5, tau_recovery=1e-6), STDP(2.0, 0.0, 20.0, tau_plus=0.01))
    network = Network("lif", count, Connectome.from_weights([[0.0, 0.0], [4.0, 0.0]]), plasticity=rules)
    drive = (pulses([0, 300], 400) + pulses([100], 400, unit=1)) * 1e12
    v = run(network, 400 * DT, DT, drive=drive, dtype="float64")["v"][:, 1] / (0.1 / 1e12)
    assert v[50] - v[0] == pytest.approx(0.5 * 4.0, rel=1e-5)
    grown = 4.0 + 2.0 * np.exp(-100 * DT / 0.01)
    assert v[350] - v[250] == pytest.approx(0.5 * grown, rel=1e-5)


def test_what_is_recorded_is_what_run_records_and_the_times_are_said(make_network: Callable) -> None:
    network = make_network("lif", "alpha", "many", plasticity=RULE, drive=GaussianDrive(40, 400))
    recording, truth = run_plastic(network, 0.05, DT, weights_every=0.02, warmup=0.01, every=5, record=("v", "spikes"))
    assert recording.identical(run(network, 0.05, DT, warmup=0.01, every=5, record=("v", "spikes")))
    with pytest.raises(InputError, match="warmup must be a whole number of recorded rows"):  # a look would cut a row
        run_plastic(network, 0.05, DT, weights_every=0.02, warmup=0.01 + 2 * DT, every=5)
    np.testing.assert_allclose(truth.leading_ids, [0.0, 0.02, 0.04, 0.06])
    assert truth.leading == "time"
    np.testing.assert_allclose(truth.weight.values[0], network.connectome.weight.values, rtol=1e-6)
    assert not np.array_equal(truth.weight.values[1], truth.weight.values[2])
    at_one_time = truth.isel(time=2)
    assert Network("lif", {}, at_one_time, drive=GaussianDrive(0, 0)).n_units == network.n_units
    with pytest.raises(InputError, match="at one time"):
        Network("lif", {}, truth, drive=GaussianDrive(0, 0))


def test_a_plastic_network_is_saved_and_loaded(tmp_path: object, make_network: Callable) -> None:
    for rule in (RULE, SHORT, (SHORT, RULE)):
        network = make_network("lif", "conductance", "many", plasticity=rule)
        network.save(f"{tmp_path}/n.nc")
        loaded = Network.load(f"{tmp_path}/n.nc")
        assert loaded.identical(network)
        assert (loaded.plasticity, loaded.synapse) == (rule, network.synapse)
        assert not loaded.identical(make_network("lif", "conductance", "many"))
        assert all(repr(one) in repr(loaded) for one in network.plasticities)


def test_what_a_plastic_network_remembers_is_saved_and_loaded(tmp_path: object, make_network: Callable) -> None:
    for rule in (RULE, SHORT, [RULE, SHORT]):
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
    with pytest.raises(InputError, match=r"one with STDP .* got plasticity ShortTermPlasticity"):
        run_plastic(make_network("lif", plasticity=SHORT), 0.01, DT, weights_every=0.01)
    with pytest.raises(InputError, match=r"bounds of STDP, 0.0 to 20.0.*got 21"):
        run(Network("lif", {}, Connectome.from_weights([[0, 21.0], [0, 0]]), plasticity=RULE), 0.01, DT)
    with pytest.raises(InputError, match=r"plasticity must be a ShortTermPlasticity or STDP, or .* got a str"):
        make_network("lif", plasticity="hebb")
    with pytest.raises(InputError, match="at most one of each kind"):
        make_network("lif", plasticity=(RULE, SHORT, RULE))


def test_options_are_those_of_run_and_warnings_name_who_called(make_network: Callable) -> None:
    assert "watch" not in inspect.signature(run).parameters
    learning = make_network("lif", plasticity=RULE)
    with pytest.raises(TypeError, match="unexpected keyword argument 'recrod'"):
        run_plastic(learning, 0.01, DT, weights_every=0.01, recrod="v")
    with pytest.warns(StepWarning, match="refractory") as caught:
        run(learning, 0.03, 3e-4)
    assert caught[0].filename == __file__
