"""What the page's parts share, against the same asked in the plainest way, and that it is asked once."""

from __future__ import annotations

import numpy as np
import pytest

import synfer as sf
from synfer.report import write
from synfer.report.evidence import ALPHA, STEPS, evidence_of
from synfer.report.methods import doubts

pytest.importorskip("plotly")


def made(n, *, pvalue=True, seed=0, none=False):
    rng = np.random.default_rng(seed)
    score = rng.gamma(1.0, 1.0, (n, n)).round(1)  # zeros and equal ones among them
    score[rng.random((n, n)) < 0.1] = np.nan
    p = rng.random((n, n)) if none else np.where(rng.random((n, n)) < 0.3, 1e-6, rng.random((n, n)))
    return sf.Connectome(score, weight=score, pvalue=p if pvalue else None)


@pytest.mark.parametrize("kind", [{}, {"pvalue": False}, {"none": True}, {"seed": 4}])
def test_it_is_what_each_part_would_find_by_itself(kind):
    connectome = made(7, **kind)
    evidence = evidence_of(connectome)
    score = connectome.score.values
    apart = ~np.eye(7, dtype=bool)
    positive = score[apart & (score > 0)]
    expected = {0.0, *np.quantile(positive, np.arange(1, STEPS) / (STEPS - 1)).tolist()}
    if connectome.pvalue is None:
        assert evidence.called is None and evidence.significant_from is None
    else:
        called = connectome.edges(alpha=ALPHA)
        assert evidence.called.equals(called)
        least = called["score"].min() if len(called) else 1.05 * np.nanmax(score)
        assert evidence.significant_from == pytest.approx(least, rel=1e-15) and (len(called) == 0) == kind.get(
            "none", False
        )
        expected.add(least)
    np.testing.assert_allclose(evidence.steps, sorted(expected), rtol=1e-15)
    assert evidence.reach == [int(np.sum(apart & (score > 0) & (score >= step))) for step in evidence.steps]


def test_without_a_positive_score_there_is_one_step():
    evidence = evidence_of(sf.Connectome(np.zeros((3, 3)), pvalue=np.ones((3, 3))))
    assert evidence.steps.tolist() == [0.0] and evidence.reach == [0] and len(evidence.called) == 0


@pytest.mark.parametrize("pvalue", [True, False])
def test_a_page_lists_all_edges_once(tmp_path, monkeypatch, pvalue):
    asked = []
    edges = sf.Connectome.edges

    def counted(self, *arguments, **options):
        asked.append(options.get("most"))
        return edges(self, *arguments, **options)

    monkeypatch.setattr(sf.Connectome, "edges", counted)
    write(tmp_path / "r.html", made(6, pvalue=pvalue))
    assert asked.count(None) == int(pvalue)


def test_what_counts_coupling_within_a_sample_is_said():
    found = sf.Connectome(
        np.random.default_rng(0).random((4, 4)), parameters={"instantaneous": True}, method="Synformer"
    )
    told = doubts(found, evidence_of(found))
    assert "which has no direction" in told[0]
    coupling = sf.Connectome(found.score, parameters=found.parameters, method="Synformer.instantaneous_")
    assert "no direction: each pair stands here twice" in doubts(coupling, evidence_of(coupling))[0]
    plain = sf.Connectome(found.score, parameters={"instantaneous": False}, method="Synformer")
    assert not any("within a sample" in one for one in doubts(plain, evidence_of(plain)))
