"""What holds of every wiring: Dale's law, no self connections, seeds, batches, layouts, delays."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from synfer import simulate
from synfer.connectome import Connectome
from synfer.errors import DelayWarning
from synfer.network import GaussianDrive, Network
from synfer.simulate import DistanceDelay, LogNormal, UniformDelay

from .conftest import Make, weights_of


def test_signs_follow_the_source_and_nothing_drives_itself(make: Make) -> None:
    connectome = make(weight=2.5, n_networks=30)
    weights = weights_of(connectome)
    assert weights.shape == (30, 20, 20)
    assert set(np.unique(weights[:, :, :16])) == {0.0, 2.5}
    assert set(np.unique(weights[:, :, 16:])) == {-2.5, 0.0}
    assert np.all(weights[:, np.arange(20), np.arange(20)] == 0)
    assert connectome.score.equals(abs(connectome.weight))
    assert connectome.delay is None


def test_inhibition_may_weigh_otherwise(make: Make) -> None:
    weights = weights_of(make(weight=LogNormal(1.0, 0.2), weight_inh=6.0, n_networks=10))
    assert set(np.unique(weights[:, :, 16:])) == {-6.0, 0.0}
    drawn = weights[weights > 0]
    assert len(np.unique(drawn)) == len(drawn)


def test_seeds_reproduce(make: Make) -> None:
    about = {"weight": LogNormal(1.0, 0.5), "delay": UniformDelay(1e-3, 2e-3)}
    one = make(seed=2**64 - 1, **about)
    assert one.identical(make(seed=2**64 - 1, **about))
    assert not np.array_equal(weights_of(one), weights_of(make(seed=2**64 - 2, **about)))
    assert one.seed == 2**64 - 1


def test_network_k_is_the_same_in_every_batch(make: Make) -> None:
    about = {"weight": LogNormal(1.0, 0.5), "delay": UniformDelay(1e-3, 2e-3), "seed": 3}
    small, large = make(n_networks=2, **about), make(n_networks=5, **about)
    assert large.isel(network=slice(0, 2)).identical(small)
    one = make(**about)
    assert one.leading is None
    np.testing.assert_array_equal(one.weight, large.weight[0])
    np.testing.assert_array_equal(one.delay, large.delay[0])
    assert len({network.tobytes() for network in weights_of(large)}) == 5


def test_a_list_of_edges_holds_the_same_network(make: Make) -> None:
    about = {"weight": LogNormal(1.0, 0.5), "delay": UniformDelay(1e-3, 2e-3), "seed": 4}
    matrix, edges = make(**about), make(layout="edges", **about)
    assert (matrix.layout, edges.layout) == ("matrix", "edges")
    assert edges.to_matrix().identical(matrix)


def test_other_weights_and_delays_leave_the_edges_as_they_are(make: Make) -> None:
    one, two = make(weight=1.0, seed=5), make(weight=LogNormal(3.0, 1.0), delay=UniformDelay(0.1, 0.2), seed=5)
    np.testing.assert_array_equal(weights_of(one) != 0, weights_of(two) != 0)


@pytest.mark.parametrize("delay", [2e-3, UniformDelay(1e-3, 5e-3, step=None), UniformDelay(1e-3, 1.3e-3)])
def test_every_edge_has_a_delay_and_nothing_else_has(make: Make, delay: float | UniformDelay) -> None:
    connectome = make(delay=delay, n_networks=20)
    joined = connectome.score.values > 0
    lags = connectome.delay.values
    assert np.all(np.isnan(lags) == ~joined)
    if delay == 2e-3:
        assert np.all(lags[joined] == 2e-3)
    elif delay.step is not None:
        steps, counts = np.unique(np.round(lags[joined] / 1e-4, 9), return_counts=True)
        assert steps.tolist() == [10, 11, 12, 13]
        assert scipy.stats.chisquare(counts).pvalue > 1e-4
    else:
        assert scipy.stats.kstest(lags[joined], "uniform", args=(1e-3, 4e-3)).pvalue > 1e-4


def test_what_it_says_of_itself_can_be_saved(make: Make, tmp_path) -> None:
    connectome = make(weight=LogNormal(2.0, 1.0), delay=UniformDelay(1e-3, 2e-3))
    connectome.save(tmp_path / "wiring.nc")
    assert Connectome.load(tmp_path / "wiring.nc").identical(connectome)
    assert connectome.parameters["weight"] == {"distribution": "LogNormal", "mean": 2.0, "std": 1.0}
    assert connectome.parameters["delay"] == {"distribution": "UniformDelay", "low": 1e-3, "high": 2e-3, "step": 1e-4}
    assert hasattr(simulate, connectome.method)


def test_it_is_simulated(make: Make) -> None:
    network = Network("izhikevich", {}, make(delay=1e-3, n_networks=3), drive=GaussianDrive(5.0, 5.0))
    assert simulate.run(network, 0.05)["v"].shape == (3, 50, 20)


def test_delays_on_the_grid_of_the_step_are_simulated_as_they_are(make: Make) -> None:
    for delay, dt in ((UniformDelay(1e-3, 3e-3), 1e-4), (UniformDelay(1e-3, 3e-3, step=5e-4), 5e-4)):
        network = Network("lif", {}, make(delay=delay), drive=GaussianDrive(30.0, 5.0))
        assert simulate.run(network, 0.01, dt).n_samples == round(0.01 / dt)  # no warning, which would be an error here
    with pytest.warns(DelayWarning, match="not a whole number of steps"):
        simulate.run(Network("lif", {}, make(delay=UniformDelay(1e-3, 3e-3, step=None))), 0.01, 1e-4)


def test_delays_by_distance_are_rounded_to_the_grid() -> None:
    about = {"side": 1.0, "seed": 8}
    exact = simulate.distance_dependent(16, 4, 0.9, 2.0, delay=DistanceDelay(300.0, step=None), **about)
    rounded = simulate.distance_dependent(16, 4, 0.9, 2.0, delay=DistanceDelay(300.0), **about)
    joined = exact.score.values > 0
    steps = rounded.delay.values[joined] / 1e-4
    np.testing.assert_allclose(steps, np.maximum(np.rint(exact.delay.values[joined] / 1e-4), 1), rtol=1e-12)
    assert steps.min() == pytest.approx(1.0)
    network = Network("lif", {}, rounded, drive=GaussianDrive(30.0, 5.0))
    assert simulate.run(network, 0.01, 1e-4).n_samples == 100  # no warning, which would be an error here


@pytest.mark.parametrize(
    "looped",
    [
        lambda loops: simulate.erdos_renyi(30, 10, 0.5, self_connections=loops),
        lambda loops: simulate.fixed_in_degree(30, 10, 20, self_connections=loops),
        lambda loops: simulate.fixed_in_degree(30, 10, (15, 5), self_connections=loops),
        lambda loops: simulate.distance_dependent(30, 10, 0.5, 1.0, self_connections=loops),
        lambda loops: simulate.clustered(30, 10, 3, 0.5, 0.5, self_connections=loops),
        lambda loops: simulate.by_cell_type({"a": 40}, [[0.5]], [[1.0]], self_connections=loops),
        lambda loops: simulate.ring_attractor(40, self_connections=loops),
    ],
)
def test_self_connections_where_asked_for(looped) -> None:
    assert not np.any(np.diag(weights_of(looped(False))))
    n_loops = np.count_nonzero(np.diag(weights_of(looped(True))))
    assert n_loops == 40 or 8 <= n_loops <= 32


def test_log_normal_weights_have_the_moments_asked_for() -> None:
    weights = weights_of(simulate.erdos_renyi(500, 0, 0.8, weight=LogNormal(0.7, 1.1)))
    w = weights[weights > 0]
    assert abs(w.mean() - 0.7) < 5 * 1.1 / np.sqrt(len(w))
    sigma = np.sqrt(np.log1p((1.1 / 0.7) ** 2))
    assert abs(np.log(w).std() - sigma) < 5 * sigma / np.sqrt(2 * len(w))
    assert scipy.stats.kstest(np.log(w), "norm", args=(np.log(0.7) - sigma**2 / 2, sigma)).pvalue > 1e-4


def test_delays_by_distance_follow_it() -> None:
    positions = simulate.random_positions(20, side=2.0, n_dims=3, n_networks=4, seed=8)
    connectome = simulate.distance_dependent(
        16, 4, 0.9, 2.0, side=2.0, n_dims=3, n_networks=4, seed=8, delay=DistanceDelay(300.0, 1e-3, step=None)
    )
    apart = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    joined = connectome.score.values > 0
    np.testing.assert_allclose(connectome.delay.values[joined], 1e-3 + apart[joined] / 300, rtol=1e-12)
