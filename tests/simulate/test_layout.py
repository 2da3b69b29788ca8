"""Layout, threads and cuts change no bit, whatever the model, synapse, delay and plasticity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import (
    STDP,
    AlphaSynapse,
    ConductanceSynapse,
    DeltaSynapse,
    ExponentialSynapse,
    GaussianDrive,
    JumpSynapse,
    Network,
    ShortTermPlasticity,
)
from synfer.simulate import engine, izhikevich_network, run, wires

DT = 1e-4
PLASTICITIES = {"none": None, "short_term": ShortTermPlasticity(0.4, 0.1, 0.05), "stdp": STDP(0.3, 0.2, 20.0)}
PLASTICITIES["both"] = (PLASTICITIES["short_term"], PLASTICITIES["stdp"])
SYNAPSES = st.sampled_from(
    [
        DeltaSynapse(), JumpSynapse(), ExponentialSynapse(0.005, 0.01), AlphaSynapse(0.003, 0.004),
        ConductanceSynapse(0.005, 0.01),
    ]
)  # fmt: skip


@st.composite
def networks(draw: Callable, plastic: bool = True) -> Network:
    """A lif network or a batch: random weights, one delay or many, any synapse and plasticity."""
    n, n_networks = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    synapse = draw(SYNAPSES)
    shape = (n_networks, n, n) if n_networks > 1 else (n, n)
    strength = 0.3 if isinstance(synapse, ConductanceSynapse) else 15.0
    weights = np.where(rng.random(shape) < draw(st.floats(0, 1)), rng.random(shape) * strength, 0)
    weights *= np.where(rng.random(n) < 0.8, 1, -1)
    longest = draw(st.integers(1, 40))
    delay = longest * DT if draw(st.booleans()) else rng.integers(1, longest + 1, shape) * DT
    return Network(
        "lif", {"tau": rng.uniform(0.01, 0.02, n), "refractory": 1e-3}, Connectome.from_weights(weights, delay=delay),
        drive=GaussianDrive(25, 100), synapse=synapse,
        plasticity=PLASTICITIES[draw(st.sampled_from(list(PLASTICITIES)))] if plastic else None,
    )  # fmt: skip


def simulated(network: Network, **more: Any) -> Any:
    return run(network, 0.01, DT, record=("v", "held", "spikes"), **more)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    network=networks(), n_threads=st.integers(2, 5), units_per_thread=st.integers(1, 20),
    dtype=st.sampled_from(["float32", "float64"]), slice_steps=st.integers(1, 100),
)  # fmt: skip
def test_threads_slices_and_cuts_change_no_bit(
    monkeypatch: pytest.MonkeyPatch,
    network: Network,
    n_threads: int,
    units_per_thread: int,
    dtype: str,
    slice_steps: int,
) -> None:
    whole = simulated(network, n_threads=1, dtype=dtype)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "UNITS_PER_THREAD", units_per_thread)
        assert simulated(network, n_threads=n_threads, dtype=dtype).identical(whole)
        patch.setattr(engine.recorded, "SLICE_UNIT_STEPS", slice_steps * network.n_units * (network.n_networks or 1))
        patch.setattr(engine.recorded, "SLICE_MULTIPLE", 1)
        assert simulated(network, n_threads=n_threads, dtype=dtype).identical(whole)
    if network.n_networks is not None:
        last = network.n_networks - 1
        alone = simulated(network.isel(network=last), dtype=dtype)
        assert np.array_equal(alone["v"], whole["v"][last])


@settings(max_examples=40, deadline=None)
@given(network=networks(plastic=False), short_term=st.booleans(), dtype=st.sampled_from(["float32", "float64"]))
def test_layouts_agree_to_the_bit(network: Network, short_term: bool, dtype: str) -> None:
    delay = network.connectome.delay.values
    delay = None if np.isnan(delay).all() else np.nanmax(delay)
    wiring = Connectome.from_weights(network.connectome.weight.values, delay=delay)
    one = Network(
        network.model, network.parameters, wiring, drive=network.drives, synapse=network.synapse,
        plasticity=PLASTICITIES["short_term"] if short_term else None,
    )  # fmt: skip
    dense, sparse = (simulated(one, layout=layout, dtype=dtype) for layout in ("dense", "sparse"))
    assert (dense.provenance["layout"], sparse.provenance["layout"]) == ("dense", "sparse")
    for name in dense.signal_names:
        assert np.array_equal(dense[name], sparse[name])


def test_the_run_goes_on_from_its_final_state_to_the_bit(make_network: Callable) -> None:
    for synapse in ("delta", "jump", "exponential", "alpha", "conductance"):
        for delay in ("one step", "one", "many"):
            for plasticity in PLASTICITIES.values():
                more = {"plasticity": plasticity}
                if isinstance(plasticity, STDP):
                    more = {"plasticity": STDP(0.01, 0.01, 30.0)}
                network = make_network("lif", synapse, delay, drive=GaussianDrive(60, 400), **more)
                whole = run(network, 0.02, DT, record=("v", "spikes"))
                begun = run(network, 0.0137, DT, record=("v", "spikes"))
                rest = run(network, 0.0063, DT, record=("v", "spikes"), initial_state=begun.final_state)
                assert np.array_equal(np.concatenate([begun["v"], rest["v"]]), whole["v"]), (synapse, delay)
                assert whole["spikes"].sum() > 0


def test_edge_lists_and_matrices_are_one_network() -> None:
    rng = np.random.default_rng(5)
    n = 300
    weights = scipy.sparse.random(n, n, 0.05, rng=rng, data_rvs=lambda k: rng.uniform(0, 30, k)).tocoo()
    delay = rng.integers(1, 9, weights.nnz) * DT
    listed = Connectome.from_edges(weights.col, weights.row, n_units=n, weight=weights.data, delay=delay)
    spread = listed.to_matrix()
    assert (listed.layout, spread.layout) == ("edges", "matrix")
    made = [
        run(Network("lif", {}, wiring, drive=GaussianDrive(25, 50)), 0.05, DT, record=("v", "spikes"))
        for wiring in (listed, spread)
    ]
    assert made[0].identical(made[1])
    assert made[0]["spikes"].sum() > 50
    assert made[0].provenance["layout"] == "sparse"


def test_the_layout_is_chosen_by_size_and_density() -> None:
    rng = np.random.default_rng(0)

    def layout(n: int, density: float) -> str:
        weights = np.where(rng.random((n, n)) < density, 1.0, 0.0)
        network = Network("lif", {}, Connectome.from_weights(weights), drive=GaussianDrive(0, 0))
        return run(network, DT, DT).provenance["layout"]

    assert layout(100, 0.01) == "dense"
    assert layout(500, 0.01) == "sparse"
    assert layout(500, 0.4) == "sparse"
    assert layout(500, 0.6) == "dense"


def test_a_layout_that_cannot_be_is_refused(make_network: Callable) -> None:
    for wrong, what in (("csr", "layout 'csr' does not exist"), (3, "layout must be one of 'dense', 'sparse'")):
        with pytest.raises(InputError, match=what):
            run(make_network("lif"), 0.01, DT, layout=wrong)
    with pytest.raises(InputError, match=r"different delays; got 'dense'"):
        run(make_network("lif", delay="many"), 0.01, DT, layout="dense")
    with pytest.raises(InputError, match=r"learn by STDP; got 'dense'"):
        run(make_network("lif", plasticity=STDP(0.1, 0.1, 50.0)), 0.01, DT, layout="dense")


DELAYS: dict[str, tuple[np.ndarray, Any, float | None]] = {
    "one": (np.ones((2, 3, 3)), np.full((2, 3, 3), 2e-3), 2e-3),
    "none where there is no edge": (np.eye(3), np.where(np.eye(3) == 1, 2e-3, np.nan), 2e-3),
    "another where there is no edge": (np.eye(3), np.where(np.eye(3) == 1, 2e-3, 5e-3), 2e-3),
    "two": (np.eye(3), np.diag([2e-3, 2e-3, 3e-3]), None),
    "an edge without one": (np.ones((3, 3)), np.where(np.eye(3) == 1, np.nan, 2e-3), None),
    "no edges": (np.zeros((3, 3)), np.full((3, 3), 2e-3), None),
}


@pytest.mark.parametrize("case", DELAYS)
def test_the_one_delay_of_all_edges(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, delays, only = DELAYS[case]
    wiring = Connectome.from_weights(weights, delay=delays)
    listed = Connectome.from_edges(*np.nonzero(np.ones((3, 3))), n_units=3, weight=1.0, delay=delays.reshape(-1)[-9:])
    for piece in (2, 2**16):
        monkeypatch.setattr(wires, "PIECE", piece)
        assert wires.only_delay(wiring) == only
        same = len(np.unique(delays.reshape(-1)[-9:])) == 1  # in a list all pairs are edges here, whatever their weight
        assert wires.only_delay(listed) == (2e-3 if same else None)


def test_permuted_units_give_permuted_results(make_network: Callable) -> None:
    network = make_network("lif", "exponential", "many", n=30)
    order = np.random.default_rng(3).permutation(30)
    wiring = network.connectome
    permuted = Network(
        "lif", {}, Connectome.from_weights(*[wiring.weight.values[np.ix_(order, order)]],
                                           delay=wiring.delay.values[np.ix_(order, order)]),
        synapse=network.synapse,
    )  # fmt: skip
    drive = run(network, 0.05, DT, record="drive")["drive"]
    one = run(network, 0.05, DT, drive=drive, record=("v", "spikes"), dtype="float64")
    two = run(permuted, 0.05, DT, drive=drive[:, order], record=("v", "spikes"), dtype="float64")
    assert one["spikes"].sum() > 20
    np.testing.assert_allclose(two["v"], one["v"][:, order], atol=1e-9)
    assert np.array_equal(two["spikes"], one["spikes"][:, order])


def test_zero_weights_decouple(make_network: Callable) -> None:
    network = make_network("lif", "conductance", "many")
    n = network.n_units
    drive = run(network, 0.05, DT, record="drive")["drive"]
    for layout in ("dense", "sparse"):
        uncoupled = Network("lif", {}, Connectome.from_weights(np.zeros((n, n))), synapse=network.synapse)
        whole = run(uncoupled, 0.05, DT, drive=drive, layout=layout)["v"]
        changed = drive.copy()
        changed[:, 3] += 5
        again = run(uncoupled, 0.05, DT, drive=changed, layout=layout)["v"]
        assert np.array_equal(again[:, np.arange(n) != 3], whole[:, np.arange(n) != 3])
        assert not np.array_equal(again[:, 3], whole[:, 3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 7, 16, 33, 40, 63, 64, 65])
def test_networks_whose_spikes_are_delivered_at_once(level: str, n: int, dtype: str) -> None:
    # Events are taken from lists of spikes, which small networks else do without.
    network = izhikevich_network(n - n // 5, n // 5, 0.6, n_networks=7, seed=n)
    for part in (network, network.isel(network=slice(1, 4)), network.isel(network=2)):
        kept = {"record": ("v", "u", "spikes"), "dtype": dtype, "seed": 3}
        at_once, listed = run(part, 0.5, **kept), run(part, 0.5, **kept, spikes="events")
        for name in ("v", "u", "spikes"):
            np.testing.assert_array_equal(at_once[name], listed[name])
        assert at_once["spikes"].any()
