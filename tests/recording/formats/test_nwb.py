"""Files that pynwb itself wrote, of simulated activity whose truth is known."""

from __future__ import annotations

from datetime import datetime, timezone

import h5py
import numpy as np
import pytest

import synfer as sf
from synfer.errors import FileError, InputError, MillisecondsWarning, SynferWarning
from synfer.recording import Recording

pynwb = pytest.importorskip("pynwb")
from pynwb.icephys import CurrentClampSeries  # noqa: E402
from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel  # noqa: E402

AREAS = ["CA1", "CA1", "CA3", "DG"]


@pytest.fixture(scope="module")
def simulated():
    network = sf.simulate.izhikevich_network(3, 1, 0.5, seed=1)
    return network, sf.simulate.run(network, 2.0, record=["v", "spikes"], seed=1)


def empty_file():
    return pynwb.NWBFile("a session", "an identifier", datetime(2026, 1, 1, tzinfo=timezone.utc))


def written(file, path):
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    return path


def add_electrodes(file):
    device = file.create_device("probe")
    group = file.create_electrode_group("shank", "one", "here", device)
    for area in AREAS:
        file.add_electrode(location=area, group=group)


def trains_of(recording):
    events = recording.spike_times()
    return [events["time"].values[events["unit"].values == unit] for unit in recording.unit_ids]


@pytest.fixture
def spikes_file(simulated, tmp_path):
    file = empty_file()
    add_electrodes(file)
    file.add_unit_column("quality", "how well it is told from others")
    file.add_unit_column("depth", "below the surface, in micrometres")
    for k, train in enumerate(trains_of(simulated[1])):
        file.add_unit(
            id=10 + k, spike_times=train, quality="good", depth=100.0 * k, electrodes=[k], obs_intervals=[[0.0, 2.0]]
        )
    file.add_trial(start_time=0.1, stop_time=0.6)
    file.add_trial(start_time=1.0, stop_time=1.4)
    return written(file, tmp_path / "spikes.nwb")


def test_spikes_of_the_units_table(simulated, spikes_file):
    found = Recording.from_nwb(spikes_file, dt=1e-3)
    assert found.signal_names == ["spikes"] and found.n_samples == 2000 and found.dt == 1e-3
    assert found.unit_ids.tolist() == [10, 11, 12, 13]
    for ours, theirs in zip(trains_of(found), trains_of(simulated[1]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    info = found.unit_info
    assert info["brain_area"].tolist() == AREAS
    assert info["quality"].tolist() == ["good"] * 4 and info["depth"].tolist() == [0.0, 100.0, 200.0, 300.0]
    assert found.provenance["identifier"] == "an identifier"


def test_trials_are_cut_from_their_starts(spikes_file):
    whole, found = Recording.from_nwb(spikes_file, dt=1e-3), Recording.from_nwb(spikes_file, dt=1e-3, trials="trials")
    assert found.dims == ("trial", "time", "unit") and found.shape == (2, 400, 4)
    for k, start in enumerate((100, 1000)):
        np.testing.assert_array_equal(found["spikes"][k], whole["spikes"][start : start + 400])
    assert found.isel(trial=1).spike_times()["time"].values.max() < 0.4
    assert Recording.from_nwb(spikes_file, dt=1e-3, trials="trials", trial_duration=0.1).n_samples == 100
    with pytest.raises(InputError, match=r"trial_duration must be at most the shortest interval's, 0\.4 s"):
        Recording.from_nwb(spikes_file, dt=1e-3, trials="trials", trial_duration=0.5)
    with pytest.raises(InputError, match="trials must name one of the file's intervals, trials; got 'epochs'"):
        Recording.from_nwb(spikes_file, dt=1e-3, trials="epochs")


def test_only_a_part_is_read(spikes_file):
    whole, part = Recording.from_nwb(spikes_file, dt=1e-3), Recording.from_nwb(spikes_file, dt=1e-3, time=slice(0.5, 1))
    np.testing.assert_array_equal(part["spikes"], whole["spikes"][500:1000])
    assert part.t0 == 0.5


def test_a_part_without_an_end_ends_with_the_last_spike(tmp_path):
    file = empty_file()
    for train in ([0.05, 0.6, 1.43], [0.2, 0.9]):
        file.add_unit(spike_times=train)
    path = written(file, tmp_path / "open.nwb")
    whole, part = Recording.from_nwb(path, dt=0.1), Recording.from_nwb(path, dt=0.1, time=slice(0.5, None))
    np.testing.assert_array_equal(part["spikes"], whole["spikes"][5:])
    for begin, end in ((3, 12), (0, 3), (7, 9)):  # .3 is not the third edge of .1
        part = Recording.from_nwb(path, dt=0.1, time=slice(begin / 10, end / 10))
        np.testing.assert_array_equal(part["spikes"], whole["spikes"][begin:end])


def test_a_trial_may_end_after_the_last_spike(tmp_path):
    file = empty_file()
    for train in ([0.05, 0.6, 1.43], [0.2, 0.9]):
        file.add_unit(spike_times=train)
    for start in (0.0, 1.0):
        file.add_trial(start_time=start, stop_time=start + 1.0)
    found = Recording.from_nwb(written(file, tmp_path / "trials.nwb"), dt=0.05, trials="trials")
    assert found.shape == (2, 20, 2) and found["spikes"][1].sum() == 1 and found["spikes"][1, 8, 0] == 1


def test_spikes_before_zero_are_read_unless_a_span_leaves_them_out(tmp_path):
    file = empty_file()
    for train in ([-1.45, -0.3, 0.6, 1.43], [0.2, 0.9]):
        file.add_unit(spike_times=train)
    file.add_trial(start_time=-1.0, stop_time=0.0)
    path = written(file, tmp_path / "before.nwb")
    whole = Recording.from_nwb(path, dt=0.1)
    assert whole["spikes"].sum() == 6 and whole.t0 == pytest.approx(-1.5) and whole["spikes"][0].tolist() == [1, 0]
    assert whole.spike_times()["time"].values.min() == -1.45
    part = Recording.from_nwb(path, dt=0.1, time=slice(0.0, None))
    assert part["spikes"].sum() == 4 and part.t0 == pytest.approx(0.0, abs=1e-12)
    assert Recording.from_nwb(path, dt=0.1, trials="trials")["spikes"].sum() == 1


def test_trials_of_which_most_is_cut_off_are_told_of(tmp_path):
    def of(*lengths):
        file = empty_file()
        file.add_unit(spike_times=[0.05, 9.95])
        for k, length in enumerate(lengths):
            file.add_trial(start_time=float(k), stop_time=k + length)
        return written(file, tmp_path / f"{len(lengths)}.nwb")

    path = of(0.5, 0.1, 0.5, 0.5)
    told = (
        r"All 4 trials are cut to the shortest, 0\.1 s, which uses 0\.4 of their 1\.6 s: .*give trial_duration=0\.1 w"
    )
    with pytest.warns(SynferWarning, match=told) as w:
        assert Recording.from_nwb(path, dt=0.05, trials="trials").shape == (4, 2, 1)
    assert len(w) == 1 and w[0].filename == __file__
    Recording.from_nwb(path, dt=0.05, trials="trials", trial_duration=0.1)
    Recording.from_nwb(of(0.5, 0.4), dt=0.05, trials="trials")


def test_spikes_outside_what_was_observed_are_told_of(tmp_path):
    file = empty_file()
    file.add_unit(spike_times=[0.05, 0.35, 0.75], obs_intervals=[[0.0, 0.2], [0.6, 1.0]])
    file.add_unit(spike_times=[0.25, 1.65], obs_intervals=[[0.0, 1.0]])
    path = written(file, tmp_path / "outside.nwb")
    with pytest.warns(
        SynferWarning, match="2 of 5 spikes lie outside the obs_intervals of their units, .* left out"
    ) as w:
        found = Recording.from_nwb(path, dt=0.1)
    assert np.nansum(found["spikes"]) == 3 and w[0].filename == __file__


def test_a_series_of_no_neuron_is_read_where_it_is_named(tmp_path):
    file = empty_file()
    file.add_unit(spike_times=[0.05, 0.6])
    file.add_acquisition(pynwb.TimeSeries(name="pupil", data=np.arange(10.0), unit="mm", rate=10.0))
    path = written(file, tmp_path / "pupil.nwb")
    assert Recording.from_nwb(path, dt=0.1).signal_names == ["spikes"]
    assert Recording.from_nwb(path, series="pupil")["signal"].ravel().tolist() == list(range(10))


def test_milliseconds_are_warned_of(tmp_path):
    rng = np.random.default_rng(0)
    file = empty_file()
    for _ in range(3):
        file.add_unit(spike_times=np.cumsum(1.5 + rng.exponential(23.0, 400)))  # 40 Hz, refractory: milliseconds
    with pytest.warns(MillisecondsWarning, match=r"never twice within 1\.5.* \(a rate of (3[5-9]|4.) Hz\)"):
        Recording.from_nwb(written(file, tmp_path / "ms.nwb"), dt=1e-3)
    file = empty_file()
    for _ in range(3):  # 1.5 Hz, observed for ten seconds in a thousand
        spans = [[1000.0 * k, 1000.0 * k + 10.0] for k in range(20)]
        train = np.sort(np.concatenate([begin + rng.uniform(0, 10, 15) for begin, _ in spans]))
        file.add_unit(spike_times=train, obs_intervals=spans)
    Recording.from_nwb(written(file, tmp_path / "seldom.nwb"), dt=0.05)


def test_unobserved_bins_and_invalid_times_are_unknown(tmp_path):
    file = empty_file()
    file.add_unit(spike_times=[0.15, 0.95], obs_intervals=[[0.0, 0.5], [0.9, 1.0]])
    file.add_unit(spike_times=[0.25, 0.65], obs_intervals=[[0.0, 1.0]])
    file.add_invalid_time_interval(start_time=0.2, stop_time=0.3)
    found = Recording.from_nwb(written(file, tmp_path / "gaps.nwb"), dt=0.1)
    nan = np.nan
    expected = [[0, 1, nan, 0, 0, nan, nan, nan, nan, 1], [0, 0, nan, 0, 0, 0, 1, 0, 0, 0]]
    np.testing.assert_array_equal(found["spikes"].T, expected)


@pytest.mark.parametrize(("dt", "n_bins"), [(0.1, 21), (0.25, 9), (0.3, 7)])
@pytest.mark.parametrize("last", [2.0, 2.0 - 1e-12])
def test_the_last_spike_ends_the_recording_and_is_one_of_it(tmp_path, dt, n_bins, last):
    """At the very end of what was observed, as tools write it who let a recording end with its last spike."""
    file, trains = empty_file(), ([0.05, 0.95, last], [0.35, 0.95])
    for train, stop in zip(trains, (2.0, 1.0), strict=True):
        file.add_unit(spike_times=train, obs_intervals=[[0.0, stop]])
    path = written(file, tmp_path / "last.nwb")
    found = Recording.from_nwb(path, dt=dt)
    assert found.n_samples == n_bins and np.isfinite(found["spikes"][:, 0]).all() and found["spikes"][-1, 0] == 1
    observed = int(1.0 / dt + 1e-6)  # a unit that was lost before the end is not known from there on
    assert np.isnan(found["spikes"][observed:, 1]).all() and np.isfinite(found["spikes"][:observed, 1]).all()
    np.testing.assert_array_equal(Recording.from_nwb(path, dt=dt, time=slice(0, None))["spikes"], found["spikes"])


def test_without_intervals_the_last_spike_counts_as_well(tmp_path):
    file = empty_file()
    file.add_unit(spike_times=[0.05, 1.0])
    file.add_unit(spike_times=[0.35, 2.0])
    file.add_trial(start_time=0.0, stop_time=1.0)
    file.add_trial(start_time=1.0, stop_time=2.0)
    path = written(file, tmp_path / "last.nwb")
    for time in (None, slice(0, None)):
        found = Recording.from_nwb(path, dt=0.1, time=time)
        assert found.n_samples == 21 and found["spikes"].sum() == 4
    of_trials = Recording.from_nwb(path, dt=0.1, trials="trials")["spikes"]  # an instant is of the trial it begins
    assert of_trials.shape == (2, 10, 2) and of_trials.sum((1, 2)).tolist() == [2, 1]


def test_a_voltage_series_in_millivolts(simulated, tmp_path):
    file = empty_file()
    add_electrodes(file)
    v = simulated[1]["v"]
    region = file.create_electrode_table_region([3, 0, 1, 2], "all")
    stored = np.round(v * 20).astype(np.int16)  # of 50 microvolts, as amplifiers write them
    file.add_acquisition(
        pynwb.ecephys.ElectricalSeries(
            name="raw", data=stored, electrodes=region, rate=1000.0, starting_time=3.0, conversion=5e-5
        )
    )
    file.add_invalid_time_interval(start_time=3.5, stop_time=3.502)
    path = written(file, tmp_path / "v.nwb")
    found = Recording.from_nwb(path)
    assert found.t0 == 3.0 and found.dt == 1e-3 and found.units_of_measure == {"lfp": "mV"}
    known = np.delete(np.arange(len(v)), [500, 501])
    np.testing.assert_allclose(found["lfp"][known], v[known], atol=0.0251)
    assert np.isnan(found["lfp"][500:502]).all() and np.isfinite(found["lfp"][known]).all()
    assert found.unit_ids.tolist() == [3, 0, 1, 2] and found.unit_info["brain_area"].tolist() == [
        "DG",
        "CA1",
        "CA1",
        "CA3",
    ]
    part = Recording.from_nwb(path, time=slice(3.25, 3.5))
    np.testing.assert_array_equal(part["lfp"], found["lfp"][250:500])


def test_fluorescence_with_its_plane(tmp_path):
    file = empty_file()
    device = file.create_device("microscope")
    channel = OpticalChannel(name="green", description="gcamp", emission_lambda=510.0)
    plane = file.create_imaging_plane(
        name="plane", optical_channel=channel, description="", device=device, excitation_lambda=480.0,
        indicator="GCaMP6", location="V1",
    )  # fmt: skip
    segmentation = ImageSegmentation().create_plane_segmentation(
        name="cells", imaging_plane=plane, description="regions"
    )
    for _ in range(3):
        segmentation.add_roi(image_mask=np.ones((2, 2)))
    region = segmentation.create_roi_table_region("all", region=[0, 1, 2])
    data = np.random.default_rng(0).random((50, 3))
    fluorescence = Fluorescence()
    fluorescence.create_roi_response_series(
        name="dff", data=data, rois=region, unit="a.u.", timestamps=0.5 + np.arange(50) / 30
    )
    module = file.create_processing_module("ophys", "calcium")
    module.add(segmentation.parent)
    module.add(fluorescence)
    found = Recording.from_nwb(written(file, tmp_path / "calcium.nwb"))
    np.testing.assert_array_equal(found["calcium"], data)
    assert found.dt == pytest.approx(1 / 30) and found.t0 == 0.5
    assert found.unit_info["brain_area"].tolist() == ["V1"] * 3


@pytest.mark.filterwarnings("ignore:ElectricalSeries")
def test_a_series_that_lies_on_its_side_is_refused(tmp_path):
    file = empty_file()
    add_electrodes(file)
    region = file.create_electrode_table_region([0, 1, 2, 3], "all")
    file.add_acquisition(
        pynwb.ecephys.ElectricalSeries(name="raw", data=np.zeros((4, 50)), electrodes=region, rate=1000.0)
    )
    with pytest.raises(
        InputError, match=r"series 'raw' must be \(time, unit\), of 4 electrodes; its data are \(4, 50\)"
    ):
        Recording.from_nwb(written(file, tmp_path / "turned.nwb"))


def test_several_series_must_be_chosen_from(simulated, spikes_file, tmp_path):
    file = empty_file()
    electrode = file.create_icephys_electrode(name="e", description="patch", device=file.create_device("rig"))
    volts = simulated[1]["v"] * 1e-3
    for k in range(2):
        file.add_acquisition(
            CurrentClampSeries(name=f"cell {k}", data=volts[:, k], electrode=electrode, gain=1.0, rate=1000.0)
        )
    path = written(file, tmp_path / "patch.nwb")
    with pytest.raises(InputError, match=r"series must name one of cell 0, cell 1: .* holds them all"):
        Recording.from_nwb(path)
    found = Recording.from_nwb(path, series="cell 1")
    np.testing.assert_allclose(found["v"][:, 0], simulated[1]["v"][:, 1], rtol=1e-6)
    with pytest.raises(InputError, match="dt must be given"):
        Recording.from_nwb(spikes_file)


def test_discovered_with_the_areas_of_its_units(spikes_file):
    recording = Recording.from_nwb(spikes_file, dt=1e-3)
    connectome = sf.discover.CrossCorrelation(max_lag=3, n_surrogates=20).fit(recording).connectome_
    assert connectome.unit_ids.tolist() == [10, 11, 12, 13]
    assert connectome.unit_info["brain_area"].tolist() == AREAS
    assert {"source_brain_area", "target_depth"} <= set(connectome.edges().columns)
    assert connectome.to_networkx().nodes[12]["brain_area"] == "CA3"


def test_broken_and_hostile_files(spikes_file, tmp_path):
    with pytest.raises(FileError, match="no such file"):
        Recording.from_nwb(tmp_path / "absent.nwb")
    cut = tmp_path / "cut.nwb"
    cut.write_bytes(spikes_file.read_bytes()[:3000])
    with pytest.raises(FileError, match=r"cannot read .*cut\.nwb' as NWB"):
        Recording.from_nwb(cut)
    empty = tmp_path / "empty.nwb"
    empty.touch()
    with pytest.raises(FileError, match="as NWB"):
        Recording.from_nwb(empty)
    other = tmp_path / "other.nwb"
    with h5py.File(other, "w") as file:
        file["x"] = 1.0
    with pytest.raises(FileError, match="as NWB"):
        Recording.from_nwb(other)
    linked = tmp_path / "linked.nwb"
    linked.write_bytes(spikes_file.read_bytes())
    with h5py.File(linked, "a") as file:
        file["acquisition/stolen"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(InputError, match="links /acquisition/stolen to another file, '/etc/passwd'"):
        Recording.from_nwb(linked)
    layout = h5py.VirtualLayout(shape=(1,), dtype=float)
    layout[...] = h5py.VirtualSource(str(other), "x", shape=(1,))
    with h5py.File(linked, "w") as file:
        file.create_virtual_dataset("parts", layout)
    with pytest.raises(InputError, match=r"makes /parts of parts of '.*other\.nwb': join them first"):
        Recording.from_nwb(linked)


def test_more_than_memory_holds_is_refused(tmp_path, monkeypatch, simulated):
    file = empty_file()
    add_electrodes(file)
    region = file.create_electrode_table_region([0, 1, 2, 3], "all")
    file.add_acquisition(
        pynwb.ecephys.ElectricalSeries(name="raw", data=simulated[1]["v"], electrodes=region, rate=1000.0)
    )
    path = written(file, tmp_path / "v.nwb")
    monkeypatch.setattr("synfer.recording.formats.common.free_memory", lambda: 10_000.0)
    with pytest.raises(InputError, match=r"the series of shape \(2000, 4\) wants .* GB"):
        Recording.from_nwb(path)
    assert Recording.from_nwb(path, time=slice(0.0, 0.1)).n_samples == 100
