"""What is written for other tools is read back by them, and by us, as it was."""

from __future__ import annotations

import numpy as np
import pytest

import synfer as sf
from synfer.errors import FileError, InputError
from synfer.recording import Recording

pytest.importorskip("pynwb")
pytest.importorskip("neo")
INFO = {"brain_area": ["CA1", "CA1", "CA3", "DG"], "depth": [1.0, 2.0, 3.0, 4.0], "good": [True, False, True, True]}


@pytest.fixture(scope="module")
def recording():
    made = sf.simulate.run(sf.simulate.izhikevich_network(3, 1, 0.5, seed=1), 1.0, record=["v", "u", "spikes"], seed=1)
    signals = {name: made[name] for name in made.signal_names}
    about = {"unit_ids": ["a", "b", "c", "d"], "unit_info": INFO, "units_of_measure": made.units_of_measure}
    return Recording(signals, made.dt, t0=made.t0, **about)


def test_nwb_and_back(recording, tmp_path):
    path = tmp_path / "r.nwb"
    recording.to_nwb(path, identifier="this")
    for name in ("v", "u"):
        found = Recording.from_nwb(path, series=name)
        np.testing.assert_allclose(found[name], recording[name], rtol=1e-6)
        assert found.dt == pytest.approx(recording.dt) and found.t0 == recording.t0
        assert found.units_of_measure.get(name) == recording.units_of_measure.get(name)
        assert found.unit_info["label"].tolist() == ["a", "b", "c", "d"]
        assert (
            found.unit_info["good"].tolist() == INFO["good"]
            and found.unit_info["brain_area"].tolist() == INFO["brain_area"]
        )
    spikes = Recording.from_nwb(path, series="units", dt=recording.dt)
    np.testing.assert_array_equal(spikes["spikes"], recording["spikes"])
    assert spikes.t0 == recording.t0 and spikes.unit_info["depth"].tolist() == INFO["depth"]


@pytest.mark.parametrize("area", [{}, {"brain_area": ["CA1", "", "CA3", "DG"]}])
def test_units_of_no_known_place_are_written(recording, area, tmp_path):
    """Whatever run gives, and a unit whose column is empty: the file says that its place is unknown."""
    import pynwb

    path, names = tmp_path / "r.nwb", recording.signal_names
    Recording({name: recording[name] for name in names}, recording.dt, unit_info=area).to_nwb(path)
    assert pynwb.validate(path=str(path)) == []
    found = Recording.from_nwb(path, series="v")
    np.testing.assert_allclose(found["v"], recording["v"], rtol=1e-6)
    assert list(found.unit_info.get("brain_area", [])) == (["CA1", "unknown", "CA3", "DG"] if area else [])


def test_nwb_is_what_its_own_validator_takes(recording, tmp_path):
    import pynwb

    recording.to_nwb(tmp_path / "r.nwb")
    assert pynwb.validate(path=str(tmp_path / "r.nwb")) == []


def test_neo_and_back(recording):
    block = recording.to_neo()
    v = Recording.from_neo(block, series="v")
    np.testing.assert_allclose(v["v"], recording["v"], rtol=1e-6)
    assert v.unit_ids.tolist() == ["a", "b", "c", "d"] and v.unit_info["brain_area"].tolist() == INFO["brain_area"]
    spikes = Recording.from_neo(block, series="spiketrains", dt=recording.dt)
    np.testing.assert_array_equal(spikes["spikes"][: recording.n_samples], recording["spikes"])
    assert spikes.unit_info["depth"].tolist() == INFO["depth"] and spikes.unit_ids.tolist() == ["a", "b", "c", "d"]


def test_trials_are_segments(recording):
    trials = Recording(
        {"v": np.stack([recording["v"], 2 * recording["v"]])}, recording.dt, units_of_measure={"v": "mV"}
    )
    block = trials.to_neo()
    assert len(block.segments) == 2
    np.testing.assert_allclose(Recording.from_neo(block)["v"], trials["v"], rtol=1e-6)


def test_what_cannot_be_written(recording, tmp_path):
    batch = Recording({"v": np.zeros((2, 5, 3))}, 1e-3, leading="network")
    with pytest.raises(InputError, match="choose it by isel"):
        batch.to_nwb(tmp_path / "r.nwb")
    with pytest.raises(InputError, match="choose a network by isel"):
        batch.to_neo()
    with pytest.raises(InputError, match="session_start_time must be a datetime"):
        recording.to_nwb(tmp_path / "r.nwb", session_start_time="today")
    with pytest.raises(FileError, match="does not exist"):
        recording.to_nwb(tmp_path / "nowhere" / "r.nwb")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_only_when_asked(recording, tmp_path):
    path = tmp_path / "original.nwb"
    recording.to_nwb(path)
    before = path.read_bytes()
    with pytest.raises(FileError, match=r"it is there already; choose another name or give overwrite=True"):
        recording.to_nwb(path)
    assert path.read_bytes() == before
    recording.to_nwb(path, identifier="again", overwrite=True)
    assert path.read_bytes() != before
