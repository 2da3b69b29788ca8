"""Drives recorded one by one: against the twin, and without a change of any other bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from synfer.errors import InputError, UnknownNameError
from synfer.network import (
    Drive,
    GaussianDrive,
    Network,
    OrnsteinUhlenbeckDrive,
    PoissonDrive,
    SharedDrive,
    SineDrive,
    StepDrive,
)
from synfer.recording import Recording
from synfer.simulate import lorenz96_network, rate_network, run, run_plastic, run_reference, run_views

N = 12
DT = 1e-4
rng = np.random.default_rng(3)
DRIVES: dict[str, Drive] = {
    "wave": SineDrive(rng.normal(size=N), rng.uniform(0, 3000, N), rng.uniform(-9, 9, N), 0.3),
    "noise": GaussianDrive(rng.normal(size=N), 2.0),
    "slow": OrnsteinUhlenbeckDrive(1.0, rng.uniform(1, 2, N), rng.uniform(0, 0.05, N)),
    "events": PoissonDrive(rng.uniform(0, 30000, N), rng.normal(size=N)),
    "pulse": StepDrive(rng.normal(size=N), 1e-3, rng.uniform(0, 0.02, N)),
    "shared": SharedDrive(rng.normal(size=N)),
    "slow_shared": SharedDrive(rng.normal(size=N), tau=0.01),
}
SIGNALS = [f"drive_{name}" for name in DRIVES]


def rates(drive: Any, n_networks: int | None = None, n_units: int = N) -> Network:
    shape = (n_units, n_units) if n_networks is None else (n_networks, n_units, n_units)
    return rate_network(np.random.default_rng(0).normal(size=shape) / 9, noise=0.1, drive=drive)


@pytest.fixture
def networks(make_network: Callable[..., Network]) -> dict[str, Network]:
    """One of each kind of stepping, all driven by every kind of drive."""
    many = {"drive": DRIVES, "n": N}
    return {
        "lif": make_network("lif", "exponential", "many", **many),
        "poisson": make_network("poisson", **many),
        "rates": rates(DRIVES),
        "lorenz": lorenz96_network(N, drive=DRIVES),
    }


@pytest.mark.parametrize("of", ["lif", "poisson", "rates", "lorenz"])
def test_each_agrees_with_the_twin_and_nothing_else_changes(level: str, networks: dict[str, Network], of: str) -> None:
    network = networks[of]
    state = "intensity" if of == "poisson" else "v" if of == "lif" else "x"
    seen = run(network, 0.02, DT, record=(state, "drive", *SIGNALS), dtype="float64", seed=2**40)
    twin = run_reference(network, 0.02, DT, seed=2**40)
    for name in SIGNALS:
        np.testing.assert_allclose(seen[name], twin[name], rtol=1e-9, atol=1e-7, err_msg=name)
        assert seen[name].any()
    np.testing.assert_allclose(sum(seen[name] for name in SIGNALS), seen["drive"], rtol=1e-12, atol=1e-12)
    without = run(network, 0.02, DT, record=(state, "drive"), dtype="float64", seed=2**40)
    for name in (state, "drive"):
        assert np.array_equal(seen[name], without[name])
    one = run(network, 0.02, DT, record="drive_slow", dtype="float64", seed=2**40)
    assert np.array_equal(one["drive_slow"], seen["drive_slow"])
    assert one.units_of_measure == {"drive_slow": without.units_of_measure["drive"]}


def test_a_drive_alone_acts_as_it_is_recorded(make_network: Callable[..., Network]) -> None:
    network = make_network("lif", drive=DRIVES)
    alone = run(network, 0.02, DT, record=SIGNALS)
    for place, name in enumerate(DRIVES):
        silent = [GaussianDrive(0.0, 0.0)] * place  # so that it keeps its place, and with it its random numbers
        by_itself = run(network, 0.02, DT, drive=[*silent, DRIVES[name]], record="drive")
        np.testing.assert_array_equal(by_itself["drive"], alone[f"drive_{name}"])


@pytest.mark.parametrize("kind", ["spiking", "rates"])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_threads_batches_rows_and_pieces_change_no_bit(
    make_network: Callable[..., Network], kind: str, n_threads: int
) -> None:
    if kind == "rates":
        batch = rates(DRIVES, 5)
    else:
        one = make_network("lif", "exponential", drive=DRIVES)
        wiring = type(one.connectome).from_weights(np.stack([one.connectome.weight.values] * 5))
        batch = Network("lif", {}, wiring, drive=DRIVES, synapse=one.synapse)
    whole = run(batch, 0.02, DT, record=SIGNALS, n_threads=n_threads, seed=5)
    single = run(batch.isel(network=3), 0.02, DT, record=SIGNALS, seed=5)
    rows = run(batch, 0.0125, DT, record=SIGNALS, every=5, warmup=0.0075, n_threads=n_threads, seed=5)
    begun = run(batch, 0.0071, DT, record=SIGNALS, seed=5, n_threads=n_threads)
    more = run(batch, 0.0129, DT, record=SIGNALS, initial_state=begun.final_state, n_threads=n_threads)
    for name in SIGNALS:
        assert np.array_equal(single[name], whole[name][3]), name
        assert np.array_equal(rows[name], whole[name][:, 79::5]), name
        assert np.array_equal(np.concatenate([begun[name], more[name]], axis=1), whole[name]), name


def test_units_of_a_large_network_shared_by_threads_change_no_bit() -> None:
    n = 700
    drives = {"noise": GaussianDrive(1.0, np.linspace(0, 4, n)), "slow": SharedDrive(np.ones(n), tau=0.01)}
    network = rates(drives, n_units=n)
    one, several = (
        run(network, 0.02, 1e-3, record=("x", "drive_noise", "drive_slow"), n_threads=k, layout="dense") for k in (1, 3)
    )
    for name in one.signal_names:
        assert np.array_equal(one[name], several[name])
    assert np.ptp(one["drive_slow"], axis=1).max() == 0.0


def test_a_steady_drive_and_a_replayed_one_are_recorded(make_network: Callable[..., Network], tmp_path: Any) -> None:
    network = make_network("lif", drive=GaussianDrive(np.arange(N), 0.0, name="steady"))
    steady = run(network, 0.01, DT, record=("v", "drive_steady"), out={"drive_steady": np.empty((100, N), np.float32)})
    assert np.array_equal(steady["drive_steady"], np.tile(np.arange(N, dtype=np.float32), (100, 1)))
    assert np.array_equal(steady["v"], run(network, 0.01, DT)["v"])
    given = rng.normal(size=(100, N)).astype(np.float32)
    replayed = {"stimulus": given, "noise": GaussianDrive(30, 4)}
    seen = run(network, 0.01, DT, drive=replayed, record=("spikes", "drive", "drive_stimulus", "drive_noise"))
    assert np.array_equal(seen["drive_stimulus"], given)
    np.testing.assert_allclose(seen["drive_noise"] + given, seen["drive"], rtol=1e-5)
    assert seen.provenance["drive"] == "stimulus=replayed + GaussianDrive(mean=30, variance=4, name='noise')"
    seen.save(tmp_path / "seen.nc")
    assert Recording.load(tmp_path / "seen.nc").identical(seen)
    twin = run_reference(network, 0.01, DT, drive=replayed)
    np.testing.assert_allclose(twin["drive_stimulus"], given)


def test_some_units_and_several_views_of_them_are_recorded(make_network: Callable[..., Network]) -> None:
    network = make_network("lif", drive=DRIVES)
    whole = run(network, 0.02, DT, record=SIGNALS, seed=1)
    units = [1, 4, 11]
    some = run(network, 0.02, DT, record=SIGNALS, units=units, every=5, seed=1)
    views: dict[str, Any] = {
        "fine": {"record": "drive_slow"},
        "coarse": {"record": ("drive_slow", "drive_shared"), "every": 10, "units": units},
    }
    seen = run_views(network, 0.02, DT, views=views, seed=1)
    for name in SIGNALS:
        assert np.array_equal(some[name], whole[name][4::5, units]), name
    assert np.array_equal(seen["fine"]["drive_slow"], whole["drive_slow"])
    for name in ("drive_slow", "drive_shared"):
        assert np.array_equal(seen["coarse"][name], whole[name][9::10, units]), name


def test_a_network_that_learns_records_them_too(make_network: Callable[..., Network]) -> None:
    from synfer.network import STDP

    network = make_network("lif", plasticity=STDP(0.8, 0.9, 20.0), drive=DRIVES)
    seen, _ = run_plastic(network, 0.02, DT, weights_every=0.005, record=("v", "drive_slow"))
    whole = run(network, 0.02, DT, record=("v", "drive_slow"))
    assert all(np.array_equal(seen[name], whole[name]) for name in ("v", "drive_slow"))


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"record": "drive_nobody"}, UnknownNameError, "'drive_nobody' does not exist: did you mean 'drive_noise'"),
        ({"record": "drive_None"}, UnknownNameError, "record: signal"),
        ({"drive": {"a b": GaussianDrive(1, 1)}}, InputError, "name must be an identifier.* got 'a b'"),
        ({"drive": {3: GaussianDrive(1, 1)}}, InputError, "name must be an identifier.* got 3"),
        ({"drive": {"one": GaussianDrive(1, 1, name="two")}}, InputError, r"drive\['one'\] must be named so"),
        ({"drive": [GaussianDrive(1, 1, name="one")] * 2}, InputError, "two are named 'one'"),
        ({"drive": {"one": "loud"}}, InputError, "drive must be"),
    ],
)
def test_what_has_no_name_or_two_is_refused(
    make_network: Callable[..., Network], how: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(make_network("lif", drive=DRIVES), 0.01, DT, **how)
