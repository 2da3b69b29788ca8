"""Neo's own objects and files, made from simulated activity."""

from __future__ import annotations

import json
import re
import tracemalloc

import numpy as np
import pytest

import synfer as sf
from synfer.errors import FileError, InputError
from synfer.recording import Recording
from synfer.recording.formats import neo_objects

neo = pytest.importorskip("neo")
pq = pytest.importorskip("quantities")


@pytest.fixture(scope="module")
def simulated():
    network = sf.simulate.izhikevich_network(3, 1, 0.5, seed=1)
    return sf.simulate.run(network, 2.0, record=["v", "spikes"], seed=1)


def trains_of(recording):
    events = recording.spike_times()
    return [events["time"].values[events["unit"].values == unit] for unit in recording.unit_ids]


def segment_of(recording):
    segment = neo.Segment()
    for k, train in enumerate(trains_of(recording)):
        segment.spiketrains.append(
            neo.SpikeTrain(
                train * 1e3, units="ms", t_stop=2000.0, name=f"cell {k}", brain_area=f"area {k % 2}", depth=k
            )
        )
    signal = neo.AnalogSignal(
        recording["v"] * 1e-3, units="V", sampling_rate=1.0 * pq.kHz, t_start=1.0 * pq.s, name="vm",
        array_annotations={"channel_names": np.array([*"abcd"]), "brain_area": np.array([*"xxyy"])},
    )  # fmt: skip
    segment.analogsignals.append(signal)
    return segment


def test_spike_trains(simulated):
    found = Recording.from_neo(segment_of(simulated), dt=1e-3, series="spiketrains")
    assert found.n_samples == 2000 and found.unit_ids.tolist() == [f"cell {k}" for k in range(4)]
    for ours, theirs in zip(trains_of(found), trains_of(simulated), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert found.unit_info["brain_area"].tolist() == ["area 0", "area 1"] * 2
    assert found.unit_info["depth"].tolist() == [0, 1, 2, 3]


def test_analog_signal_in_millivolts(simulated):
    found = Recording.from_neo(segment_of(simulated), series="vm")
    np.testing.assert_allclose(found["v"], simulated["v"], rtol=1e-6)
    assert found.dt == 1e-3 and found.t0 == 1.0 and found.units_of_measure == {"v": "mV"}
    assert found.unit_ids.tolist() == ["a", "b", "c", "d"] and found.unit_info["brain_area"].tolist() == [
        "x",
        "x",
        "y",
        "y",
    ]
    part = Recording.from_neo(segment_of(simulated), series="vm", time=slice(1.5, 2.0))
    np.testing.assert_array_equal(part["v"], found["v"][500:1000])


def test_segments_are_trials(simulated):
    block = neo.Block()
    block.segments.extend([segment_of(simulated), segment_of(simulated)])
    found = Recording.from_neo(block, series="vm")
    assert found.dims == ("trial", "time", "unit") and found.shape == (2, 2000, 4) and found.t0 == 0.0
    block.segments[1].analogsignals[0] = block.segments[1].analogsignals[0][:100]
    with pytest.raises(InputError, match="segment 1 is not as the first"):
        Recording.from_neo(block, series="vm")


def test_a_spike_at_the_very_end_is_kept():
    segment = neo.Segment()
    segment.spiketrains.append(neo.SpikeTrain([0.1, 1.0], units="s", t_stop=1.0))
    segment.spiketrains.append(neo.SpikeTrain([0.2], units="s", t_stop=1.0))
    found = Recording.from_neo(segment, dt=0.1)
    assert found["spikes"].sum() == 3
    part = Recording.from_neo(segment, dt=0.1, time=slice(0.5, None))
    np.testing.assert_array_equal(part["spikes"], found["spikes"][5:])


def test_what_is_meant_must_be_said(simulated):
    with pytest.raises(InputError, match="series must name one of spiketrains, vm"):
        Recording.from_neo(segment_of(simulated))
    with pytest.raises(InputError, match="dt must be given"):
        Recording.from_neo(segment_of(simulated), series="spiketrains")
    with pytest.raises(InputError, match=r"segment 0: dt = 0\.01 s does not agree with the signal, whose step is"):
        Recording.from_neo(segment_of(simulated), series="vm", dt=0.01)
    for given in ([segment_of(simulated)], segment_of(simulated).spiketrains[0]):
        with pytest.raises(
            InputError, match=r"source must be a neo\.Block, a neo\.Segment or a path; got a (list|Spike)"
        ):
            Recording.from_neo(given, dt=1e-3)
    with pytest.raises(InputError, match="at least one segment"):
        Recording.from_neo(neo.Block())
    with pytest.raises(InputError, match="there are none"):
        Recording.from_neo(neo.Segment())


def test_files_that_neo_reads(simulated, tmp_path):
    path = tmp_path / "block.mat"
    block = neo.Block()
    block.segments.append(segment_of(simulated))
    neo.io.NeoMatlabIO(str(path)).write_block(block)
    found = Recording.from_neo(path, series="vm")
    np.testing.assert_allclose(found["v"], simulated["v"], rtol=1e-6)
    # by its ending it might be a matrix of MATLAB's
    np.testing.assert_array_equal(Recording.from_file(path, series="vm")["v"], found["v"])


def test_text_is_read_where_a_file_beside_it_says_what_it_is(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 2))
    segment = neo.Segment()
    segment.analogsignals.append(neo.AnalogSignal(x, units="mV", sampling_rate=2.0 * pq.kHz))
    path, about = tmp_path / "signal.txt", tmp_path / "signal_about.json"
    writer = neo.io.AsciiSignalIO(
        str(path), metadata_filename=str(about), timecolumn=None, signal_group_mode="all-in-one"
    )
    writer.write_segment(segment)
    found = Recording.from_file(path)
    np.testing.assert_allclose(found["v"], x, rtol=1e-6)
    assert found.dt == pytest.approx(5e-4) and found.units_of_measure == {"v": "mV"}
    about.write_text('{"units": "mV"}')  # at which rate it does not say
    with pytest.raises(InputError, match="nor at which rate"):
        Recording.from_file(path)
    about.write_text("{")
    with pytest.raises(FileError, match=r"signal\.txt"):
        Recording.from_file(path)


SAYS = {"units": "mV", "sampling_rate": {"value": 1000, "units": "Hz"}, "signal_group_mode": "all-in-one"}
ROWS = "0.1\t0.2\t0.5\n0.3\t0.4\t0.6\n"


@pytest.mark.parametrize(
    ("text", "about", "message"),
    [
        (
            ROWS.replace("\t", " "),
            {},
            r"'s\.txt' must hold numbers in each column, parted by '\\t'; .* another delimiter",
        ),
        ("0.1\tx\n0.2\ty\n", {}, "there is none in column 1 of 'multichannel'.* usecols, in s_about.json"),
        ("0.1\tx\n0.2\ty\n", {"signal_group_mode": "split-all"}, "there is none in column 0 of 'Column 1'"),
        (ROWS + "0.1\t0.2\n" + ROWS, {}, r"as many columns in each row; Line #3 \(got 2 columns instead of 3\)"),
        (ROWS, {"sampling_rate": 1000}, r"such as \{\"units\": \"mV\", .*'int' object is not subscriptable"),
        (ROWS, {"sampling_rate": {"value": 1000}}, "'s_about.json' must say of 's.txt'"),
        (ROWS, {"units": "nonsense"}, "makes of it: .*nonsense"),
        (ROWS, {"method": "nonsense"}, "makes of it: method must be one of"),  # nor then is it of spike trains
    ],
)
def test_text_of_which_neo_would_leave_something_out_is_refused(tmp_path, text, about, message):
    (tmp_path / "s.txt").write_text(text)
    (tmp_path / "s_about.json").write_text(json.dumps(SAYS | about))
    with pytest.raises(InputError, match=message):
        Recording.from_file(tmp_path / "s.txt", dt=1e-3)


@pytest.mark.filterwarnings("error")
def test_the_form_that_a_refusal_of_text_shows_is_one_that_is_read(tmp_path):
    (tmp_path / "s.txt").write_text("0.1\n0.3\n")
    with pytest.raises(InputError, match="say sampling_rate and units") as refusal:
        Recording.from_file(tmp_path / "s.txt")
    (tmp_path / "s_about.json").write_text(re.search(r"\{.*\}\}", str(refusal.value))[0])
    found = Recording.from_file(tmp_path / "s.txt")
    np.testing.assert_allclose(found["v"], [[0.1], [0.3]], rtol=1e-6)
    assert found.dt == 1e-3
    (tmp_path / "s.txt").write_text("0.1 \t nan\n0.3\t5\n")
    (tmp_path / "s_about.json").write_text(json.dumps(SAYS))
    np.testing.assert_allclose(Recording.from_file(tmp_path / "s.txt")["v"], [[0.1, np.nan], [0.3, 5.0]], rtol=1e-6)


@pytest.mark.parametrize("equal", [True, False])
def test_rows_of_spike_times_are_not_taken_for_samples(tmp_path, equal):
    path = tmp_path / "spikes.txt"
    rng = np.random.default_rng(0)
    segment = neo.Segment()
    for n in (20, 20, 20) if equal else (20, 3, 31):
        segment.spiketrains.append(neo.SpikeTrain(np.sort(rng.random(n)), units="s", t_stop=1.0))
    neo.io.AsciiSpikeTrainIO(str(path)).write_segment(segment)
    signals = tmp_path / "signals.txt"
    np.savetxt(signals, rng.normal(size=(20, 3)), delimiter="\t")
    for one in (path, signals):
        for read in (Recording.from_file, Recording.from_neo):
            with pytest.raises(
                InputError, match=rf"'{one.name}' is text that says neither .* \.csv, a line a spike.* {one.stem}_about"
            ):
                read(one, dt=0.01)
    block = neo.io.AsciiSignalIO(
        str(signals), sampling_rate=1.0 * pq.kHz, signal_group_mode="all-in-one"
    ).read_segment()
    assert Recording.from_neo(block).shape == (20, 3)  # the mend that the message names


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    """Two channels, 4 million samples, 16 MB in a format that Neo reads in parts; 32 MB as they are returned."""
    path = tmp_path_factory.mktemp("neo") / "long.raw"
    x = np.random.default_rng(0).integers(-1000, 1000, (4_000_000, 2)).astype(np.float32)
    segment = neo.Segment()
    segment.analogsignals.append(neo.AnalogSignal(x, units="V", sampling_rate=10.0 * pq.kHz))
    neo.io.RawBinarySignalIO(str(path)).write_segment(segment)
    return path, x


@pytest.mark.parametrize(("time", "rows"), [(None, slice(None)), (slice(1.23, 301.7), slice(12_300, 3_017_000))])
def test_long_files_are_read_in_parts(long_file, monkeypatch, time, rows):
    path, x = long_file
    monkeypatch.setattr(neo_objects, "NO_HEADER", set())  # two channels at 10 kHz is what Neo makes up
    Recording.from_neo(path, time=slice(0.0, 0.1))  # what is imported is not counted
    tracemalloc.start()
    try:
        found = Recording.from_neo(path, time=time)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found["signal"], x[rows])
    assert found.t0 == pytest.approx(0.0 if time is None else 1.23) and found.dt == 1e-4
    assert peak - found["signal"].nbytes < 24e6


def test_a_block_at_a_time_is_what_neo_loads_at_once(long_file, monkeypatch):
    path, _ = long_file
    monkeypatch.setattr(neo_objects, "NO_HEADER", set())
    monkeypatch.setattr(neo_objects, "BLOCK_BYTES", 8 * 2 * 999)
    eager = neo.io.RawBinarySignalIO(str(path)).read_block(lazy=False).segments[0]
    for time in (slice(0.05, 0.95), slice(399.0, 400.0)):
        lazily, whole = (Recording.from_neo(source, time=time) for source in (path, eager))
        np.testing.assert_array_equal(lazily["signal"], whole["signal"])
        assert lazily.t0 == whole.t0 and lazily.unit_ids.tolist() == whole.unit_ids.tolist()


class Lying:
    """A signal, or a spike train, that is loaded when it is asked for, as Neo's proxies are."""

    def __init__(self, there):
        self._there = there

    def __getattr__(self, name):
        return getattr(self._there, name)

    def load(self, time_slice=None):
        return self._there if time_slice is None else self._there.time_slice(*time_slice)


def test_what_lies_in_a_file_comes_in_the_same_units(simulated, monkeypatch):
    monkeypatch.setattr(neo_objects, "BLOCK_BYTES", 8 * 4 * 333)
    segment = segment_of(simulated)
    volts = segment.analogsignals[0]
    lazily = neo_objects._loaded(Lying(volts.rescale("uV")), slice(0, 2000), "mV", volts=True)
    np.testing.assert_allclose(lazily, simulated["v"], rtol=1e-6)
    found = neo_objects._spikes(segment, 1e-3, None)
    segment_lying = type("Segment", (), {"spiketrains": [Lying(train) for train in segment.spiketrains]})()
    lying = neo_objects._spikes(segment_lying, 1e-3, None)
    np.testing.assert_array_equal(lying["signals"]["spikes"], found["signals"]["spikes"])


def test_a_file_without_a_header_is_refused(long_file):
    path, _ = long_file
    with pytest.raises(InputError, match=r"'long\.raw' does not say how many channels it holds"):
        Recording.from_neo(path)


def test_a_file_that_ends_before_its_header_says(long_file, tmp_path, monkeypatch):
    path, _ = long_file
    monkeypatch.setattr(neo_objects, "NO_HEADER", set())
    load = neo.io.proxyobjects.AnalogSignalProxy.load
    monkeypatch.setattr(neo.io.proxyobjects.AnalogSignalProxy, "load", lambda *a, **k: load(*a, **k)[:-1])
    with pytest.raises(InputError, match="4000000 samples that its file tells of"):
        Recording.from_neo(path)


def test_broken_files(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        Recording.from_neo(tmp_path / "absent.abf")
    broken = tmp_path / "broken.abf"
    broken.write_bytes(b"nothing of the kind")
    with pytest.raises((FileError, InputError), match=r"broken\.abf"):
        Recording.from_neo(broken)
    pickled = tmp_path / "block.pkl"
    neo.io.PickleIO(str(pickled)).write_block(neo.Block())
    for read in (Recording.from_neo, Recording.from_file):
        with pytest.raises(InputError, match="is refused, for Neo would run what it holds"):
            read(pickled)
    unknown = tmp_path / "x.unheard"
    unknown.touch()
    with pytest.raises(InputError, match=r"path must end in \.nwb, \.mat"):
        Recording.from_file(unknown)
