"""The table of edges: who and where first, what never differs said once."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest

import synfer as sf

pytest.importorskip("plotly")
from synfer.report import edges

ABOUT = {"probe": ["A"] * 3, "depth": [1.5, 2.0, 2.5], "brain_area": ["CA1", "CA1", "CA3"], "sorter": ["k", "k", "m"]}


def columns(connectome):
    return [html.unescape(name) for name in re.findall("<th>(.*?)</th>", edges.section(connectome))]


def test_areas_stand_beside_their_units_and_the_rest_behind_the_score():
    pvalue = np.full((3, 3), 1e-6)
    made = sf.Connectome(np.arange(9.0).reshape(3, 3), weight=-np.ones((3, 3)), pvalue=pvalue, unit_info=ABOUT)
    assert columns(made) == [
        "source", "brain_area", "target", "brain_area", "score", "source depth", "target depth", "source sorter",
        "target sorter",
    ]  # fmt: skip
    text = edges.section(made)
    assert "The first 6 of 6 significant edges. The same of all these: weight -1; p 1e-06; p (corrected) 1e-06" in text
    assert "; probe A." in text and "probe</th>" not in text
    first = re.findall("<td>(.*?)</td>", text)[:5]
    assert first == ["1", "CA1", "2", "CA3", "7"]


def test_without_areas_or_with_one_edge_nothing_is_lost():
    one = sf.Connectome.from_weights([[0, 2.0], [0, 0]], delay=1e-3, unit_info={"note": ["", "n"]})
    assert columns(one) == ["source", "target", "score", "weight", "delay (s)", "source note", "target note"]
    two = sf.Connectome.from_weights([[0, 2.0], [3.0, 0]], delay=1e-3)
    assert columns(two) == ["source", "target", "score", "weight"]
    assert "The first 2 of 2 edges by score. The same of all these: delay (s) 0.001." in edges.section(two)
    ends = sf.Connectome.from_weights([[0, 2.0, 3.0], [0, 0, 0], [0, 0, 0]], unit_info={"kind": ["i", "e", "e"]})
    assert "The same of all these" not in edges.section(ends).replace("The same of all these: source", "")
