"""Lists of edges at several times and of several networks, beside matrices that say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError, SynferError

LABELS = [f"unit {k}" for k in range(7)]
TIMES = [0.5, 1.0, 2.5]


def network(seed: int, n_edges: int) -> tuple[Connectome, Connectome]:
    """Give a list of edges and the matrix of the same; in no order of theirs."""
    rng = np.random.default_rng(seed)
    target, source = np.divmod(rng.permutation(49)[:n_edges], 7)
    values = {"weight": rng.normal(size=n_edges), "delay": rng.random(n_edges), "pvalue": rng.random(n_edges)}
    listed = Connectome.from_edges(source, target, unit_ids=LABELS, method="drawn", dt=1e-3, **values)
    return listed, listed.to_matrix()


@pytest.fixture
def changing() -> tuple[Connectome, Connectome]:
    """Give edges at three times, and matrices of the same."""
    listed, matrix = network(3, 12)
    factors = np.array([1.0, -2.0, 0.5])
    data = listed.to_xarray()
    over_time = Connectome.from_edges(
        data["source"].values, data["target"].values, unit_ids=LABELS, weight=factors[:, None] * listed.weight.values,
        delay=listed.delay.values, leading="time", leading_ids=TIMES, method="drawn", dt=1e-3,
    )  # fmt: skip
    weights = factors[:, None, None] * matrix.weight.values
    delays = np.broadcast_to(matrix.delay.values, weights.shape)
    same = Connectome(
        np.abs(weights), weight=weights, delay=delays, unit_ids=LABELS, leading="time", leading_ids=TIMES,
        method="drawn", dt=1e-3,
    )  # fmt: skip
    return over_time, same


def assert_same_fields(one: Connectome, two: Connectome) -> None:
    assert list(one.fields) == list(two.fields)
    for name, field in one.fields.items():
        np.testing.assert_array_equal(field.values, two.fields[name].values)


def test_edges_over_time_are_matrices_over_time(changing: tuple[Connectome, Connectome], tmp_path: Path) -> None:
    listed, matrices = changing
    assert (listed.layout, listed.leading, listed.n_networks, listed.weight.dims) == (
        "edges", "time", None, ("time", "edge"),
    )  # fmt: skip
    np.testing.assert_array_equal(listed.leading_ids, TIMES)
    assert_same_fields(listed.to_matrix(), matrices)
    assert listed.to_matrix().identical(matrices)
    for k in (0, 2):
        assert_same_fields(listed.isel(time=k).to_matrix(), matrices.isel(time=k))
        assert listed.isel(time=k).provenance == {"time": TIMES[k]}
        assert listed.isel(time=k).weight.shape == (12,)
    assert_same_fields(listed.isel(time=slice(1, 3)).to_matrix(), matrices.isel(time=slice(1, 3)))
    assert_same_fields(listed.sel(["unit 4", "unit 0"]).to_matrix(), matrices.sel(["unit 4", "unit 0"]))
    key = ["time", "source", "target"]
    one, two = (c.edges().sort_values(key).reset_index(drop=True) for c in changing)
    assert one.equals(two)
    table = listed.to_pandas()
    assert len(table) == 36
    assert table["time"].tolist() == np.repeat(TIMES, 12).tolist()
    listed.save(tmp_path / "c.nc")
    loaded = Connectome.load(tmp_path / "c.nc")
    assert loaded.identical(listed)
    assert "3 times x 7 units, edges, by drawn" in repr(loaded)
    assert "0.5 to 2.5 s" in loaded._repr_html_()


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 49), min_size=1, max_size=4))
def test_a_stack_gives_its_networks_back(sizes: list[int]) -> None:
    pairs = [network(seed, n_edges) for seed, n_edges in enumerate(sizes)]
    labels = [10 * k for k in range(len(pairs))]
    batch = Connectome.stack([listed for listed, _ in pairs], leading_ids=labels, method="drawn")
    matrices = Connectome.stack([matrix for _, matrix in pairs], leading_ids=labels, method="drawn")
    assert (batch.layout, batch.leading, batch.n_networks, batch.n_units) == ("edges", "network", len(pairs), 7)
    assert batch.dt == matrices.dt == 1e-3
    assert batch.leading_ids.tolist() == labels
    assert batch.to_matrix().identical(matrices)
    for k, (listed, matrix) in enumerate(pairs):
        one = batch.isel(network=k)
        assert one.to_xarray().drop_attrs().identical(listed.to_xarray().drop_attrs())
        assert one.provenance == {"network": labels[k]}
        assert_same_fields(matrices.isel(network=k), matrix)
    backwards = batch.isel(network=np.arange(len(pairs))[::-1])
    assert_same_fields(backwards.to_matrix(), matrices.isel(network=np.arange(len(pairs))[::-1]))
    assert backwards.leading_ids.tolist() == labels[::-1]
    if sum(sizes):
        assert_same_fields(batch.sel(LABELS[5:1:-1]).to_matrix(), matrices.sel(LABELS[5:1:-1]))
    tested = batch.edges(alpha=0.4)
    for k, label in enumerate(labels):  # each network a family of tests
        alone = pairs[k][0].edges(alpha=0.4)
        part = tested[tested["network"] == label].drop(columns="network").reset_index(drop=True)
        assert part.equals(alone) or len(part) == len(alone) == 0
    table = batch.to_pandas()
    assert table["network"].tolist() == np.repeat(labels, sizes).tolist()


def test_a_stack_is_saved_and_loaded(tmp_path: Path) -> None:
    batch = Connectome.stack([network(seed, n)[0] for seed, n in enumerate((5, 0, 20))], leading_ids=["a", "b", "c"])
    batch.save(tmp_path / "c.nc")
    assert Connectome.load(tmp_path / "c.nc").identical(batch)
    assert Connectome.from_xarray(batch.to_xarray()).identical(batch)
    assert "3 networks x 7 units, edges" in repr(batch)


def test_what_cannot_be_put_together_is_refused(changing: tuple[Connectome, Connectome]) -> None:
    listed, matrix = network(0, 5)
    other = Connectome.from_edges([0], [1], n_units=7, weight=[1.0], delay=0.1, pvalue=[0.5])
    bare = Connectome.from_edges([0], [1], unit_ids=LABELS, weight=[1.0])
    for wrong, words in (
        ([], "at least one"), ("ab", "list of Connectome"), ([1], "list of Connectome"), (listed, "list of Connectome"),
        ([listed, matrix], "all be matrices"), ([listed, other], "the same units"), ([listed, bare], "the same fields"),
        ([listed, changing[0]], "at one time"), ([Connectome.stack([listed])], "one network"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            Connectome.stack(wrong)
    for ids in ([1, 1], [1], ["a", "b", "c"]):
        with pytest.raises(SynferError, match="leading_ids"):
            Connectome.stack([listed, listed], leading_ids=ids)
    ends = {"source": [0, 1], "target": [1, 0], "n_units": 2}
    for given_, words in (
        ({"leading": "time"}, "leading_ids must be given"), ({"leading": "network"}, "Connectome.stack"),
        ({"leading_ids": [1.0]}, "Connectome.stack"),
        ({"leading": np.ones(2)}, "leading axis"), ({"leading": "time", "leading_ids": [2.0, 1.0]}, "increasing"),
    ):  # fmt: skip
        with pytest.raises(SynferError, match=words):
            Connectome.from_edges(**ends, weight=np.ones(2), **given_)
    with pytest.raises(ShapeError, match=r"weight must have shape \(time, edge\) = \(2, 2\); got \(3, 2\)"):
        Connectome.from_edges(**ends, score=np.ones(2), weight=np.ones((3, 2)), leading="time", leading_ids=[0.0, 1.0])
    batch = Connectome.stack([listed, listed])
    for wrong in (2, [0, 0], [], "a", [[0, 1]], [[0]], 1.5):
        with pytest.raises(InputError, match="network must select"):
            batch.isel(network=wrong)
    broken = batch.to_xarray().copy(deep=True)
    broken["of"] = ("edge", broken["of"].values[::-1].copy())
    with pytest.raises(InputError, match="of must hold positions"):
        Connectome.from_xarray(broken)
    with pytest.raises(InputError, match="graph holds one network"):
        batch.to_networkx()
