"""What the shell can say of how a file is to be read, and what it says of what was read."""

from __future__ import annotations

import numpy as np
import pytest

from synfer import Connectome, Recording, discover

FIT = ("--method", "conditional_granger", "--set", "lag=1")


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(400, 5))


def nwb_of_trials(folder, lengths):
    pynwb = pytest.importorskip("pynwb")
    Recording({"v": np.random.default_rng(1).normal(size=(3000, 4))}, 1e-3).to_nwb(folder / "x.nwb", overwrite=True)
    with pynwb.NWBHDF5IO(folder / "x.nwb", "a") as io:
        file = io.read()
        for k, length in enumerate(lengths):
            file.add_trial(start_time=0.6 * k, stop_time=0.6 * k + length)
        io.write(file)
    return folder / "x.nwb"


@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")
def test_what_was_read_is_told(synfer, x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    result = synfer("discover", tmp_path / "x.npy", "--dt", 33.3, *FIT, "--out", tmp_path / "e.nc")
    assert "x.npy: 400 samples x 5 units, 13320 s at dt = 33.3 s\n" in result.stdout
    np.savez(tmp_path / "x.npz", calcium=x, other=x)
    result = synfer(
        "discover", tmp_path / "x.npz", "--variable", "calcium", "--dt", 1, *FIT, "--out", tmp_path / "g.nc"
    )
    assert "x.npz, calcium: 400 samples x 5 units" in result.stdout
    path = nwb_of_trials(tmp_path, [0.5] * 4)
    result = synfer("discover", path, "--trials", "trials", *FIT, "--out", tmp_path / "f.nc")
    assert "500 samples x 4 units, 0.5 s at dt = 0.001 s, in each of 4 trials\n" in result.stdout


@pytest.mark.filterwarnings("always::synfer.errors.SynferWarning")
def test_trials_are_as_long_as_is_said_and_much_that_is_lost_is_told_of(synfer, refused, tmp_path):
    path = nwb_of_trials(tmp_path, [0.5, 0.1, 0.5, 0.5])
    cut = ("discover", path, "--trials", "trials", *FIT, "--out", tmp_path / "e.nc", "--force")
    result = synfer(*cut)
    assert "100 samples x 4 units, 0.1 s at dt = 0.001 s, in each of 4 trials" in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "synfer: warning: All 4 trials are cut to the shortest, 0.1 s, which uses 0.4 of their 1.6 s: take the short"
    )
    assert line.endswith("or say --trial-duration 0.1 where that is meant.")
    result = synfer(*cut, "--trial-duration", 0.05)
    assert "50 samples" in result.stdout and result.stderr == ""
    page = ("report", tmp_path / "e.nc", "--recording", path, "--trials", "trials", "--out", tmp_path / "r.html")
    assert synfer(*page, "--trial-duration", 0.05).exit_code == 0
    refused(synfer(*cut, "--trial-duration", 0.2), "--trial-duration must be at most the shortest")
    assert synfer("discover", nwb_of_trials(tmp_path, [0.5, 0.4]), *cut[2:]).stderr == ""


@pytest.mark.parametrize("kind", ["npy", "npz", "mat"])
def test_units_may_come_first(synfer, x, tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, x.T)
    elif kind == "npz":
        np.savez(path, v=x.T)
    else:
        pytest.importorskip("scipy.io").savemat(path, {"v": x.T})
    result = synfer("discover", path, "--dt", 0.1, "--units-first", *FIT, "--out", tmp_path / "e.nc")
    assert result.exit_code == 0 and result.stderr == "" and "400 samples x 5 units" in result.stdout
    expected = discover.ConditionalGranger(lag=1).fit(Recording.from_array(x, 0.1)).connectome_
    np.testing.assert_allclose(Connectome.load(tmp_path / "e.nc").score, expected.score)


@pytest.mark.filterwarnings("always::synfer.errors.SynferWarning")
def test_an_array_on_its_side_is_told_how_to_be_turned(synfer, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30, 600)))
    common = ("discover", tmp_path / "x.npy", "--dt", 0.1, "--method", "cross_correlation", "--set", "max_lag=2")
    result = synfer(*common, "--set", "n_surrogates=0", "--out", tmp_path / "e.nc")
    assert (
        "array has 600 units and 30 samples" in result.stderr and "(an array's file by --units-first)" in result.stderr
    )


def test_units_are_dropped_of_any_recording(synfer, refused, x, tmp_path):
    x[:, 3] = 1.0
    np.save(tmp_path / "x.npy", x)
    Recording.from_array(x, 0.1, unit_ids=["a", "b", "c,d", "e", "f"]).save(tmp_path / "x.nc")
    out = ("--out", tmp_path / "e.nc", "--force")
    array = ("discover", tmp_path / "x.npy", "--dt", 0.1, *FIT, *out)
    refused(synfer(*array), "constant samples in unit 3", "leave it out by --drop 3.")
    assert synfer(*array, "--drop", "3").exit_code == 0
    assert Connectome.load(tmp_path / "e.nc").unit_ids.tolist() == [0, 1, 2, 4]
    page = ("report", tmp_path / "e.nc", "--recording", tmp_path / "x.npy", "--dt", 0.1, "--out", tmp_path / "r.html")
    refused(synfer(*page), "of its 4 units; got 5", "and the same --drop")
    assert synfer(*page, "--drop", "3").exit_code == 0
    own = ("discover", tmp_path / "x.nc", *FIT, *out)
    assert synfer(*own, "--drop", "e,a", "--drop", "c,d").exit_code == 0
    assert Connectome.load(tmp_path / "e.nc").unit_ids.tolist() == ["b", "f"]
    refused(synfer(*own, "--drop", "g"), "--drop: unit 'g' does not exist")
    refused(synfer(*array, "--drop", "0,1,2,3,4"), "--drop must leave a unit; got all 5")


def test_a_list_of_spikes_may_begin_before_0(synfer, refused, tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{t},{unit}" for unit in range(3) for t in np.sort(rng.random(200)) * 9.0 - 2.0]
    (tmp_path / "s.csv").write_text("\n".join(lines))
    common = ("discover", tmp_path / "s.csv", *FIT, "--dt", 0.01, "--out", tmp_path / "e.nc")
    refused(synfer(*common), "t0 = 0 s", "give another t0")
    assert synfer(*common, "--t0", -2).exit_code == 0
    expected = discover.ConditionalGranger(lag=1).fit(Recording.from_csv(tmp_path / "s.csv", dt=0.01, t0=-2.0))
    assert Connectome.load(tmp_path / "e.nc").identical(expected.connectome_)


def test_options_that_a_file_has_no_use_for_are_refused(synfer, refused, x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    array = ("discover", tmp_path / "x.npy", "--dt", 0.1, *FIT, "--out", tmp_path / "e.nc")
    refused(synfer(*array, "--variable", "x"), "--variable is for files of several arrays", "x.npy holds one")
    refused(
        synfer(*array, "--trial-duration", 1),
        "--trial-duration is nothing to give for a .npy file, which takes --dt, --units-first, --time and --drop",
    )
    refused(synfer(*array, "--jobs", 0), "--jobs must be a whole number of at least 1; got 0")
    (tmp_path / "s.csv").write_text("0.1,1\n")
    refused(synfer("discover", tmp_path / "s.csv", *array[2:], "--units-first"), "--units-first is nothing to give")
    Recording.from_array(x, 0.1).save(tmp_path / "x.nc")
    own = ("discover", tmp_path / "x.nc", *FIT, "--out", tmp_path / "e.nc")
    refused(synfer(*own, "--units-first"), "--units-first is for files of other tools")


def test_a_folder_of_nothing_is_said_to_be_one(synfer, refused, estimate_path, tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "F.npy").write_bytes(b"")
    for name, what in (("none", "it is an empty folder"), ("some", "it is a folder without connectivity.txt")):
        refused(synfer("discover", tmp_path / name, *FIT, "--out", tmp_path / "e.nc"), name, what, "give a file")
        refused(synfer("evaluate", estimate_path, tmp_path / name), name, what)


def test_what_is_not_recorded_cannot_be_prepared(synfer, refused, tmp_path):
    command = ("simulate", "--out", tmp_path / "r.nc", "--record", "spikes", "--clip-and-zscore")
    refused(synfer(*command), "--clip-and-zscore prepares v", "--record spikes", "add --record v")
    assert list(tmp_path.iterdir()) == []
    assert synfer(*command, "--record", "v", "--duration", 0.1).exit_code == 0


def test_help_names_every_kind_of_array(synfer):
    told = synfer("discover", "--help").stdout
    assert ".mat" in told and ".npy" in told and ".npz" in told
