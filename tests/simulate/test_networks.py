"""The paper's networks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from synfer.errors import InputError
from synfer.simulate import erdos_renyi, izhikevich_network
from synfer.simulate.neurons import MODELS


def test_network_k_is_the_same_in_every_batch() -> None:
    small, large = (izhikevich_network(8, 2, 0.4, n_networks=n, seed=5) for n in (2, 6))
    assert large.isel(network=slice(0, 2)).identical(small)
    one = izhikevich_network(8, 2, 0.4, seed=5)
    assert one.n_networks is None
    wiring = erdos_renyi(8, 2, 0.4, delay=1e-3, seed=5)
    wiring.dt = 1e-3  # for which the paper's networks are made
    assert one.connectome.identical(wiring)
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
