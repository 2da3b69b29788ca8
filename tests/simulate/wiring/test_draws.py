"""Draws of pairs and of sets of numbers: every outcome as likely as it should be."""

from __future__ import annotations

import importlib
import itertools
import pkgutil

import networkx as nx
import numpy as np
import pytest
import scipy.stats

from synfer import simulate
from synfer.simulate.wiring import draws

from .conftest import all_alike, plausible


def test_pairs_are_chosen_with_their_blocks_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "CHUNK", 50)  # so that blocks are cut, and several lie in one go
    n_pairs, p = np.array([40, 0, 7, 130, 1, 60, 0]), np.array([0.1, 0.5, 0.9, 0.2, 1.0, 0.6, 0.3])
    first, trials = np.cumsum(n_pairs) - n_pairs, 3000
    chosen = np.zeros((trials, n_pairs.sum()), bool)
    for k in range(trials):
        block, index = draws.bernoulli_pairs(np.random.default_rng(k), n_pairs, p)
        assert np.all((index >= 0) & (index < n_pairs[block]))
        pair = first[block] + index
        assert np.all(np.diff(pair) > 0)
        chosen[k, pair] = True
    each = np.repeat(p, n_pairs)
    for value in np.unique(each):
        counts = chosen[:, each == value].sum(0)
        assert np.all(counts == trials) if value == 1 else all_alike(counts, trials, value)
    # Independent of each other: the number in a block is binomial.
    for k in (0, 2, 3, 5):
        count = chosen[:, first[k] : first[k] + n_pairs[k]].sum(1)
        expected = n_pairs[k] * p[k] * (1 - p[k])
        assert abs(count.var() / expected - 1) < 5 * np.sqrt(2 / trials)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_none_and_all(p: float) -> None:
    _, index = draws.bernoulli_pairs(np.random.default_rng(0), np.array([1000]), np.array([p]))
    assert index.tolist() == list(range(int(1000 * p)))


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 6])  # more than half are chosen by another way
def test_every_set_of_numbers_is_as_likely(k: int) -> None:
    trials = 6000
    rows = draws.distinct_numbers(np.random.default_rng(1), trials, k, 6)
    assert rows.shape == (trials, k)
    assert np.all(np.diff(rows, axis=1) > 0)
    sets = list(itertools.combinations(range(6), k))
    counts = [np.count_nonzero((rows == wanted).all(axis=1)) for wanted in sets]
    assert sum(counts) == trials
    assert len(sets) == 1 or scipy.stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("n", [6, 40])
def test_numbers_taken_are_kept_and_the_rest_as_likely(n: int) -> None:
    taken = np.tile([3, -1, 5, -1], (4000, 1))
    rows = draws.distinct_numbers(np.random.default_rng(2), 4000, 4, n, taken)
    assert np.all(np.diff(rows, axis=1) > 0)
    assert np.all((rows == 3).any(axis=1) & (rows == 5).any(axis=1))
    others = np.bincount(rows.ravel(), minlength=n)[[number for number in range(n) if number not in (3, 5)]]
    assert others.sum() == 8000
    assert scipy.stats.chisquare(others).pvalue > 1e-4


def test_growth_has_the_law_of_degrees_and_networkxs() -> None:
    n, m = 4000, 3
    new, old = draws.preferential_attachment(np.random.default_rng(3), n, m)
    assert len(new) == m * (n - m)
    assert len(set(zip(new.tolist(), old.tolist(), strict=True))) == len(new)
    assert np.all(new > old)
    degree = np.bincount(np.concatenate([new, old]), minlength=n)
    assert degree.min() >= m
    for least in (5, 10, 20, 40):  # P(D >= d) = m (m + 1) / (d (d + 1))
        assert plausible(np.count_nonzero(degree >= least), n, m * (m + 1) / (least * (least + 1)))
    theirs = [d for _, d in nx.barabasi_albert_graph(n, m, seed=4).degree]
    # Ties make this test stricter than said, not laxer.
    assert scipy.stats.ks_2samp(degree, theirs).pvalue > 1e-3


def test_generators_of_networks_in_turn_are_those_made_anew() -> None:
    for seed in (0, 3, 2**64 - 1):
        in_turn = draws.Generators(seed, draws.WEIGHT_STREAM)
        for network_id in (5, 0, 5, 2**40):
            used, anew = in_turn.of(network_id), draws.generator_of(seed, network_id, draws.WEIGHT_STREAM)
            assert np.array_equal(used.random(7), anew.random(7))
            used.integers(0, 3, 3, dtype=np.int32), used.normal(size=3)  # leaves halves of words behind


def test_no_two_things_are_drawn_from_one_stream() -> None:
    """All streams of `generator_of` stand in `draws`, and each number once."""
    streams = {name: value for name, value in vars(draws).items() if name.endswith("_STREAM")}
    assert len(set(streams.values())) == len(streams) == 9
    for found in pkgutil.walk_packages(simulate.__path__, "synfer.simulate."):
        if "reference" in found.name:  # the core's streams, of other random numbers
            continue
        for name, value in vars(importlib.import_module(found.name)).items():
            assert not name.endswith("_STREAM") or streams[name] == value, f"{found.name}.{name}"
