"""Units without spikes: against the twin, to the bit for threads, cuts and pieces, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.errors import (
    DelayWarning,
    InputError,
    SimulationDivergedError,
    StepWarning,
    UnknownNameError,
)
from synfer.network import GaussianDrive, Network, OrnsteinUhlenbeckDrive, RateCoupling, SharedDrive, SineDrive
from synfer.simulate import (
    lorenz96_network,
    map_network,
    rate_network,
    run,
    run_reference,
    var_coefficients,
    var_network,
)

KINDS = ["leaky_tanh", "leaky_sigmoid", "leaky_relu", "leaky_linear", "map_tanh", "map_sigmoid", "map_relu", "var",
         "lorenz96"]  # fmt: skip
DRIVE = [SineDrive(0.3, 20.0), GaussianDrive(0.1, 0.01), OrnsteinUhlenbeckDrive(0.0, 0.2, 0.01), SharedDrive(0.1)]


def network_of(kind: str, n: int, n_networks: int | None = None, *, seed: int = 0, drive: object = DRIVE) -> Network:
    rng = np.random.default_rng(seed)
    shape = (n,) if n_networks is None else (n_networks, n)
    weights = rng.normal(size=(*shape, n)) / np.sqrt(n) * 0.9
    own = {"gain": rng.uniform(0.5, 1.5, n), "bias": rng.normal(size=shape), "noise": rng.uniform(0, 0.3, shape)}
    family, _, activation = kind.partition("_")
    if family == "leaky":
        return rate_network(weights, activation=activation, tau=rng.uniform(0.005, 0.02, n), drive=drive, **own)
    if family == "map":
        return map_network(weights, activation=activation, drive=drive, **own)
    if family == "var":
        a = var_coefficients(n, 3, radius=0.8, n_networks=n_networks or 1, seed=seed)
        a = a.reshape(*shape[:-1], *a.shape[-3:])
        return var_network(a, noise=own["noise"], bias=own["bias"], drive=drive)
    return lorenz96_network(n, F=rng.uniform(6, 9, shape), noise=0.1, n_networks=n_networks, drive=drive)


def dt_of(network: Network) -> float:
    return 0.01 if network.model == "lorenz96" else 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [4, 70])
def test_agree_with_the_twin(level: str, kind: str, n: int) -> None:
    network = network_of(kind, n, 3).isel(network=2)
    dt = dt_of(network)
    recording = run(network, 70 * dt, dt, record=("x", "drive"), dtype="float64", seed=2**40)
    twin = run_reference(network, 70 * dt, dt, seed=2**40)
    np.testing.assert_allclose(recording["drive"], twin["drive"], atol=1e-8)
    # the twin draws the sine's phase to 53 bits, the core to 31
    np.testing.assert_allclose(recording["x"], twin["x"], rtol=1e-6, atol=1e-6)
    silent = network_of(kind, n, drive=None)
    np.testing.assert_allclose(
        run(silent, 50 * dt, dt, dtype="float64")["x"], run_reference(silent, 50 * dt, dt)["x"], rtol=1e-9, atol=1e-10
    )
    single = run(silent, 20 * dt, dt)["x"]
    np.testing.assert_allclose(single, run(silent, 20 * dt, dt, dtype="float64")["x"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_cuts_change_no_bit(level: str, kind: str, dtype: str) -> None:
    batch = network_of(kind, 13, 9)
    dt = dt_of(batch)
    whole = run(batch, 100 * dt, dt, dtype=dtype, n_threads=1, seed=5)
    for n_threads in (2, 3, 16):
        assert run(batch, 100 * dt, dt, dtype=dtype, n_threads=n_threads, seed=5).identical(whole)
    for cut in (slice(0, 1), slice(1, 6), [8, 2]):
        part = run(batch.isel(network=cut), 100 * dt, dt, dtype=dtype, n_threads=2, seed=5)
        assert np.array_equal(part["x"], whole["x"][cut])
    alone = run(batch.isel(network=4), 100 * dt, dt, dtype=dtype, seed=5)
    assert np.array_equal(alone["x"], whole["x"][4])


@pytest.mark.parametrize("kind", ["leaky_tanh", "map_sigmoid", "var"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_share_the_units_of_a_large_network(level: str, kind: str, dtype: str) -> None:
    network = network_of(kind, 601)
    whole = run(network, 0.07, record=("x", "drive"), dtype=dtype, n_threads=1)
    for n_threads in (2, 3):
        shared = run(network, 0.07, record=("x", "drive"), dtype=dtype, n_threads=n_threads)
        assert shared.identical(whole)
        for name, array in whole.final_state.arrays.items():
            assert np.array_equal(shared.final_state.arrays[name], array)


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS), n=st.integers(4, 20), n_networks=st.integers(1, 7),
    cuts=st.lists(st.integers(1, 79), max_size=3, unique=True), n_threads=st.integers(1, 3),
    dtype=st.sampled_from(["float32", "float64"]), seed=st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_pieces_of_a_run_change_no_bit(
    kind: str, n: int, n_networks: int, cuts: list, n_threads: int, dtype: str, seed: int
) -> None:
    network = network_of(kind, n, n_networks)
    dt = dt_of(network)
    whole = run(network, 80 * dt, dt, dtype=dtype, seed=seed, n_threads=1)["x"]
    pieces, state = [], None
    for begin, end in itertools.pairwise([0, *sorted(cuts), 80]):
        piece = run(network, (end - begin) * dt, dt, initial_state=state, dtype=dtype, n_threads=n_threads,
                    seed=seed if state is None else None)  # fmt: skip
        state = piece.final_state
        pieces.append(piece["x"])
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    third = run(network, 80 * dt, dt, dtype=dtype, seed=seed, every=3)["x"]
    assert np.array_equal(third, whole[:, 2::3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["leaky_tanh", "map_relu"])
def test_layouts_agree_to_the_bit(level: str, kind: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(2, 301, 301)) * (rng.random((2, 301, 301)) < 0.05)
    weights[0, 7] = 0
    make = rate_network if kind == "leaky_tanh" else map_network
    batch = make(0.2 * weights, noise=0.1, activation=kind.partition("_")[2])
    dense, sparse = (run(batch, 0.03, dtype=dtype, layout=layout, n_threads=2) for layout in ("dense", "sparse"))
    assert (dense.provenance["layout"], sparse.provenance["layout"]) == ("dense", "sparse")
    assert np.array_equal(sparse["x"], dense["x"])
    assert np.std(dense["x"][:, -1]) > 0.005


def test_the_quicker_layout_is_taken() -> None:
    def taken(n: int, share: float) -> str:
        weights = (np.random.default_rng(0).random((n, n)) < share) / n
        return run(rate_network(weights), 2e-3).provenance["layout"]

    assert [taken(50, 0.02), taken(600, 0.5), taken(600, 0.02)] == ["dense", "dense", "sparse"]
    assert "layout" not in run(lorenz96_network(6), 0.02, 0.01).provenance


def test_layouts_that_cannot_hold_a_coupling_are_refused() -> None:
    network = rate_network(np.eye(3))
    with pytest.raises(UnknownNameError, match="layout"):
        run(network, 0.01, layout="csr")
    with pytest.raises(InputError, match="layout must be None for model 'lorenz96'"):
        run(lorenz96_network(6), 0.02, 0.01, layout="dense")
    lagged = var_network(var_coefficients(4, 3, radius=0.8, seed=0))
    with pytest.raises(InputError, match="layout must be 'dense' or None for coupling over several lags"):
        run(lagged, 0.01, layout="sparse")
    assert run(lagged, 0.01, layout="dense", seed=1).identical(run(lagged, 0.01, seed=1))


def test_a_list_of_edges_is_simulated_as_the_matrix(level: str) -> None:
    rng = np.random.default_rng(2)
    sparse = scipy.sparse.random_array((5000, 5000), density=0.002, rng=rng, data_sampler=rng.standard_normal)
    listed = rate_network(sparse, noise=0.5)
    assert listed.connectome.layout == "edges"
    x = run(listed, 0.02, n_threads=1, dtype="float64")["x"]
    assert np.array_equal(x, run(listed, 0.02, n_threads=3, dtype="float64")["x"])
    p, z = sparse.tocsr(), run_reference_noise(5000, 20)
    y = np.zeros(5000)
    for k in range(20):
        y = y + 0.1 * (p @ np.tanh(y) - y) + 0.5 * np.sqrt(1e-3) * z[k]
        np.testing.assert_allclose(x[k], y, atol=1e-10)


def run_reference_noise(n: int, steps: int) -> np.ndarray:
    from synfer.simulate.reference_drive import MODEL_STREAM, normal_numbers

    return normal_numbers(0, 0, n, steps, MODEL_STREAM)


@pytest.mark.parametrize("kind", ["leaky_tanh", "map_sigmoid"])
def test_zero_weights_decouple_and_permuted_units_give_permuted_results(kind: str) -> None:
    drive = np.random.default_rng(0).normal(size=(50, 13))
    network = network_of(kind, 13, drive=None)
    parameters = {name: np.broadcast_to(value, 13) * (name != "noise") for name, value in network.parameters.items()}
    order = np.random.default_rng(3).permutation(13)

    def simulated(weights: np.ndarray, at: np.ndarray, drive: np.ndarray) -> np.ndarray:
        part = {name: value[at] for name, value in parameters.items()}
        made = Network(network.model, part, Connectome.from_weights(weights[np.ix_(at, at)]), synapse=RateCoupling())
        return run(made, 0.05, drive=drive[:, at], dtype="float64")["x"]

    weights, in_order = network.connectome.weight.values, np.arange(13)
    whole = simulated(weights, in_order, drive)
    np.testing.assert_allclose(simulated(weights, order, drive), whole[:, order], rtol=1e-9, atol=1e-10)
    changed = drive.copy()
    changed[:, 4] += 1
    others = in_order != 4
    zero = np.zeros((13, 13))
    assert np.array_equal(simulated(zero, in_order, changed)[:, others], simulated(zero, in_order, drive)[:, others])
    assert not np.array_equal(simulated(weights, in_order, changed)[:, others], whole[:, others])


def test_an_edge_acts_in_its_direction_after_its_lag() -> None:
    a = np.zeros((4, 3, 3))
    a[2, 1, 0] = 2.0  # unit 0 on unit 1, three steps later
    drive = np.zeros((9, 3))
    drive[1, 0] = 1.0
    x = run(var_network(a, noise=0.0), 9e-3, drive=drive, dtype="float64")["x"]
    assert np.argwhere(x).tolist() == [[1, 0], [4, 1]]
    assert x[4, 1] == 2.0
    truth = var_network(a).connectome
    assert truth.edges()[["source", "target", "weight", "delay"]].values.tolist() == [[0, 1, 2.0, 3e-3]]


def test_the_delay_of_an_edge_is_that_from_the_sample_that_acts_to_the_first_that_is_acted_on() -> None:
    a = np.zeros((2, 3, 3, 3))  # network, lag, target, source
    a[0, 0, 1, 0] = a[0, 2, 1, 0] = 0.5
    a[0, 1, 2, 2] = -0.5
    a[1, 0, 0, 2], a[1, 1, 0, 2] = 0.5, -0.5  # adds up to nothing, and acts all the same
    network = var_network(a, noise=0.0, dt=2e-3)
    delay = network.connectome.delay.values
    for k, source, target in ((0, 0, 1), (0, 2, 2), (1, 2, 0)):
        drive = np.zeros((8, 3))
        drive[2, source] = 1.0
        x = run(network.isel(network=k), 16e-3, dt=2e-3, drive=drive, dtype="float64")["x"]
        later = np.flatnonzero(x[3:, target])[0] + 1
        assert delay[k, target, source] == later * 2e-3
    assert np.isnan(delay).sum() == 18 - 3


def test_delays_that_are_not_those_of_the_couplings_are_refused_or_warned_of() -> None:
    var = var_network([[[0.5, 0.4], [0.0, 0.5]]])
    with pytest.warns(DelayWarning, match=r"dt = 0.01 s is another step than the 0.001 s .* Take dt=0.001"):
        run(var, 0.1, dt=0.01)
    run(var_network([[[0.5, 0.4], [0.0, 0.5]]], dt=0.01), 0.1, dt=0.01)
    delayed = Connectome.from_weights([[0.0, 1.0], [0.0, 0.0]], delay=3e-3)
    with pytest.raises(InputError, match=r"one step of dt = 0.001 s, or an edge's first lag; got 0.003 s"):
        run(rate_network(delayed), 0.01)
    run(rate_network(delayed), 0.03, dt=3e-3)
    lags = np.zeros((3, 2, 2))
    lags[2, 0, 1] = 1.0
    run(Network("var", {}, delayed, synapse=RateCoupling(lags)), 0.01)
    with pytest.raises(InputError, match=r"got 0\.003 s"):
        run(Network("var", {}, delayed, synapse=RateCoupling(lags[::-1].copy())), 0.01)
    listed = Connectome.from_edges([1], [0], n_units=2, weight=[1.0], delay=[5e-3])
    with pytest.raises(InputError, match=r"got 0\.005 s"):
        run(rate_network(listed), 0.01)


def test_lags_begin_with_the_history_given() -> None:
    a = np.array([[[0.5]], [[0.25]]])
    network = var_network(a, noise=0.0)
    x = run(network, 2e-3, initial_state={"x": [[4.0], [8.0]]}, dtype="float64")["x"]
    assert x[:, 0].tolist() == [4.0, 3.0]
    batch = var_network(np.stack([a, a]), noise=0.0)
    x = run(batch, 1e-3, initial_state={"x": [[4.0], [2.0]]}, dtype="float64")["x"]
    assert x[:, 0, 0].tolist() == [3.0, 1.5]


def test_seeds_and_ids_key_noise_and_first_states() -> None:
    for network in (network_of("leaky_tanh", 5, 4), lorenz96_network(5, n_networks=4)):
        x = run(network, 0.05)["x"]
        assert len({one.tobytes() for one in x}) == 4
        assert not np.array_equal(x, run(network, 0.05, seed=1)["x"])


@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_a_step_beyond_the_time_constant_is_warned_of(activation: str) -> None:
    """Below tau an uncoupled unit decays, beyond it alternates in sign, beyond 2 tau grows: the warning comes first."""
    network = rate_network(np.zeros((2, 2)), activation=activation, tau=[0.01, 0.002])
    start = {"x": [0.0, 1.0]}
    within = run(network, 0.1, 0.002, initial_state=start)["x"][:, 1]  # no warning, which would be an error here
    assert np.all(within == 0)
    words = rf"dt = 0\.003 s .*tau = 0\.002 s, of model 'leaky_{activation}'.*beyond 0\.004 s .*Take dt=0\.0002"
    with pytest.warns(StepWarning, match=words):
        alternating = run(network, 0.03, 0.003, initial_state=start)["x"][:, 1]
    assert np.all(alternating[1:] * alternating[:-1] < 0)
    with (
        pytest.warns(StepWarning, match=r"dt = 0\.005"),
        pytest.raises(SimulationDivergedError, match=r"dt = 0\.005 s"),
    ):
        run(network, 5.0, 0.005, initial_state=start)
    with pytest.warns(StepWarning, match=r"tau = 0\.01 s"):  # the default tau
        run(Network(f"leaky_{activation}", {}, network.connectome, synapse=RateCoupling()), 0.1, 0.02)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_unstable_simulation_names_network_unit_and_step(level: str, n_threads: int) -> None:
    n = 601
    network = rate_network(np.zeros((n, n)), activation="linear")
    drive = np.zeros((100, n), np.float32)
    drive[70, 333] = drive[72, 5] = np.float32(3e38)
    with pytest.raises(SimulationDivergedError, match=r"unit 333 .*after step 71 .*dt = 0\.001 s"):
        growing = rate_network(np.diag(np.full(n, 50.0)), activation="linear")
        run(growing, 0.1, drive=drive, n_threads=n_threads)
    assert run(network, 0.1, drive=drive, n_threads=n_threads).n_samples == 100
    with pytest.raises(SimulationDivergedError, match="network 2"):
        run(lorenz96_network(8, F=np.array([[8.0], [8.0], [1e4]]) * np.ones(8), n_networks=3), 5.0, dt=0.05)


def test_what_a_recording_says_of_itself() -> None:
    recording = run(network_of("var", 5, 3), 0.01)
    assert recording.signal_names == ["x"]
    assert recording.dims == ("network", "time", "unit")
    assert recording.provenance["model"] == "var"
    assert "SharedDrive(strength=0.1, tau=0)" in recording.provenance["drive"]
    assert recording.final_state.arrays["state"].shape == (3, 3, 5)


@pytest.mark.parametrize("n_networks", [None, 3])
def test_networks_are_saved_with_their_coupling(tmp_path, n_networks) -> None:
    for kind in KINDS:
        made = network_of(kind, 6, n_networks)
        made.save(tmp_path / "n.nc")
        loaded = Network.load(tmp_path / "n.nc")
        assert loaded.identical(made)
        assert loaded.synapse == made.synapse
        assert np.array_equal(run(loaded, 0.02)["x"], run(made, 0.02)["x"])
    assert RateCoupling(np.zeros((1, 2, 2))) != RateCoupling() == RateCoupling()
    assert hash(RateCoupling(np.zeros((1, 2, 2)))) == hash(RateCoupling([[[0, 0], [0, 0]]]))
    assert RateCoupling() != 3
