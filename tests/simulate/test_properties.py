"""What holds for every network: permuted units permute, zero weights decouple, delays shift, layouts do not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.network import (
    STDP,
    AlphaSynapse,
    ConductanceSynapse,
    DeltaSynapse,
    ExponentialSynapse,
    JumpSynapse,
    Network,
    RateCoupling,
    ShortTermPlasticity,
)
from synfer.simulate import run
from synfer.simulate.neurons import MODELS

DT = 1e-4
STEPS = 120
# Mean and deviation of the input under which a model fires, and the size of its weights and conductances.
DRIVEN = {
    "izhikevich": (60, 60, 20, 0.2), "lif": (60, 100, 20, 0.3), "adex": (5000, 5000, 500, 10),
    "hodgkin_huxley": (40, 40, 5, 0.1), "hodgkin_huxley_cortical": (20, 40, 2, 0.05),
    "fitzhugh_nagumo": (1, 1, 0.3, 0.1),
}  # fmt: skip
SYNAPSES = [
    DeltaSynapse(), JumpSynapse(), ExponentialSynapse(2e-3, 4e-3), AlphaSynapse(1e-3, 2e-3),
    ConductanceSynapse(2e-3, 4e-3),
]  # fmt: skip
SHORT, LEARNING = ShortTermPlasticity(0.4, 0.01, 0.02), STDP(0.05, 0.04, 1e4, tau_plus=0.005, tau_minus=0.005)
PLASTICITIES = [None, SHORT, LEARNING, (SHORT, LEARNING)]
RATES = [name for name, model in MODELS.items() if not model.spiking and name != "lorenz96"]


@st.composite
def driven(draw: Callable) -> tuple[Network, np.ndarray]:
    """A network of any model without chance, synapse, delays and plasticity, and an input under which it fires."""
    model, synapse = draw(st.sampled_from(list(DRIVEN))), draw(st.sampled_from(SYNAPSES))
    n, rng = draw(st.integers(2, 25)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mean, deviation, weight, conductance = DRIVEN[model]
    size = {"conductance": conductance, "jump": min(weight, 5) / 5}.get(synapse.kind, weight)
    weights = np.where(rng.random((n, n)) < 0.5, rng.random((n, n)) * size, 0) * np.where(rng.random(n) < 0.8, 1, -1)
    delay = rng.integers(1, draw(st.integers(2, 9)), (n, n)) * DT
    network = Network(
        model, {}, Connectome.from_weights(weights, delay=delay), synapse=synapse,
        plasticity=draw(st.sampled_from(PLASTICITIES)),
    )  # fmt: skip
    return network, rng.normal(mean, deviation, (STEPS, 1)) + rng.normal(0, deviation, (STEPS, n))


def changed(network: Network, weights: np.ndarray, delay: np.ndarray) -> Network:
    wiring = Connectome.from_weights(weights, delay=delay)
    return Network(network.model, {}, wiring, synapse=network.synapse, plasticity=network.plasticity)


@settings(max_examples=60, deadline=None)
@given(made=driven(), seed=st.integers(0, 2**32 - 1))
def test_permuted_units_give_permuted_results(made: tuple[Network, np.ndarray], seed: int) -> None:
    network, drive = made
    order = np.random.default_rng(seed).permutation(network.n_units)
    at = np.ix_(order, order)
    wiring = network.connectome
    permuted = changed(network, wiring.weight.values[at], wiring.delay.values[at])
    signals = (*MODELS[network.model].states, "spikes")
    one = run(network, STEPS * DT, DT, drive=drive, record=signals, dtype="float64")
    two = run(permuted, STEPS * DT, DT, drive=drive[:, order], record=signals, dtype="float64")
    # What arrives is added in another order, and rounds elsewhere.
    for name in signals:
        np.testing.assert_allclose(two[name], one[name][:, order], rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(made=driven(), layout=st.sampled_from([None, "sparse"]), which=st.integers(0, 24))
def test_zero_weights_decouple(made: tuple[Network, np.ndarray], layout: str | None, which: int) -> None:
    network, drive = made
    n = network.n_units
    apart = changed(network, np.zeros((n, n)), np.full((n, n), DT))
    other = drive.copy()
    other[:, which % n] += drive.std()
    others = np.arange(n) != which % n
    one, two = (run(apart, STEPS * DT, DT, drive=acting, layout=layout)["v"] for acting in (drive, other))
    assert np.array_equal(one[:, others], two[:, others])
    assert not np.array_equal(one[:, ~others], two[:, ~others])


@settings(max_examples=60, deadline=None)
@given(
    synapse=st.sampled_from(SYNAPSES), plasticity=st.sampled_from(PLASTICITIES), first=st.integers(1, 30),
    later=st.integers(1, 40), spikes=st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True),
    weight=st.floats(-5, 5), dtype=st.sampled_from(["float32", "float64"]), layout=st.sampled_from([None, "sparse"]),
)  # fmt: skip
def test_delays_shift(
    synapse: object, plasticity: object, first: int, later: int, spikes: list, weight: float, dtype: str, layout: object
) -> None:
    """A unit at rest answers a longer delay with the same course, so many steps later."""
    assume(abs(weight) > 0.1)
    drive = np.zeros((STEPS, 2))
    drive[spikes, 0] = 1e6
    courses = []
    for steps in (first, first + later):
        wiring = Connectome.from_weights([[0.0, 0.0], [weight, 0.0]], delay=steps * DT)
        network = Network(
            "lif", {"refractory": 0.0, "threshold": [-50.0, 1e3]}, wiring, synapse=synapse, plasticity=plasticity
        )
        courses.append(run(network, STEPS * DT, DT, drive=drive, dtype=dtype, layout=layout)["v"][:, 1])
    assert np.array_equal(courses[1][later:], courses[0][:-later])
    assert np.all(courses[1][: min(spikes) + first + later] == courses[1][0])
    assert np.ptp(courses[0]) > 0


@settings(max_examples=60, deadline=None)
@given(
    model=st.sampled_from(RATES), n=st.integers(1, 40), n_networks=st.integers(1, 5), density=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from(["float32", "float64"]), n_threads=st.integers(1, 3),
)  # fmt: skip
def test_units_without_spikes_are_the_same_in_any_layout_and_any_batch(
    model: str, n: int, n_networks: int, density: float, seed: int, dtype: str, n_threads: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (n_networks, n, n)
    weights = np.where(rng.random(shape) < density, rng.normal(size=shape), 0) / np.sqrt(n) * 0.9
    batch = Network(
        model, {"bias": rng.normal(size=n), "noise": 0.1}, Connectome.from_weights(weights), synapse=RateCoupling()
    )
    dense, sparse = (
        run(batch, 0.04, dtype=dtype, seed=seed, layout=layout, n_threads=threads)["x"]
        for layout, threads in (("dense", 1), ("sparse", n_threads))
    )
    assert np.array_equal(dense, sparse)
    for k in range(n_networks):
        assert np.array_equal(run(batch.isel(network=k), 0.04, dtype=dtype, seed=seed)["x"], dense[k])


@settings(max_examples=40, deadline=None)
@given(model=st.sampled_from(RATES), n=st.integers(2, 30), seed=st.integers(0, 2**32 - 1))
def test_units_without_spikes_permute_and_decouple(model: str, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, drive, order = rng.normal(size=(n, n)) / np.sqrt(n) * 0.5, rng.normal(size=(40, n)), rng.permutation(n)

    def course(weights: np.ndarray, drive: np.ndarray) -> np.ndarray:
        network = Network(model, {}, Connectome.from_weights(weights), synapse=RateCoupling())
        return run(network, 0.04, drive=drive, dtype="float64")["x"]

    one, two = course(weights, drive), course(weights[np.ix_(order, order)], drive[:, order])
    np.testing.assert_allclose(two, one[:, order], rtol=1e-8, atol=1e-9)
    other = drive.copy()
    other[:, 0] += 1
    apart, moved = course(np.zeros((n, n)), drive), course(np.zeros((n, n)), other)
    assert np.array_equal(apart[:, 1:], moved[:, 1:])
    assert not np.array_equal(apart[:, 0], moved[:, 0])
