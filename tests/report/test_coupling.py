"""Coupling within a sample has a section of its own, where there is some."""

from __future__ import annotations

import re

import numpy as np
import pytest

import synfer as sf

pytest.importorskip("plotly")
from synfer.report import coupling, write

HEADING = f"<h2>{coupling.HEADING}</h2>"


def coupled(**parameters):
    """Units 1 and 3 share a shock within each sample, and an area."""
    x = np.random.default_rng(0).normal(size=(1000, 4))
    x[:, 3] -= 0.5 * x[:, 1]
    about = {"unit_info": {"brain_area": ["A", "B", "A", "B"]}}
    recording = sf.Recording({"v": x}, 0.03, **about)
    return sf.discover.ConditionalGranger(lag=1, instantaneous=True, **parameters).fit(recording)


def test_the_significant_pairs_stand_once(tmp_path):
    fit = coupled()
    fit.connectome_.instantaneous = None
    write(tmp_path / "r.html", fit.connectome_)
    assert HEADING not in (tmp_path / "r.html").read_text()  # that of a connectome without it
    fit.connectome_.instantaneous = fit.instantaneous_
    write(tmp_path / "r.html", fit.connectome_)
    page = (tmp_path / "r.html").read_text()
    assert HEADING in page and "What is shared stands below by itself." in page
    text = coupling.section(fit.instantaneous_)
    assert "1 of 6 pairs are coupled at a false discovery rate of 0.05, each pair once." in text
    cells = re.findall("<td>(.*?)</td>", text)
    assert cells[:4] == ["1", "B", "3", "B"] and float(cells[4]) == pytest.approx(-0.45, abs=0.05)
    heads = re.findall("<th>(.*?)</th>", text)
    assert heads[:5] == ["unit", "brain_area", "and unit", "brain_area", "partial correlation"]
    assert "score at least" in text and "(6 pairs)" in text and "(12 pairs)" not in text
    drawn = text.replace("\\u003c", "<").replace("\\u003e", ">")
    assert "unit %{x}<br>and unit %{y}" in drawn and "excites" not in text and "source" not in text


def test_without_p_values_or_pairs(tmp_path):
    ranked = coupled(ridge=1.0).instantaneous_
    text = coupling.section(ranked)
    assert "The 6 most coupled of 6 pairs; the method gives no p-values of it." in text
    assert re.findall("<td>(.*?)</td>", text)[:3:2] == ["1", "3"]
    none = sf.Connectome(np.zeros((3, 3)), weight=np.zeros((3, 3)), pvalue=np.ones((3, 3)))
    assert "0 of 3 pairs are coupled" in coupling.section(none) and "<td>" not in coupling.section(none)
