"""Known pairs: what is refused, and that nothing of what is held out is seen while learning."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from synfer.discover.d2cl import split_pairs
from synfer.discover.d2cl.labels import all_pairs, read_labels
from synfer.errors import InputError, ShapeError, UnknownNameError

IDS = np.array(["a", "b", "c", "d"])


def test_pairs_are_read_by_label():
    pairs, labels = read_labels([("a", "c")], np.array([["c", "a"], ["b", "d"]]), IDS)
    assert pairs.tolist() == [[0, 2], [2, 0], [1, 3]]
    assert labels.tolist() == [1, 0, 0]
    pairs, _ = read_labels(np.array([[7, 9]]), None, np.array([9, 7]))
    assert pairs.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("edges", "others", "error", "message"),
    [
        ([("a", "b")], [("c", "d"), ("a", "b")], InputError, "contradict each other, got a -> b in both"),
        ([("a", "e")], None, InputError, "known_edges must name units of X, got 'e', which is none of them"),
        (None, [("a", "a")], InputError, "known_non_edges must be of two different units, got 'a' -> 'a'"),
        ([("a", "b"), ("a", "b")], None, InputError, "known_edges must name each pair once, got a -> b twice"),
        ([("a", "b", "c")], None, ShapeError, r"known_edges must be pairs \(source, target\), got \('a', 'b', 'c'\)"),
        ([3], None, ShapeError, r"known_edges must be pairs \(source, target\), got 3 among them: give a list"),
        (["ab"], None, ShapeError, r"known_edges must be pairs \(source, target\), got 'ab' among them"),
        (
            pd.DataFrame({"source": ["a"], "target": ["b"]}),
            None,
            ShapeError,
            r"known_edges must be .* got a DataFrame: give its rows, as in known_edges\[\['source', 'target'\]\].to_n",
        ),
        (7, None, ShapeError, r"known_edges must be a sequence of pairs \(source, target\), got a int"),
        ([(["a"], "b")], None, InputError, r"known_edges must name units of X, got \['a'\], which is none of them"),
    ],
)
def test_what_contradicts_or_is_no_pair_is_refused(edges, others, error, message):
    with pytest.raises(error, match=message):
        read_labels(edges, others, IDS)


def test_true_is_no_label_for_1():
    with pytest.raises(InputError, match="known_edges must name units of X, got True"):
        read_labels([(True, 0)], None, np.arange(3))


def known(n=14, share=0.6, seed=0):
    rng = np.random.default_rng(seed)
    pairs = all_pairs(n)
    pairs = pairs[rng.random(len(pairs)) < share]
    return pairs, (rng.random(len(pairs)) < 0.3).astype(float)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("by", ["pair", "source"])
def test_no_image_of_what_is_held_out_is_learnt_from(by, seed):
    """A pair's image is its reverse's, transposed: whatever the cut, no two units are together in both parts."""
    pairs, labels = known(seed=seed)
    learning, held = split_pairs(pairs, labels, by=by, random_state=seed)
    together = [{frozenset(pair) for pair in pairs[part].tolist()} for part in (learning, held)]
    assert not together[0] & together[1]
    assert not set(learning) & set(held)
    assert all(len(np.unique(labels[part])) == 2 for part in (learning, held))
    if by == "pair":
        assert sorted([*learning, *held]) == list(range(len(pairs)))


@pytest.mark.parametrize("seed", range(5))
def test_by_source_no_intervened_variable_is_in_both_parts(seed):
    pairs, labels = known(seed=seed)
    learning, held = split_pairs(pairs, labels, by="source", fraction=0.3, random_state=seed)
    sources = [set(pairs[part, 0].tolist()) for part in (learning, held)]
    assert not sources[0] & sources[1]
    assert len(sources[1]) == 4  # of 14
    left_out = np.setdiff1d(np.arange(len(pairs)), [*learning, *held])
    reverse = {tuple(pair) for pair in pairs[held].tolist()}
    assert all((target, source) in reverse for source, target in pairs[left_out].tolist())


def test_a_cut_is_the_seed_s():
    pairs, labels = known()
    first, second = (split_pairs(pairs, labels, random_state=3)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.tolist() != split_pairs(pairs, labels, random_state=4)[1].tolist()


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(InputError, match="edges and non-edges in both parts when cut by pair, got 1 edges and 2 non-"):
        split_pairs([[0, 1], [1, 2], [2, 3]], [1, 0, 0])
    with pytest.raises(UnknownNameError, match="did you mean 'source'"):
        split_pairs([[0, 1]], [1], by="sources")


PAIRS = [[0, 1], [1, 2], [2, 3]]


@pytest.mark.parametrize(
    ("pairs", "labels", "fraction", "error", "message"),
    [
        (PAIRS, [1, 0], 0.2, ShapeError, r"labels must be one for each of 3 pairs; got shape \(2,\)"),
        (PAIRS, [2, 0, 1], 0.2, InputError, "labels must be 1 for an edge and 0 for none; got 2"),
        (PAIRS, ["a", "b", "c"], 0.2, InputError, "labels must be an array of numbers"),
        ([0, 1], [1, 0], 0.2, ShapeError, r"pairs must be of shape \(pair, 2\), .* got \(2,\)"),
        ([], [], 0.2, ShapeError, r"pairs must be of shape \(pair, 2\), .* got \(0,\)"),
        ([[0, 1], [1]], [1, 0], 0.2, InputError, "pairs must be an array, or lists of equal lengths"),
        (PAIRS, [1, 0, 1], "a", InputError, "fraction must be a finite number; got 'a'"),
        (PAIRS, [1, 0, 1], 2, InputError, "fraction must lie between 0 and 1; got 2"),
        (PAIRS, [1, 0, 1], -1, InputError, "fraction must lie between 0 and 1; got -1"),
    ],
)
def test_what_is_no_pair_label_or_share_is_refused(pairs, labels, fraction, error, message):
    with pytest.raises(error, match=message):
        split_pairs(pairs, labels, fraction=fraction)


def test_pairs_of_a_table_are_those_of_its_labels():
    pairs, labels = known()
    table = pd.DataFrame(np.array(list("abcdefghijklmn"))[pairs]).astype(object).to_numpy()
    of_table, of_positions = (split_pairs(given, labels, random_state=0) for given in (table, pairs))
    np.testing.assert_array_equal(of_table[0], of_positions[0])
    np.testing.assert_array_equal(of_table[1], of_positions[1])


def test_what_is_hopeless_is_refused_at_once():
    """One edge among thousands of groups: no draw can help."""
    pairs = all_pairs(100)
    labels = (np.arange(len(pairs)) == 17).astype(float)
    start = time.process_time()
    with pytest.raises(InputError, match="edges in 1 and non-edges in 4950 of them"):
        split_pairs(pairs, labels)
    assert time.process_time() - start < 2.0  # minutes, where all are tried


@pytest.mark.parametrize("by", ["pair", "source"])
def test_two_edges_among_many_others_go_one_to_each_part(by):
    pairs = all_pairs(60)
    labels = np.zeros(len(pairs))
    labels[[17, 2000]] = 1.0
    learning, held = split_pairs(pairs, labels, by=by, fraction=0.05, random_state=0)
    assert labels[learning].sum() == labels[held].sum() == 1
    assert 0.03 < len(held) / len(pairs) < 0.08  # and no more is held out than was asked for
    ids = np.array([f"n{k:02}" for k in range(60)])
    again = split_pairs(ids[pairs], labels, by=by, fraction=0.05, random_state=0)
    np.testing.assert_array_equal(again[0], learning)
