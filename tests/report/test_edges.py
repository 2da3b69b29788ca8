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


def few(n_significant, n=5):
    """So many significant pairs, of scores in no order of their p-values."""
    score = np.arange(float(n * n)).reshape(n, n)
    pvalue = np.full((n, n), 0.9)
    pvalue[4, :n_significant] = 1e-6
    pvalue[0, 1] = np.nan
    return sf.Connectome(score, pvalue=pvalue)


def test_where_few_are_significant_the_strongest_others_follow():
    text = edges.section(few(1))
    assert "1 significant edge at a false discovery rate of 0.05; then the 9 that score highest of all other" in text
    cells = np.array(re.findall("<td>(.*?)</td>", text)).reshape(10, -1)
    assert columns(few(1)) == ["source", "target", "score", "p", "p (corrected)", "significant"]
    assert cells[0].tolist() == ["0", "4", "20", "1e-06", "1.9e-05", "yes"]
    assert cells[1].tolist() == ["3", "4", "23", "0.9", "&gt; 0.05", "no"] and (cells[1:, 5] == "no").all()
    none = edges.section(few(0))
    assert "No significant edges at a false discovery rate of 0.05; then the 10 that score highest" in none
    assert "significant no" in none and len(re.findall("<tr", none)) == 11
    small = sf.Connectome(np.ones((2, 2)), pvalue=[[np.nan, np.nan], [1e-6, np.nan]])
    assert "<td>not tested</td>" in edges.section(small) and "&gt; 0.05" not in edges.section(small)


def test_where_nothing_scores_the_table_is_empty():
    text = edges.section(sf.Connectome(np.zeros((3, 3)), pvalue=np.ones((3, 3))))
    assert "The first 0 of 0 significant edges." in text
