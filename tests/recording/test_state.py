"""The state that goes with a recording: saved, kept by parts that reach the end, never lost in silence."""

from __future__ import annotations

import copy
import inspect
import pickle

import h5netcdf
import numpy as np
import pytest
import xarray as xr

from synfer import simulate
from synfer.errors import FileError, InputError, NoStateError
from synfer.network import STDP, ExponentialSynapse, Network, OrnsteinUhlenbeckDrive
from synfer.recording import Recording
from synfer.simulate import State, run

DT = 1e-3


def made(n_networks: int) -> Network:
    """With all that a state holds: spikes under way, strengths that are learnt, a drive with a memory."""
    weight, delay = {"weight": 30.0, "weight_inh": 10.0}, simulate.UniformDelay(1e-3, 4e-3, step=1e-3)
    wiring = simulate.erdos_renyi(7, 2, 0.5, **weight, delay=delay, n_networks=n_networks, seed=1)
    drive = OrnsteinUhlenbeckDrive(mean=20.0, deviation=8.0, tau=0.005)
    rule = STDP(a_plus=0.1, a_minus=0.1, w_max=60.0)
    return Network("lif", {}, wiring, synapse=ExponentialSynapse(0.005, 0.01), drive=drive, plasticity=rule)


ONE, BATCH = made(1), made(3)
WHOLE, WHOLES = run(ONE, 0.4, DT, record=("v", "spikes"), seed=2), run(BATCH, 0.4, DT, record=("v", "spikes"), seed=2)
BEGUN, BEGUNS = run(ONE, 0.2, DT, record=("v", "spikes"), seed=2), run(BATCH, 0.2, DT, record=("v", "spikes"), seed=2)


def goes_on(recording: Recording, network: Network = ONE, expected: np.ndarray | None = None) -> None:
    rest = run(network, 0.2, DT, initial_state=recording.final_state)
    assert rest.t0 == pytest.approx(0.201)
    assert np.array_equal(rest["v"], WHOLE["v"][200:] if expected is None else expected)


def test_the_examples_fire_and_learn():
    assert WHOLE["spikes"].sum() > 50 and WHOLES["spikes"].sum() > 150
    assert {"pending", "strengths", "drive0"} <= set(BEGUN.final_state.arrays)


def test_a_loaded_recording_goes_on_where_it_ended(tmp_path):
    BEGUN.save(tmp_path / "r.nc")
    goes_on(Recording.load(tmp_path / "r.nc"))
    goes_on(Recording.load(tmp_path / "r.nc", signals=["spikes"]))
    Recording.load(tmp_path / "r.nc").save(tmp_path / "again.nc")
    goes_on(Recording.load(tmp_path / "again.nc"))
    state = Recording.load(tmp_path / "r.nc").final_state
    assert isinstance(state, State) and repr(state) == repr(BEGUN.final_state)
    assert sorted(state.arrays) == sorted(BEGUN.final_state.arrays)
    assert xr.load_dataset(tmp_path / "r.nc", engine="h5netcdf")["v"].shape == (200, 9)  # as before, beside the group


def test_events_and_batches_are_loaded_with_theirs(tmp_path):
    run(BATCH, 0.2, DT, record=("v", "spikes"), spikes="events", seed=2).save(tmp_path / "r.nc")
    goes_on(Recording.load(tmp_path / "r.nc"), BATCH, WHOLES["v"][:, 200:])


@pytest.mark.parametrize(
    "part",
    [
        lambda r: r[0.1:],
        lambda r: r[0.1:0.3],
        lambda r: r.isel(time=slice(50, None), unit=[3, 1]),
        lambda r: r.isel(time=slice(0, None, 5)),
        lambda r: r.sel(unit=4)[0.05:],
        lambda r: copy.deepcopy(r),
        lambda r: pickle.loads(pickle.dumps(r)),
    ],
)
def test_a_part_that_reaches_the_end_goes_on(part):
    goes_on(part(BEGUN))


@pytest.mark.parametrize("chosen", [1, -1, slice(1, None), [2, 0], np.array([True, False, True])])
def test_networks_of_a_batch_go_on_alone(chosen):
    part = BEGUNS.isel(network=chosen)
    goes_on(part, BATCH.isel(network=chosen), WHOLES["v"][chosen][..., 200:, :])
    with pytest.raises(InputError, match="its ids are"):
        run(BATCH.isel(network=0), 0.1, DT, initial_state=BEGUNS.isel(network=2).final_state)


def earlier(path) -> Recording:
    """As a version wrote it that kept no states."""
    BEGUN.save(path)
    with h5netcdf.File(path, "a") as file:
        del file._h5file["final_state"]
    return Recording.load(path)


WITHOUT = {
    "cut": (lambda path: BEGUN[0.05:0.15], "it ends before the simulation did: to go on from there, run for so long"),
    "cut again": (lambda path: BEGUN[0.05:0.15][0.1:], "it ends before the simulation did"),
    "from an array": (
        lambda path: Recording.from_array(np.zeros((5, 2)), DT),
        "not made by synfer.simulate.run itself",
    ),
    "observed": (lambda path: simulate.observe.clip_and_zscore(BEGUN), "take that of the recording that was"),
    "from an earlier version": (earlier, "its file holds none"),
}


@pytest.mark.parametrize("what", WITHOUT)
def test_none_is_no_beginning_anew(what, tmp_path):
    make, words = WITHOUT[what]
    recording = make(tmp_path / "r.nc")
    with pytest.raises(NoStateError, match=f"this recording has no final_state: .*{words}"):
        run(ONE, 0.1, DT, initial_state=recording.final_state)
    assert not hasattr(recording, "final_state")
    assert "shape" in dict(inspect.getmembers(recording))  # tools that look at every attribute are not stopped
    recording.save(tmp_path / "s.nc")
    assert not hasattr(Recording.load(tmp_path / "s.nc"), "final_state")


def test_a_damaged_state_is_said_of_the_file(tmp_path):
    BEGUN.save(tmp_path / "r.nc")
    with h5netcdf.File(tmp_path / "r.nc", "a") as file:
        file.groups["final_state"].variables["state"][...] = np.nan
    with pytest.raises(FileError, match=r"r\.nc.*must be finite"):
        Recording.load(tmp_path / "r.nc")


def test_what_is_no_state_of_ours_is_refused():
    with pytest.raises(InputError, match=r"data must be a Dataset of State.to_xarray"):
        State.from_xarray(xr.Dataset())
