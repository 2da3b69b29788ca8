"""Lorenz-96, NetSim, VAR and spycon: published as numpy's files."""

import numpy as np
import pytest

from synfer.datasets import load_lorenz96, load_netsim, load_spycon, load_var
from synfer.errors import FileError, InputError

X = np.random.default_rng(0).normal(size=(3, 20))
EDGES = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1]])  # 1 -> 0, 0 -> 2


def graph(truth):
    return {(a, b) for a, b in truth.to_networkx().edges}


def test_lorenz96(tmp_path):
    np.savez(tmp_path / "F.npz", X_np=X, Gref=EDGES, delta_t=0.05)
    recording, truth = load_lorenz96(tmp_path / "F.npz")
    np.testing.assert_array_equal(recording["x"], X.T)
    assert (recording.dt, truth.dt) == (0.05, 0.05)
    assert np.isnan(np.diag(truth.score)).all()
    assert graph(truth) == {(1, 0), (0, 2)}


def test_netsim(tmp_path):
    np.savez(tmp_path / "s.npz", X_np=X, Gref=EDGES)
    recording, truth = load_netsim(tmp_path / "s.npz")
    np.testing.assert_array_equal(recording["bold"], X.T)
    assert recording.dt == 3.0 and graph(truth) == {(1, 0), (0, 2)}


def test_var(tmp_path):
    lags = np.zeros((3, 3, 2), dtype=np.int32)
    lags[0, 1, 1] = lags[2, 0, 0] = lags[2, 0, 1] = 1
    np.save(tmp_path / "_x.npy", X)
    np.save(tmp_path / "_x_eval.npy", 2 * X)
    np.save(tmp_path / "_gc.npy", lags)
    recording, truth = load_var(tmp_path)
    np.testing.assert_array_equal(recording["x"], X.T)
    np.testing.assert_array_equal(load_var(tmp_path, "eval")[0]["x"], 2 * X.T)
    assert graph(truth) == {(1, 0), (0, 2)}
    assert (float(truth.delay[0, 1]), float(truth.delay[2, 0])) == (2.0, 1.0)
    assert np.isnan(truth.delay[0, 2])
    with pytest.raises(InputError, match="series must be one of train, eval, got 'test'"):
        load_var(tmp_path, "test")


def spikes(path, **other):
    arrays = {
        "times": np.array([0.0005, 0.0021, 0.0022, 0.0039]),
        "ids": np.array([7, 5, 5, 6]),
        "nodes": np.array([5, 6, 7]),
        "marked_edges": np.array([[5, 6, 0.5], [6, 5, 0.0], [7, 5, -0.25]]),
    }
    np.savez(path, **arrays | other)
    return path


def test_spycon(tmp_path):
    recording, truth = load_spycon(spikes(tmp_path / "a.npz"))
    assert recording["spikes"].tolist() == [[0, 0, 1], [0, 0, 0], [2, 0, 0], [0, 1, 0]]
    assert recording.unit_ids.tolist() == [5, 6, 7]
    assert graph(truth) == {(5, 6), (7, 5)}
    assert float(truth.weight.sel(target=5, source=7)) == -0.25
    assert np.isnan(truth.score.sel(target=7, source=5))  # not listed
    assert load_spycon(tmp_path / "a.npz", dt=2e-3)[0]["spikes"].tolist() == [[0, 0, 1], [2, 1, 0]]


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        ({"ids": np.array([7, 5, 5, 9])}, FileError, "cell 9 is not among nodes"),
        ({"ids": np.array([7])}, FileError, "must be of one length, not 0; got 4, 1"),
        ({"nodes": np.array([5, 5, 7])}, FileError, "nodes must name each cell once"),
        ({"times": np.array([-1.0, 0, 0, 0])}, FileError, r"times \(at least 0\)"),
        ({"marked_edges": np.zeros((2, 2))}, FileError, r"'marked_edges' must have shape \('any', 3\)"),
    ],
)
def test_spycon_refusals(tmp_path, other, error, message):
    with pytest.raises(error, match=message):
        load_spycon(spikes(tmp_path / "a.npz", **other))


def test_bins_of_spycon_are_refused_where_they_cannot_be(tmp_path):
    path = spikes(tmp_path / "a.npz", times=np.zeros(300), ids=np.full(300, 5))
    with pytest.raises(InputError, match="dt must be a positive number of seconds, got 0"):
        load_spycon(path, dt=0)
    with pytest.raises(InputError, match=r"at most 255 spikes .* dt = 0.001 and 300"):
        load_spycon(path)


def test_what_is_not_there_or_damaged_is_named(tmp_path):
    with pytest.raises(FileError, match=r"lacks the file 'F\.npz', which holds the series \(unit, time\)"):
        load_lorenz96(tmp_path / "F.npz")
    (tmp_path / "F.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(FileError, match=r"cannot read .*F\.npz', the series"):
        load_lorenz96(tmp_path / "F.npz")
    np.save(tmp_path / "s.npy", X)
    (tmp_path / "s.npy").rename(tmp_path / "s.npz")
    with pytest.raises(FileError, match="holds a single array; it should hold X_np"):
        load_netsim(tmp_path / "s.npz")
    with pytest.raises(FileError, match=r"lacks the file '_x\.npy'"):
        load_var(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"Gref": EDGES}, r"lacks the array 'X_np', which holds the series .*; it has \['Gref'\]"),
        ({"X_np": X, "Gref": EDGES[:2]}, r"array 'Gref' must have shape \(3, 3\), true edges .*; it has \(2, 3\)"),
        ({"X_np": X, "Gref": 2 * EDGES}, r"must hold zeros and ones \(target, source\); it holds \[0, 2\]"),
        ({"X_np": np.full((3, 4), np.nan), "Gref": EDGES}, "must hold finite numbers"),
        ({"X_np": np.array([{}]), "Gref": EDGES}, "cannot read 'X_np', the series"),  # would execute: not unpickled
    ],
)
def test_malformed_arrays_are_named(tmp_path, arrays, message):
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(FileError, match=message):
        load_netsim(tmp_path / "s.npz")


def test_every_published_file(data_folder):
    lorenz = sorted((data_folder / "lorenz96").glob("*.npz"))
    if not lorenz:
        pytest.skip(f"no published series in {data_folder}")
    for path in lorenz:
        recording, truth = load_lorenz96(path)
        # dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F: the orientation, from the law and not from the loader
        expected = {((i + k) % 10, i) for i in range(10) for k in (1, -1, -2)}
        assert graph(truth) == expected and recording.shape == (int(path.name.split("_")[3]), 10)
    subjects = [load_netsim(path) for path in sorted((data_folder / "netsim").glob("*.npz"))]
    assert len(subjects) == 25 and all(truth.identical(truth) for _, truth in subjects)
    assert all(graph(truth) == graph(subjects[0][1]) and len(graph(truth)) == 18 for _, truth in subjects)
    for folder in sorted((data_folder / "var").glob("*/*/*/seed_*")):
        recording, truth = load_var(folder)
        n = int(folder.parts[-4].removeprefix("num_nodes_"))
        assert recording.shape == (600, n)
        assert np.nanmax(truth.delay) <= int(folder.parts[-3].removeprefix("true_lag_"))
    recording, truth = load_spycon(data_folder / "spycon" / "sim1917Cell1Block1_tiny.npz")
    assert recording.shape[1] == 20 and recording["spikes"].sum() == 23017
