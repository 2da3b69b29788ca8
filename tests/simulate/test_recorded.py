"""What is recorded: every k-th step, after a warm-up, spikes one by one; and runs that go on where others ended."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, UnknownNameError
from synfer.network import Network, OrnsteinUhlenbeckDrive, SharedDrive, SineDrive
from synfer.recording import Recording
from synfer.recording.state import State
from synfer.simulate import izhikevich_network, recorded, run

ALL = ("v", "u", "spikes", "drive")


@pytest.fixture(scope="module")
def batch() -> Network:
    return izhikevich_network(10, 3, 0.4, n_networks=7, seed=4)


@pytest.mark.parametrize("every", [1, 2, 7, 32, 100])
@pytest.mark.parametrize("warmup", [0, 13, 64])
def test_rows_are_those_of_the_whole_run(
    batch: Network, every: int, warmup: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(batch, 0.4, record=ALL, seed=3)
    monkeypatch.setattr(recorded, "SLICE_UNIT_STEPS", 1)  # many slices
    some = run(batch, 0.4 - warmup * 1e-3, record=ALL, seed=3, every=every, warmup=warmup * 1e-3)
    rows = slice(warmup + every - 1, None, every)
    for name in ("v", "u", "drive"):
        assert np.array_equal(some[name], whole[name][:, rows])
    kept = whole["spikes"][:, warmup:][:, : some.n_samples * every]
    assert np.array_equal(some["spikes"], kept.reshape(7, -1, every, 13).sum(2))
    assert some["spikes"].sum() > 100
    assert some.dt == pytest.approx(every * 1e-3)
    np.testing.assert_allclose(some.times, whole.times[rows])
    assert some.final_state.step == 400


@pytest.mark.parametrize("every", [1, 10, 300])
def test_events_are_the_spikes_of_the_raster(batch: Network, every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for network in (batch, batch.isel(network=2)):
        raster = run(network, 0.6, record="spikes", warmup=0.1)
        monkeypatch.setattr(recorded, "SLICE_UNIT_STEPS", 32 * 13 * 7 * 3)
        listed = run(network, 0.6, record=("v", "spikes"), warmup=0.1, every=every, spikes="events")
        monkeypatch.undo()
        one, two = raster.spike_times(), listed.spike_times()
        assert one.sizes["event"] > 100
        assert dict(one.sizes) == dict(two.sizes)
        for name in one.data_vars:
            np.testing.assert_allclose(two[name].values, one[name].values, atol=1e-9)
        counts = raster["spikes"].reshape(*raster.shape[:-2], -1, every, 13).sum(-2)
        assert np.array_equal(listed["spikes"], counts)


def test_events_go_with_parts_and_files(batch: Network, tmp_path) -> None:
    listed = run(batch, 0.6, record=("v", "spikes"), every=20, spikes="events")
    listed.save(tmp_path / "r.nc")
    loaded = Recording.load(tmp_path / "r.nc")
    assert loaded.identical(listed)
    part = listed.isel(network=[5, 1], unit=[3, 0], time=slice(10, 30))
    events = part.spike_times()
    assert events.sizes["event"] == int(part["spikes"].sum()) > 0
    assert sorted(set(events["network"].values)) == [1, 5]
    assert events["network"].values[0] == 5
    assert set(events["unit"].values) <= {0, 3}
    one = listed.isel(network=4)
    np.testing.assert_allclose(
        one.spike_times()["time"], run(batch.isel(network=4), 0.6, record="spikes").spike_times()["time"], atol=1e-9
    )


def test_spikes_of_the_steps_past_the_last_row_are_not_listed(batch: Network) -> None:
    listed = run(batch, 0.59, record="spikes", every=100, spikes="events")
    assert listed.n_samples == 5
    assert listed.spike_times()["time"].max() <= 0.5 + 1e-9
    assert listed.spike_times().sizes["event"] == int(listed["spikes"].sum())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_goes_on_to_the_bit(level: str, batch: Network, dtype: str, tmp_path) -> None:
    drive = [*batch.drives, OrnsteinUhlenbeckDrive(0, 2, 0.02), SharedDrive(1, tau=0.05), SineDrive(1, 8)]
    whole = run(batch, 0.3, record=ALL, drive=drive, dtype=dtype, seed=7)
    state, pieces = None, []
    for k, (begin, end) in enumerate(itertools.pairwise([0, 32, 33, 150, 300])):
        seed = 7 if state is None else None
        piece = run(batch, (end - begin) * 1e-3, record=ALL, drive=drive, dtype=dtype, initial_state=state, seed=seed)
        np.testing.assert_allclose(piece.times, whole.times[begin:end])
        piece.final_state.save(tmp_path / f"{k}.nc")
        state = State.load(tmp_path / f"{k}.nc")
        assert (state.step, state.seed, state.model) == (end, 7, "izhikevich")
        assert state.time == pytest.approx(end * 1e-3)
        pieces.append(piece)
    for name in ALL:
        assert np.array_equal(np.concatenate([piece[name] for piece in pieces], axis=1), whole[name])
    for name, array in state.arrays.items():
        assert np.array_equal(array, whole.final_state.arrays[name])


def test_a_state_is_left_as_it_is(batch: Network) -> None:
    state = run(batch, 0.05).final_state
    one, two = (run(batch, 0.05, initial_state=state) for _ in range(2))
    assert one.identical(two)


def test_states_of_other_simulations_are_refused(batch: Network, tmp_path) -> None:
    state = run(batch, 0.05, drive=OrnsteinUhlenbeckDrive(0, 1, 1)).final_state
    quiet = Network("izhikevich", {}, Connectome.from_weights(np.zeros((2, 2))))  # whose edges have no delay
    with pytest.raises(InputError, match=r"initial_state .* its ids are .* not \[0, 1\]"):
        run(batch.isel(network=slice(0, 2)), 0.1, initial_state=state)
    with pytest.raises(InputError, match=r"initial_state .* its dt is 0.001, not 0.0005"):
        run(quiet, 0.1, dt=5e-4, initial_state=run(quiet, 0.1).final_state)
    with pytest.raises(InputError, match=r"initial_state .* its drives with a memory are .*drive0"):
        run(batch, 0.1, initial_state=state)
    (tmp_path / "s.nc").write_text("nothing")
    with pytest.raises(FileError, match=r"s\.nc"):
        State.load(tmp_path / "s.nc")
    with pytest.raises(FileError, match="holds a recording"):
        run(batch, 0.05).save(tmp_path / "r.nc")
        State.load(tmp_path / "r.nc")


def test_an_array_that_is_replayed_covers_the_warm_up_too(batch: Network) -> None:
    drive = run(batch, 0.3, record="drive", seed=1)["drive"]
    noisy = run(batch, 0.2, record=ALL, warmup=0.1, seed=1)
    again = run(batch, 0.2, record=ALL, warmup=0.1, drive=drive)
    for name in ALL:
        assert np.array_equal(noisy[name], again[name])
    state = run(batch, 0.1, seed=1).final_state
    on = run(batch, 0.2, record=ALL, initial_state=state, drive=drive[:, 100:])
    for name in ALL:
        assert np.array_equal(noisy[name], on[name])
    with pytest.raises(UnknownNameError):
        run(batch, 0.1, record="drives")
