import numpy as np
import pytest

from synfer.datasets import load_izhikevich, load_izhikevich_network, load_izhikevich_raw
from synfer.errors import FileError, InputError
from synfer.network import GaussianDrive

V = np.array([[0.25, -1.0, 3.5, 0.125], [1e-3, 2.0, -0.0, 7.0]])


@pytest.fixture
def home(tmp_path):
    """A folder of two units and four states, in the published layout."""
    folder = tmp_path / "seed0"
    folder.mkdir()
    (folder / "connectivity.txt").write_text("0,-5\n5,-0\n")
    (folder / "params_abcd.txt").write_text("0.02,-0.1,-55,4\n0.08,-0.1,-65,2\n")
    (folder / "firings.txt").write_text("1,2\n3,1\n3,2\n")
    write(folder / "v_normed_alltimes.txt", V)
    write(folder / "v_alltimes.txt", 10 * V)
    write(folder / "u_alltimes.txt", 20 * V)
    write(folder / "inp.txt", 5 * V[:, :3])
    return folder


def write(path, table):
    path.write_text("".join(",".join(f"{x:.15g}" for x in row) + "\n" for row in table))


def test_the_prepared_voltages_and_the_truth(home):
    recording, truth = load_izhikevich(home)
    assert recording.signal_names == ["v"]
    np.testing.assert_array_equal(recording["v"], V.T)
    assert recording["v"].dtype == np.float64
    assert recording["v"].flags.c_contiguous
    assert (recording.dt, recording.t0, recording.units_of_measure) == (1e-3, 0.0, {"v": "z"})
    assert recording.provenance["folder"] == str(home)
    np.testing.assert_array_equal(truth.weight, [[0, -5], [5, 0]])
    assert not np.any(np.signbit(truth.weight.values) & (truth.weight.values == 0))  # written as -0
    assert set(truth.to_networkx().edges) == {(1, 0), (0, 1)}
    assert np.nanmax(truth.delay) == 1e-3


def test_the_network(home):
    network = load_izhikevich_network(home)
    assert network.model == "izhikevich"
    assert {name: network.parameters[name].tolist() for name in "abcd"} == {
        "a": [0.02, 0.08], "b": [-0.1, -0.1], "c": [-55, -65], "d": [4, 2],
    }  # fmt: skip
    scalars = {name: network.parameters[name] for name in ("quadratic", "linear", "constant", "threshold")}
    assert scalars == {"quadratic": 0.04, "linear": 4.1, "constant": 108.0, "threshold": 30.0}
    assert network.drive == GaussianDrive(5.0, 5.0)
    assert network.connectome.identical(load_izhikevich(home)[1])


def test_the_raw_files(home):
    raw = load_izhikevich_raw(home)
    assert raw.signal_names == ["v", "u", "drive", "spikes"]
    np.testing.assert_array_equal(raw["v"], 10 * V.T)
    np.testing.assert_array_equal(raw["u"], 20 * V.T)
    assert np.all(np.isnan(raw["drive"][0]))
    np.testing.assert_array_equal(raw["drive"][1:], 5 * V[:, :3].T)
    # rows (1, 2), (3, 1), (3, 2) count from 1: samples 0 and 2
    assert raw["spikes"].tolist() == [[0, 1], [0, 0], [1, 1], [0, 0]]
    assert raw.units_of_measure == {"v": "mV", "u": "mV"}
    for name in ("v_alltimes.txt", "u_alltimes.txt", "inp.txt"):
        (home / name).unlink()
    (home / "firings.txt").write_text("")
    alone = load_izhikevich_raw(home)
    assert alone.signal_names == ["spikes"]
    assert (alone.shape, alone["spikes"].sum()) == ((4, 2), 0)


def load_all(folder):
    load_izhikevich(folder)
    load_izhikevich_network(folder)
    load_izhikevich_raw(folder)


@pytest.mark.parametrize("name", ["connectivity.txt", "params_abcd.txt", "firings.txt", "v_normed_alltimes.txt"])
def test_a_missing_file_is_named(home, name):
    (home / name).unlink()
    with pytest.raises(FileError, match=rf"seed0' lacks the file '{name}', which holds the"):
        load_all(home)


def test_a_missing_folder_is_named(home):
    with pytest.raises(FileError, match=r"seed7' is not a folder"):
        load_all(home.parent / "seed7")
    with pytest.raises(FileError, match=r"connectivity\.txt' is not a folder"):
        load_all(home / "connectivity.txt")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("connectivity.txt", "0,5\nx1,0\n", r"row 2, column 1: 'x1' is no number \(weights \(target, source\)\)"),
        ("connectivity.txt", "0,5\n,0\n", "row 2, column 1: '' is no number"),
        ("connectivity.txt", "0,5\n0\n", "row 2: 1 columns where 2 are expected .*; the last is '0'"),
        ("connectivity.txt", "0,5\n0,0\n\n0,0,7\n", "row 4: 3 columns where 2 are expected .*; the last is '7'"),
        ("connectivity.txt", "0,5,0\n0,0,5\n", r"must be square \(target, source\); it is \(2, 3\)"),
        ("connectivity.txt", "0,NaN\n5,0\n", "row 1, column 2: 'NaN' is not finite"),
        ("connectivity.txt", "", "is empty; it should hold the weights"),
        ("connectivity.txt", "0 5\n5 0\n", "row 1, column 1: '0 5' is no number"),
        ("params_abcd.txt", "1,2,3,4\n", "must hold 2 rows of parameters .*; it has 1"),
        ("params_abcd.txt", "1,2,3\n1,2,3\n", "row 1: 3 columns where 4 are expected"),
        ("params_abcd.txt", "1,2,3,4\n1,2,inf,4\n", "row 2, column 3: 'inf' is not finite"),
        ("v_normed_alltimes.txt", "1,2,3,4\n1,2,oops,4\n", "row 2, column 3: 'oops' is no number"),
        ("v_normed_alltimes.txt", "1,2,3,4\n1,2,3,\n", "row 2, column 4: '' is no number"),
        ("v_normed_alltimes.txt", "1,2,3,4\n", "must hold 2 rows of z-scored voltages"),
        ("v_normed_alltimes.txt", "", "is empty"),
        ("u_alltimes.txt", "1,2,3\n1,2,3\n", "row 1: 3 columns where 4 are expected"),
        ("inp.txt", "1,2,3,4\n1,2,3,4\n", "row 1: 4 columns where 3 are expected"),
        ("firings.txt", "1,2\n0,1\n", "row 2, column 1: 0 is no step from 1 to 3"),
        ("firings.txt", "1,2\n4,1\n", "row 2, column 1: 4 is no step from 1 to 3"),
        ("firings.txt", "1,3\n", "row 1, column 2: 3 is no unit from 1 to 2"),
        ("firings.txt", "1,1.5\n", "row 1, column 2: 1.5 is no unit"),
        ("firings.txt", "1,2\n2,1\n1,2\n", "row 3: unit 2 has fired in step 1 already"),
        ("firings.txt", "1,2,3\n", "row 1: 3 columns where 2 are expected"),
    ],
)
def test_a_malformed_file_is_named_with_row_and_column(home, name, content, message):
    (home / name).write_text(content)
    with pytest.raises(FileError, match=rf"'{name}' in .*{message}"):
        load_all(home)


def test_a_binary_file_is_refused(home):
    (home / "connectivity.txt").write_bytes(b"\x89HDF\r\n\x1a\n\xff\xfe\x00\x00")
    with pytest.raises(FileError, match=r"'connectivity\.txt' in .*row 1, column 1: .* is no number"):
        load_all(home)


def test_numbers_are_read_to_the_last_bit(home):
    exact = np.random.default_rng(0).normal(size=(2, 4))
    (home / "v_normed_alltimes.txt").write_text("".join(",".join(map(repr, row)) + "\n" for row in exact.tolist()))
    np.testing.assert_array_equal(load_izhikevich(home)[0]["v"], exact.T)


def test_every_published_folder(data_folder):
    folders = sorted((data_folder / "izhikevich").glob("exc*/p*/*/seed*"))
    if not folders:
        pytest.skip(f"no published networks in {data_folder}")
    for folder in folders:
        recording, truth = load_izhikevich(folder)
        network = load_izhikevich_network(folder)
        n = int(folder.parts[-4].split("_")[0].removeprefix("exc")) * 5 // 4
        assert recording.shape == (5001, n)
        np.testing.assert_allclose(recording["v"].mean(axis=0), 0, atol=1e-10)
        np.testing.assert_allclose(recording["v"].std(axis=0), 1, rtol=1e-10)
        weights = truth.weight.values
        assert set(np.unique(weights)) <= {-5.0, 0.0, 5.0}
        assert np.all(weights[:, : n * 4 // 5] >= 0)  # excitatory columns come first: columns are sources
        assert np.all(weights[:, n * 4 // 5 :] <= 0)
        assert not np.any(np.diagonal(weights))
        assert np.all(network.parameters["b"] == -0.1)


def test_published_spikes_are_the_crossings_of_the_published_voltages(data_folder):
    folders = sorted(path.parent for path in (data_folder / "izhikevich").glob("exc*/p*/*/seed*/v_alltimes.txt"))
    if not folders:
        pytest.skip(f"no published voltages in {data_folder}")
    for folder in folders:
        raw = load_izhikevich_raw(folder)
        np.testing.assert_array_equal(raw["spikes"][:-1], raw["v"][:-1] >= 30)
        assert abs(np.nanmean(raw["drive"]) - 5) < 0.1
        # the scaling of v_normed: clipped at 30 mV, mean and population standard deviation (ddof 0) over all states
        clipped = np.minimum(raw["v"], 30)
        scaled = (clipped - clipped.mean(axis=0)) / clipped.std(axis=0)
        np.testing.assert_allclose(load_izhikevich(folder)[0]["v"], scaled, atol=1e-12)


def test_a_folder_is_a_path():
    with pytest.raises(InputError, match="folder must be a path or its name; got a int"):
        load_izhikevich(3)
