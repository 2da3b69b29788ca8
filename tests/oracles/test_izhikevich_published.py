"""Oracle: the networks that Lu et al. 2023 published, simulated again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import synfer as sf
from synfer.connectome import Connectome
from synfer.datasets.izhikevich import load_izhikevich_raw
from synfer.network import Network
from synfer.simulate import izhikevich_network, observe, run

# Those folders that hold v, u and the input.
FOLDERS = [(4, 1), (8, 2), (16, 4), (32, 8)]


@pytest.fixture(params=FOLDERS, ids=lambda pair: f"N{sum(pair)}")
def folder(request: pytest.FixtureRequest, data_folder: Path) -> Path:
    n_exc, n_inh = request.param
    return data_folder / f"izhikevich/exc{n_exc}_inh{n_inh}_nodiag_withinp_rand/p4/inpvar5_S5_t5000/seed0"


def test_the_published_drive_gives_the_published_voltages(folder: Path) -> None:
    network, published = sf.datasets.load_izhikevich_network(folder), load_izhikevich_raw(folder)
    again = run(network, 0.05, drive=published["drive"][1:51], record=("v", "u", "spikes"), dtype="float64")
    # Chaos amplifies the files' 15 digits afterwards.
    np.testing.assert_allclose(again["v"], published["v"][1:51], rtol=1e-7)
    np.testing.assert_allclose(again["u"], published["u"][1:51], rtol=1e-7)
    assert np.array_equal(again["spikes"], published["spikes"][1:51])
    assert again["spikes"].sum() > 0


def test_every_published_state_leads_to_the_next(folder: Path) -> None:
    network, published = sf.datasets.load_izhikevich_network(folder), load_izhikevich_raw(folder)
    v, u, drive = (published[name] for name in ("v", "u", "drive"))
    n_steps, n_units = len(v) - 1, network.n_units
    assert n_steps == 5000
    weights = np.broadcast_to(network.connectome.weight.values, (n_steps, n_units, n_units))
    copies = Network(network.model, network.parameters, Connectome.from_weights(weights), drive=network.drive)
    after = run(
        copies, 1e-3, drive=drive[1:, None], initial_state={"v": v[:-1], "u": u[:-1]}, record=("v", "u", "spikes"),
        dtype="float64",
    )  # fmt: skip
    np.testing.assert_allclose(after["v"][:, 0], v[1:], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(after["u"][:, 0], u[1:], rtol=1e-9, atol=1e-9)
    # firings.txt lists the spikes that the next step resets, so none of the last state's.
    spikes = after["spikes"][:-1, 0]
    assert np.array_equal(spikes, published["spikes"][1:-1])
    assert spikes.sum() > 500


def test_single_precision_follows_the_published_voltages(folder: Path) -> None:
    network, published = sf.datasets.load_izhikevich_network(folder), load_izhikevich_raw(folder)
    again = run(network, 0.01, drive=published["drive"][1:11])
    np.testing.assert_allclose(again["v"], published["v"][1:11], rtol=1e-3)


def test_clipping_and_z_scoring_are_the_published_ones(folder: Path) -> None:
    prepared, _ = sf.datasets.load_izhikevich(folder)
    seen = observe.clip_and_zscore(load_izhikevich_raw(folder))
    np.testing.assert_allclose(seen["v"], prepared["v"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_exc", [4, 8, 16, 32])
@pytest.mark.parametrize("p", [2, 4, 6, 8])
def test_new_networks_fire_as_the_published_ones(data_folder: Path, n_exc: int, p: int) -> None:
    n_inh = n_exc // 4
    cell = data_folder / f"izhikevich/exc{n_exc}_inh{n_inh}_nodiag_withinp_rand/p{p}/inpvar5_S5_t5000"
    published = [load_izhikevich_raw(seed)["spikes"].mean() * 1000 for seed in sorted(cell.glob("seed*"))]
    network = izhikevich_network(n_exc, n_inh, p / 10, n_networks=40, seed=7)
    rates = run(network, 2.0, record="spikes")["spikes"].mean((1, 2)) * 1000
    spread = rates.std() * np.sqrt(1 / len(published) + 1 / len(rates))
    assert abs(np.mean(published) - rates.mean()) < 3.5 * spread
