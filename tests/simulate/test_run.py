"""Runs: against the twin, to the bit for threads, cuts and slices, at every instruction level; their statistics."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer import _core
from synfer.connectome import Connectome
from synfer.network import GaussianDrive, Network
from synfer.simulate import izhikevich_network, recorded, run, run_reference

ALL = ("v", "u", "spikes", "drive")


@pytest.fixture(scope="module")
def batch() -> Network:
    return izhikevich_network(10, 3, 0.4, n_networks=7, seed=4)


@pytest.mark.parametrize(("n_exc", "n_inh"), [(4, 1), (10, 3), (30, 7), (70, 19)])
def test_agrees_with_the_twin_on_its_own_random_numbers(level: str, n_exc: int, n_inh: int) -> None:
    network = izhikevich_network(n_exc, n_inh, 0.4, n_networks=5, seed=n_exc).isel(network=3)
    recording = run(network, 0.06, record=ALL, seed=9, dtype="float64")
    twin = run_reference(network, 0.06, seed=9)
    assert twin["spikes"].sum() > 0
    for name in ALL:  # chaos amplifies rounding after that
        np.testing.assert_allclose(recording[name][:50], twin[name][:50], rtol=1e-6, atol=1e-6)


def test_agrees_with_the_twin_on_a_given_drive_step_by_step(level: str) -> None:
    rng = np.random.default_rng(0)
    network = izhikevich_network(12, 4, 0.5, seed=2)
    drive = rng.normal(5, 3, (400, 16))
    long = run_reference(network, 0.4, drive=drive)
    starts = np.arange(0, 399)
    copies = Network(
        network.model,
        {name: np.broadcast_to(value, (len(starts), 16)) for name, value in network.parameters.items()},
        Connectome.from_weights(np.broadcast_to(network.connectome.weight.values, (len(starts), 16, 16))),
        drive=network.drive,
    )
    state = {name: long[name][starts] for name in ("v", "u")}
    one = run(copies, 1e-3, drive=drive[starts + 1][:, None], record=ALL, initial_state=state, dtype="float64")
    assert long["spikes"].sum() > 100
    for name in ("v", "u", "spikes"):
        np.testing.assert_allclose(one[name][:, 0], long[name][starts + 1], rtol=1e-10, atol=1e-9)
    np.testing.assert_array_equal(one["drive"][:, 0], drive[starts + 1])


def test_single_precision_follows_double_to_rounding(level: str, batch: Network) -> None:
    single, double = (run(batch, 0.02, record=ALL, dtype=dtype) for dtype in ("float32", "float64"))
    assert single["v"].dtype == np.float32
    np.testing.assert_allclose(single["drive"], double["drive"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(single["v"][:, :8], double["v"][:, :8], rtol=1e-3)


def test_levels_draw_the_same_numbers_to_rounding(batch: Network) -> None:
    before = _core.instruction_level()
    drives = []
    for name in _core.instruction_levels():
        _core.use_instruction_level(name)
        drives.append(run(batch, 0.1, record="drive")["drive"])
    _core.use_instruction_level(before)
    for drive in drives[1:]:
        np.testing.assert_allclose(drive, drives[0], atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_cuts_change_no_bit(level: str, batch: Network, dtype: str) -> None:
    whole = run(batch, 0.3, record=ALL, dtype=dtype, n_threads=1, seed=5)
    for n_threads in (2, 3, 16):
        assert run(batch, 0.3, record=ALL, dtype=dtype, n_threads=n_threads, seed=5).identical(whole)
    for cut in (slice(0, 1), slice(1, 4), slice(4, 7), [6, 2]):
        part = run(batch.isel(network=cut), 0.3, record=ALL, dtype=dtype, n_threads=2, seed=5)
        for name in ALL:
            assert np.array_equal(part[name], whole[name][cut])
    alone = run(batch.isel(network=4), 0.3, record=ALL, dtype=dtype, seed=5)
    assert alone.dims == ("time", "unit")
    for name in ALL:
        assert np.array_equal(alone[name], whole[name][4])


def test_slices_of_steps_change_no_bit(batch: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(batch, 0.3, record=ALL)
    monkeypatch.setattr(recorded, "SLICE_UNIT_STEPS", 1)
    assert run(batch, 0.3, record=ALL).identical(whole)


@settings(max_examples=30, deadline=None)
@given(
    n_exc=st.integers(0, 20), n_inh=st.integers(0, 9), n_networks=st.integers(1, 5), steps=st.integers(1, 70),
    record=st.sets(st.sampled_from(ALL), min_size=1), dtype=st.sampled_from(["float32", "float64"]),
    n_threads=st.integers(1, 3), seed=st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_what_is_recorded_beside_it_changes_no_bit(
    n_exc: int, n_inh: int, n_networks: int, steps: int, record: set, dtype: str, n_threads: int, seed: int
) -> None:
    network = izhikevich_network(n_exc + (n_inh == 0), n_inh, 0.5, n_networks=n_networks, seed=seed)
    everything = run(network, steps * 1e-3, record=ALL, dtype=dtype, n_threads=1, seed=seed)
    some = run(network, steps * 1e-3, record=sorted(record), dtype=dtype, n_threads=n_threads, seed=seed)
    assert some.signal_names == sorted(record)
    assert some.n_samples == steps
    for name in record:
        assert np.array_equal(some[name], everything[name])
    assert np.array_equal(everything["spikes"], everything["v"] >= 30)


def test_seeds_and_ids_key_the_noise(batch: Network) -> None:
    drive = run(batch, 0.1, record="drive", seed=1)["drive"]
    assert not np.array_equal(drive, run(batch, 0.1, record="drive", seed=2)["drive"])
    assert len({network.tobytes() for network in drive}) == 7


def test_noise_has_the_mean_variance_and_distribution_asked_for(batch: Network) -> None:
    drive = run(batch, 5.0, record="drive")["drive"].astype(np.float64)
    n = drive.size
    assert abs(drive.mean() - 5) < 4 * np.sqrt(5 / n)
    assert abs(drive.var() - 5) < 4 * 5 * np.sqrt(2 / n)
    assert scipy.stats.kstest(drive.ravel(), "norm", args=(5, np.sqrt(5))).pvalue > 1e-3
    steady = run(batch, 0.01, drive=GaussianDrive(2.0, 0.0), record="drive")["drive"]
    assert np.all(steady == 2.0)


def test_a_replayed_drive_replaces_noise_and_mean(batch: Network) -> None:
    noisy = run(batch, 0.2, record=ALL, seed=3)
    again = run(batch, 0.2, record=ALL, seed=8, drive=noisy["drive"])
    for name in ALL:
        assert np.array_equal(again[name], noisy[name])
    shared = run(batch, 0.2, record=("v", "drive"), drive=noisy["drive"][0].astype(np.float64))
    assert np.array_equal(shared["v"][0], noisy["v"][0])
    assert np.array_equal(shared["drive"][6], noisy["drive"][0])


def test_zero_weights_decouple(batch: Network) -> None:
    network = batch.isel(network=0)
    uncoupled = Network(
        network.model, network.parameters, Connectome.from_weights(np.zeros((13, 13))), drive=network.drive
    )
    drive = run(network, 0.5, record="drive")["drive"]
    whole = run(uncoupled, 0.5, drive=drive)["v"]
    changed = drive.copy()
    changed[:, 3] += 1
    others = np.arange(13) != 3
    assert np.array_equal(run(uncoupled, 0.5, drive=changed)["v"][:, others], whole[:, others])
    assert not np.array_equal(
        run(network, 0.5, drive=changed)["v"][:, others], run(network, 0.5, drive=drive)["v"][:, others]
    )


def test_permuted_units_give_permuted_results(batch: Network) -> None:
    network = batch.isel(network=2)
    order = np.random.default_rng(3).permutation(13)
    permuted = Network(
        network.model,
        {name: value[order] if isinstance(value, np.ndarray) else value for name, value in network.parameters.items()},
        Connectome.from_weights(network.connectome.weight.values[np.ix_(order, order)]),
        drive=network.drive,
    )
    drive = run(network, 0.05, record="drive")["drive"]
    one, two = run(network, 0.05, drive=drive, record=ALL), run(permuted, 0.05, drive=drive[:, order], record=ALL)
    for name in ALL:  # spikes of one step are added in another order: equal to rounding
        np.testing.assert_allclose(two[name], one[name][:, order], rtol=1e-3, atol=1e-3)


def test_a_spike_reaches_its_targets_in_the_next_step() -> None:
    weights = np.zeros((3, 3))
    weights[2, 0] = 7.0
    network = Network("izhikevich", {}, Connectome.from_weights(weights), drive=GaussianDrive(0.0, 0.0))
    silent = Network("izhikevich", {}, Connectome.from_weights(np.zeros((3, 3))), drive=GaussianDrive(0.0, 0.0))
    drive = np.zeros((6, 3))
    drive[1, 0] = 500.0
    with_synapse, without = (run(n, 6e-3, drive=drive, record=ALL, dtype="float64") for n in (network, silent))
    assert np.argwhere(with_synapse["spikes"]).tolist() == [[1, 0]]
    difference = with_synapse["v"] - without["v"]
    assert np.all(difference[:2] == 0)
    assert np.all(difference[:, :2] == 0)
    assert difference[2, 2] > 1
    np.testing.assert_array_equal(with_synapse["drive"], drive)  # what acted from outside, without synapses


@pytest.mark.parametrize(("p", "published"), [(0.4, 35.7), (0.8, 46.6)])
def test_populations_fire_at_the_published_rates(p: float, published: float) -> None:
    # Means over the three published networks of N = 40, whose spread is some 4 Hz; at p = 0.8 they fire in synchrony.
    rates = run(izhikevich_network(32, 8, p, n_networks=30, seed=2), 5.0, record="spikes")["spikes"].mean((1, 2)) * 1000
    assert abs(rates.mean() - published) < 3
    assert 1 < rates.std() < 7


def test_what_a_recording_says_of_itself(batch: Network) -> None:
    recording = run(batch.isel(network=slice(2, 5)), 0.025, record=("spikes", "u"))
    assert recording.dims == ("network", "time", "unit")
    assert recording.shape == (3, 25, 13)
    assert recording.leading_ids.tolist() == [2, 3, 4]
    assert recording.t0 == recording.dt == 1e-3
    assert recording.signal_names == ["spikes", "u"]
    assert recording["spikes"].dtype == np.uint8
    assert recording.units_of_measure["u"] == "mV/ms"
    assert recording.provenance["seed"] == 0


def test_results_are_written_where_asked(batch: Network) -> None:
    v = np.full((7, 50, 13), np.nan, np.float32)
    recording = run(batch, 0.05, record=("v", "u"), out={"v": v})
    assert recording["v"] is v
    assert recording.identical(run(batch, 0.05, record=("v", "u")))


def test_a_recording_keeps_its_memory_while_it_is_held(batch: Network) -> None:
    first = run(batch, 0.5, record=("v", "u"))
    v = first["v"].copy()
    kept = first["v"][3, 100:200]
    del first
    for seed in range(1, 4):
        run(batch, 0.5, record=("v", "u"), seed=seed)
    assert np.array_equal(kept, v[3, 100:200])


def test_other_threads_run_meanwhile(batch: Network) -> None:
    turns, done = 0, threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(1e-3)

    counter = threading.Thread(target=count)
    counter.start()
    run(batch.isel(network=slice(0, 1)), 1500.0, record="spikes", n_threads=1)
    done.set()
    counter.join()
    assert turns > 3, "the kernel held the interpreter's lock"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_long_run_can_be_interrupted() -> None:
    program = """
import signal
import synfer as sf
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background inherits that it is ignored
network = sf.simulate.izhikevich_network(80, 20, 0.1)
print("started", flush=True)
sf.simulate.run(network, 5000.0, record="spikes")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert "simulate" not in errors.splitlines()[0], "no progress bar where there is no terminal"
    assert time.monotonic() - start < 10
