"""Wirings and the paper's networks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from synfer.errors import InputError
from synfer.simulate import erdos_renyi, izhikevich_network
from synfer.simulate.neurons import MODELS


def test_edges_are_as_likely_as_asked_and_signed_by_their_source() -> None:
    weights = erdos_renyi(16, 4, 0.3, weight=2.5, n_networks=200, seed=3)
    assert weights.shape == (200, 20, 20)
    assert np.all(weights[:, np.arange(20), np.arange(20)] == 0)
    assert set(np.unique(weights[:, :, :16])) == {0.0, 2.5}
    assert set(np.unique(weights[:, :, 16:])) == {-2.5, 0.0}
    n = 200 * 20 * 19
    assert scipy.stats.binomtest(int(np.count_nonzero(weights)), n, 0.3).pvalue > 1e-3
    each = np.count_nonzero(weights, axis=0)[~np.eye(20, dtype=bool)]  # every pair alike, Binomial(200, 0.3)
    assert (
        scipy.stats.kstest(each + np.random.default_rng(0).random(380) - 0.5, "norm", args=(60, np.sqrt(42))).pvalue
        > 1e-3
    )


@pytest.mark.parametrize("seed", [2**53, 2**63, 2**64 - 2])
def test_long_seeds_keep_their_last_bit(seed: int) -> None:
    assert not np.array_equal(erdos_renyi(6, 2, 0.5, seed=seed), erdos_renyi(6, 2, 0.5, seed=seed + 1))


@pytest.mark.parametrize("p", [0, 1, 0.0, 1.0])
def test_no_edges_and_all_edges(p: float) -> None:
    weights = erdos_renyi(3, 2, p, seed=1)[0]
    assert np.count_nonzero(weights) == p * 20


def test_network_k_is_the_same_in_every_batch() -> None:
    small, large = (izhikevich_network(8, 2, 0.4, n_networks=n, seed=5) for n in (2, 6))
    assert large.isel(network=slice(0, 2)).identical(small)
    one = izhikevich_network(8, 2, 0.4, seed=5)
    assert one.n_networks is None
    assert np.array_equal(one.connectome.weight, large.connectome.weight[0])
    assert np.array_equal(one.parameters["c"], large.parameters["c"][0])
    assert one.ids.tolist() == [0]
    weights = large.connectome.weight.values
    assert len({w.tobytes() for w in weights}) == 6
    assert not np.array_equal(izhikevich_network(8, 2, 0.4, seed=6).connectome.weight, one.connectome.weight)


def test_parameters_are_the_papers() -> None:
    network = izhikevich_network(32, 8, 0.4, n_networks=300, seed=1)
    a, b, c, d = (network.parameters[name] for name in "abcd")
    exc, inh = slice(0, 32), slice(32, 40)
    assert np.all(a[:, exc] == 0.02)
    assert np.all(b == -0.1)
    assert np.all(c[:, inh] == -65)
    assert np.all(d[:, inh] == 2)
    r_exc, r_inh = np.sqrt((c[:, exc] + 65) / 15), (a[:, inh] - 0.02) / 0.08
    np.testing.assert_allclose(d[:, exc], 8 - 6 * r_exc**2)
    for r in (r_exc, r_inh):
        assert scipy.stats.kstest(r.ravel(), "uniform").pvalue > 1e-3
    assert {name: network.parameters[name] for name in ("quadratic", "linear", "constant", "threshold")} == {
        "quadratic": 0.04, "linear": 4.1, "constant": 108.0, "threshold": 30.0,
    }  # fmt: skip
    assert (network.drive.mean, network.drive.variance) == (5.0, 5.0)
    assert set(network.parameters) == set(MODELS["izhikevich"].defaults)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"p": 1.2}, "p must"), ({"p": np.nan}, "p must"), ({"p": "x"}, "p must"), ({"n_exc": -1}, "n_exc"),
        ({"n_inh": 1.5}, "n_inh"), ({"n_exc": 0, "n_inh": 0}, "no units"), ({"weight": -5.0}, "weight"),
        ({"weight": np.inf}, "weight"), ({"n_networks": 0}, "n_networks"), ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        izhikevich_network(**{"n_exc": 4, "n_inh": 1, "p": 0.4, **given})
