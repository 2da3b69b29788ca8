"""The benchmark of D2CL asks for nothing that could have been learnt, and teaches each tower the same."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(BENCH)
        spec = importlib.util.spec_from_file_location("bench_d2cl", BENCH / "d2cl.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


def test_pairs_into_told_variables_are_not_scored(bench):
    """Right about all pairs among 0 .. 7, wrong about all into 8 and 9, whose reverses were told."""
    edge = np.random.default_rng(0).random((10, 10)) < 0.4
    score = edge.astype(float)
    score[8:] = 1.0 - score[8:]
    asked = np.arange(8)
    assert bench.auroc(score, edge, asked) == 1.0
    assert bench.interval(score, edge, asked) == [1.0, 1.0]
    assert bench.auroc(score, edge, asked, np.array([3, 3, 5])) == 1.0
    score[5, 3] = 1.0 - score[5, 3]
    assert bench.auroc(score, edge, asked, np.array([3, 3, 5])) < 1.0  # out of 3 twice, and never 3 -> 3
    assert bench.auroc(score, edge, asked) < 1.0


def test_every_tower_is_taught_the_same_networks(bench):
    """Of a fresh generator each: whatever was drawn before, network k has the same density and weight."""
    first = [bench.drawn(1, k) for k in range(6)]
    assert [bench.drawn(1, k) for k in reversed(range(6))] == first[::-1]
    assert len(set(first)) == 6
    assert all((0.2 <= p <= 0.35) if k % 2 else (0.45 <= p <= 0.6) for k, (p, _) in enumerate(first))
