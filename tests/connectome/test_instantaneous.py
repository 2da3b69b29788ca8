"""Coupling within a sample goes where its connectome goes."""

from __future__ import annotations

import numpy as np
import pytest

from synfer import Connectome
from synfer.connectome.table import each_pair_once


@pytest.fixture
def found():
    made = Connectome(np.ones((3, 3)), unit_ids=["a", "b", "c"])
    weight = np.array([[0.0, 0.5, -0.2], [0.5, 0.0, 0.1], [-0.2, 0.1, 0.0]])
    made.instantaneous = Connectome(abs(weight), weight=weight, unit_ids=["a", "b", "c"], method="M.instantaneous_")
    return made


def test_it_is_in_the_file(found, tmp_path):
    found.save(tmp_path / "e.nc")
    assert Connectome.load(tmp_path / "e.nc").instantaneous.identical(found.instantaneous)
    found.instantaneous.save(tmp_path / "i.nc")
    assert Connectome.load(tmp_path / "i.nc").instantaneous is None


def test_it_goes_where_units_go(found):
    part = found.sel(["c", "a"]).instantaneous
    assert part.unit_ids.tolist() == ["c", "a"] and float(part.weight[0, 1]) == -0.2
    assert found.rename({"a": "x"}).instantaneous.unit_ids.tolist() == ["x", "b", "c"]
    assert found.to_matrix().instantaneous is found.instantaneous
    edges = Connectome.from_edges([0], [1], unit_ids=["a", "b", "c"])
    edges.instantaneous = found.instantaneous
    assert edges.to_matrix().instantaneous is found.instantaneous


def test_each_pair_stands_once(found):
    table = each_pair_once(found.instantaneous.edges(), found.unit_ids)
    assert table[["source", "target"]].values.tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
