"""Every model of spiking neurons, with every kind of synapse, against its slow twin."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from synfer import _core
from synfer.connectome import Connectome
from synfer.errors import InputError, StepWarning, UnknownNameError
from synfer.network import GaussianDrive, Network, RateCoupling, cell_parameters
from synfer.simulate import run, run_reference
from synfer.simulate.neurons import MODELS, packed_parameters, packed_state
from synfer.simulate.reference_neurons import STEPS

DT = 1e-4
ALONE = Connectome.from_weights([[0.0]])
KINDS = ("delta", "exponential", "alpha", "conductance", "jump")
DELAYS = ("one step", "one", "many")
SPIKING = tuple(STEPS)
# Every model with every synapse; the kinds of delay in turn, each with every model and every synapse.
CASES = [
    (model, synapse, DELAYS[(m + s) % 3])
    for (m, model), (s, synapse) in itertools.product(enumerate(SPIKING), enumerate(KINDS))
    if synapse != "jump" or MODELS[model].jumps
]


@pytest.mark.parametrize(("model", "synapse", "delay"), CASES)
def test_agrees_with_the_twin(level: str, make_network: Callable, model: str, synapse: str, delay: str) -> None:
    network = make_network(model, synapse, delay)
    signals = (*MODELS[model].states, "spikes", "drive")
    made = run(network, 0.04, DT, record=signals, dtype="float64", seed=3)
    twin = run_reference(network, 0.04, DT, seed=3)
    assert twin["spikes"].sum() > 3
    for name in signals:
        scale = np.abs(twin[name]).max()
        np.testing.assert_allclose(made[name], twin[name], rtol=0, atol=1e-6 * scale, err_msg=name)


@pytest.mark.parametrize("model", SPIKING)
def test_single_precision_follows_double(level: str, make_network: Callable, model: str) -> None:
    network = make_network(model, "exponential")
    one, two = (run(network, 0.005, DT, record=MODELS[model].states, dtype=d) for d in ("float32", "float64"))
    for name in MODELS[model].states:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-3, atol=1e-3 * np.abs(two[name]).max())


@pytest.mark.parametrize("model", SPIKING)
def test_parameters_differ_from_unit_to_unit_and_network_to_network(make_network: Callable, model: str) -> None:
    rng = np.random.default_rng(1)
    plain = make_network(model, "exponential", "one", n=7)
    defaults = MODELS[model].defaults
    parameters = {name: value * rng.uniform(0.9, 1.1, (3, 7)) for name, value in defaults.items()}
    if "refractory" in parameters:
        parameters["refractory"] = np.round(parameters["refractory"], 4)  # whole steps
    weights = np.stack([plain.connectome.weight.values] * 3)
    batch = Network(
        model, parameters, Connectome.from_weights(weights, delay=3 * DT), drive=plain.drive, synapse=plain.synapse
    )
    made = run(batch, 0.01, DT, record=MODELS[model].states, dtype="float64")
    for k in range(3):
        twin = run_reference(batch.isel(network=k), 0.01, DT)
        for name in MODELS[model].states:
            scale = np.abs(twin[name]).max()
            np.testing.assert_allclose(made[name][k], twin[name], rtol=0, atol=1e-6 * scale, err_msg=name)


@pytest.mark.parametrize("model", SPIKING)
def test_every_unit_rests_where_its_equations_do(model: str) -> None:
    """Without input, nothing but what is meant to move moves, away from the initial state."""
    quiet = Network(model, {}, Connectome.from_weights(np.zeros((2, 2))), drive=GaussianDrive(0, 0))
    states = MODELS[model].states
    course = run(quiet, 0.5, DT, record=(*states, "spikes"), dtype="float64")
    if model in ("poisson", "linear_nonlinear_poisson"):
        assert np.all(course["intensity"] == 10.0)
        return
    assert course["spikes"].sum() == 0
    assert np.ptp(course["v"][-1000:]) < 0.2
    assert abs(course["v"][0, 0] - course["v"][-1, 0]) < (10 if model == "izhikevich" else 2.5)


@pytest.mark.parametrize("b", [0.0, 0.8, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("a", [0.7, -0.7, 0.0, 2.0])
def test_fitzhugh_nagumo_begins_where_it_rests_whatever_b(a: float, b: float) -> None:
    network = Network("fitzhugh_nagumo", {"a": a, "b": b}, ALONE)
    v, w = packed_state(network, packed_parameters(network, np.dtype(np.float64)), None)[0, :, 0]
    assert abs(v - v**3 / 3 - w) < 1e-12
    assert abs(v + a - b * w) < 1e-12
    others = np.roots([1.0, 0.0, 3 * (1 - b) / b, 3 * a / b]) if b else np.array([-a])
    assert v <= min(others[np.abs(others.imag) < 1e-4].real) + 1e-4  # the lowest, where there are three


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", ["hodgkin_huxley", "hodgkin_huxley_cortical"])
def test_a_membrane_that_conducts_nothing_is_a_capacitor(level: str, model: str, dtype: str) -> None:
    none = {name: 0.0 for name in MODELS[model].defaults if name.startswith("g_")}
    for leak in (0.0, 1e-9, 1e-4):
        network = Network(model, {**none, "g_l": leak}, ALONE, drive=GaussianDrive(1.0, 0.0))
        v = run(network, 0.02, DT, dtype=dtype, initial_state={"v": -65.0})["v"][:, 0]
        expected = -65.0 + (np.arange(200) + 1) * 0.1 / MODELS[model].defaults["c"]  # 1 uA/cm2 on c uF/cm2
        np.testing.assert_allclose(v, expected, atol=0.1 if leak == 1e-4 else 1e-3)
    twin = run_reference(network, 0.02, DT, initial_state={"v": -65.0})["v"]
    np.testing.assert_allclose(v, twin[:, 0], atol=1e-3 if dtype == "float32" else 1e-9)


@pytest.mark.parametrize(("model", "steps"), [("lif", (1, 1, 2, 5)), ("escape_lif", (1, 2, 3, 6))])
def test_dead_times_are_as_docs_simulator_md_says(model: str, steps: tuple[int, ...]) -> None:
    for refractory, apart in zip((0, 1, 2, 5), steps, strict=True):
        sure = {"rate": 1e9} if model == "escape_lif" else {}
        network = Network(model, {"refractory": refractory * 1e-3, **sure}, ALONE, drive=GaussianDrive(1e6, 0))
        assert np.all(np.diff(np.flatnonzero(run(network, 0.05, record="spikes")["spikes"])) == apart)


@pytest.mark.parametrize("model", [name for name in SPIKING if "v" in MODELS[name].states[:-1]])
def test_states_that_are_not_given_begin_at_rest(make_network: Callable, model: str) -> None:
    network, states = make_network(model, "exponential"), MODELS[model].states
    parameters = packed_parameters(network, np.dtype(np.float64))
    rest = dict(zip(states, packed_state(network, parameters, None)[0], strict=True))
    v = rest["v"] + np.linspace(0, 3, network.n_units)

    def begun(initial: object) -> np.ndarray:
        course = run(network, 0.005, DT, record=states, dtype="float64", initial_state=initial)
        return np.stack([course[name] for name in states])

    assert np.array_equal(begun({"v": v}), begun({**rest, "v": v}))
    assert not np.array_equal(begun({"v": v}), begun(None))
    assert np.array_equal(begun({states[-1]: rest[states[-1]]}), begun(None))
    twin = run_reference(network, 0.005, DT, initial_state={"v": v})
    np.testing.assert_allclose(begun({"v": v})[0], twin["v"], rtol=0, atol=1e-6 * np.abs(twin["v"]).max())
    with pytest.raises(UnknownNameError, match="'w7'"):
        begun({"v": v, "w7": 0})


def test_times_are_seconds_and_nothing_of_the_published_values_is_lost() -> None:
    """The core counts in ms, as its headers and their papers do."""
    described = _core.models()
    for name, model in MODELS.items():
        published = (
            {parameter: (value, unit) for parameter, value, unit, _ in described[name][0]} if model.spiking else {}
        )
        for parameter, (value, unit) in published.items():
            assert model.defaults[parameter] * model.scales[parameter] == value
            assert model.units_of_measure[parameter] == ("s" if unit == "ms" else unit)
        assert "ms" not in model.units_of_measure.values()
    assert MODELS["lif"].defaults["tau"] == 0.02
    packed = packed_parameters(Network("adex", cell_parameters("adex", "adapting"), ALONE), np.dtype(np.float64))
    assert dict(zip(MODELS["adex"].defaults, packed[0, :, 0], strict=True))["tau_w"] == 300.0
    packed = packed_parameters(
        Network("leaky_tanh", {"tau": 0.02}, ALONE, synapse=RateCoupling()), np.dtype(np.float64)
    )
    assert packed[0, 0, 0] == 0.02


def test_a_model_says_its_units() -> None:
    for name, model in MODELS.items():
        assert set(model.defaults) | set(model.states) | {"drive"} == set(model.units_of_measure), name
    network = Network("adex", {}, Connectome.from_weights(np.zeros((2, 2))), drive=GaussianDrive(0, 0))
    assert run(network, 0.01, DT, record=("w", "drive")).units_of_measure == {"w": "pA", "drive": "pA"}


@pytest.mark.parametrize(
    ("model", "parameter", "value", "words"),
    [
        ("lif", "tau", 0.0, "positive; got 0 s"),
        ("lif", "tau", np.array([0.02, -1.0]), "positive; got -1 s"),
        ("lif", "refractory", -1.0, "at least 0; got -1 s"),
        ("escape_lif", "width", 0.0, "positive"),
        ("adex", "delta_t", 0.0, "positive"),
        ("adex", "c", -3.0, "positive"),
        ("hodgkin_huxley", "c", 0.0, "positive"),
        ("hodgkin_huxley_cortical", "tau_max", 0.0, "positive"),
        ("fitzhugh_nagumo", "tau", 0.0, "positive"),
        ("linear_nonlinear_poisson", "rate", -1.0, "at least 0"),
    ],
)
def test_parameters_out_of_their_range_are_refused(model: str, parameter: str, value: object, words: str) -> None:
    wiring = Connectome.from_weights(np.zeros((2, 2)))
    with pytest.raises(InputError, match=f"parameter '{parameter}' of model '{model}' must be {words}"):
        Network(model, {parameter: value}, wiring)
    changed = Network(model, {}, wiring)
    changed.parameters[parameter] = value
    with pytest.raises(InputError, match=f"parameter '{parameter}' of model '{model}' must be {words}"):
        run(changed, 0.01, record="spikes")


@pytest.mark.parametrize(
    ("model", "parameters", "words"),
    [
        ("lif", {"reset": -45.0}, "'reset' .* below 'threshold'.*reset; it has reset = -45 mV .* = -50 mV"),
        ("lif", {"reset": -50.0}, "reset = -50 mV"),
        ("lif", {"threshold": [-50.0, -80.0]}, "reset; unit 1 has reset = -70 mV and threshold = -80 mV"),
        (
            "izhikevich",
            {"c": [[-65.0, -65.0], [-65.0, 40.0]]},
            "unit 1 of network number 1 has c = 40 mV and threshold = 30",
        ),
        ("adex", {"v_reset": 20.0}, "v_reset = 20 mV and v_peak = 20 mV"),
    ],
)
def test_a_reset_past_the_threshold_is_refused(model: str, parameters: dict, words: str) -> None:
    weights = np.zeros((2, 2) if np.ndim(parameters.get("c")) < 2 else (2, 2, 2))
    with pytest.raises(InputError, match=words):
        Network(model, parameters, Connectome.from_weights(weights))


def test_resets_above_a_soft_threshold_are_taken() -> None:
    network = Network("escape_lif", {"reset": -49.0}, Connectome.from_weights([[0.0]]), drive=GaussianDrive(0, 0))
    assert run(network, 0.01, DT).n_samples == 100


@pytest.mark.parametrize("model", ["lif", "escape_lif"])
def test_refractory_times_off_the_grid_are_rounded_with_a_warning(model: str) -> None:
    def course(refractory: object, dt: float = 5e-4) -> np.ndarray:
        network = Network(
            model, {"refractory": refractory}, Connectome.from_weights(np.zeros((2, 2))), drive=GaussianDrive(40, 0)
        )
        return run(network, 0.1, dt)["v"]

    for refractory, at_fault, taken in (
        (0.0022, "0.0022", 0.002), ([0.002, 0.0033], "0.0033", 0.0035), (1e-6, "1e-06", 0),
    ):  # fmt: skip
        words = rf"'refractory' = {at_fault} s of model '{model}' .*dt = 0\.0005 s: it is taken as {taken} s"
        with pytest.warns(StepWarning, match=words):
            rounded = course(refractory)
        assert np.array_equal(rounded, course(np.round(np.multiply(refractory, 2e3)) / 2e3))
    for refractory, dt in ((0.0, 5e-4), (0.0017, 1e-4), (0.002 + 1e-13, 1e-3), ([3e-4, 0.0021], 1e-4)):
        course(refractory, dt)  # no warning, which would be an error here


def test_a_spike_is_one_step_however_long_v_is_past_the_threshold() -> None:
    """What `run` says of "spikes" is true of models whose v is past the threshold for many steps, or in none."""
    for model, current, threshold, past in (("hodgkin_huxley", 10.0, 0.0, True), ("escape_lif", 30.0, -45.0, False)):
        network = Network(model, {}, Connectome.from_weights([[0.0]]), drive=GaussianDrive(current, 0))
        made = run(network, 0.2, DT, record=("v", "spikes"))
        spikes, above = made["spikes"][:, 0], made["v"][:, 0] >= threshold
        assert spikes.sum() > 3
        assert np.all(spikes[1:] + spikes[:-1] < 2)
        assert above.sum() > 3 * spikes.sum() if past else not np.any(above & (spikes == 1))
