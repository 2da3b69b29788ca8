"""A truth whose units have other labels: by pairs of labels, or by position; never by guess."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, ShapeError, SynferError
from synfer.evaluate import compare, read_pairs, truth_by_labels, truth_by_position

W = np.array([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0]])
PAIRS = [("left", 3), ("right", 0), ("middle", 1)]


@pytest.fixture
def truth():
    return Connectome.from_weights(W)


@pytest.fixture
def estimate():
    score = np.random.default_rng(0).random((3, 3))
    return Connectome(score, weight=score, unit_ids=["left", "right", "middle"])


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("layout", ["matrix", "edges"])
def test_a_truth_by_labels_is_that_among_the_estimates_units(truth, estimate, text, layout):
    if layout == "edges":
        target, source = np.nonzero(W)
        truth = Connectome.from_edges(source, target, n_units=4, weight=W[target, source])
    pairs = [(one, str(other) if text else other) for one, other in PAIRS]
    named = truth_by_labels(truth, estimate, pairs[::-1])
    assert named.unit_ids.tolist() == ["left", "right", "middle"]
    np.testing.assert_array_equal(named.to_matrix().weight, W[np.ix_([3, 0, 1], [3, 0, 1])])
    by_hand = Connectome.from_weights(W).sel([3, 0, 1]).rename(["left", "right", "middle"])
    assert compare(estimate, named) == compare(estimate, by_hand)


def test_a_truth_by_position_takes_the_labels_in_their_order(truth):
    score = np.random.default_rng(0).random((4, 4))
    estimate = Connectome(score, unit_ids=["a", "b", "c", "d"])
    assert compare(estimate, truth_by_position(truth, estimate)) == compare(Connectome(score), truth)
    with pytest.raises(ShapeError, match="as many units as the truth, 4, to be matched by position; got 3"):
        truth_by_position(truth, estimate.sel(["a", "b", "c"]))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([*PAIRS[:2], ("centre", 1)], "units: 'centre' is no label of the estimate, whose units are 'left', 'right'"),
        ([*PAIRS[:2], ("middle", 9)], "units: '9' is no label of the truth, whose units are '0', '1', '2', '3'"),
        ([*PAIRS, ("left", 2)], "units: 'left' of the estimate is named more than once"),
        ([*PAIRS[:2], ("middle", 0)], "units: '0' of the truth is named more than once"),
        (PAIRS[:2], "for each of the 3 of the estimate; 'middle' has none"),
        (PAIRS[:1], "for each of the 3 of the estimate; 'right', 'middle' have none"),
        ([], "'left', 'right', 'middle' have none"),
    ],
)
def test_unknown_missing_and_repeated_labels_are_refused(truth, estimate, pairs, message):
    with pytest.raises(InputError, match=message):
        truth_by_labels(truth, estimate, pairs)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.csv", "left,3\nright,0\n\nmiddle, 1\n"),
        ("u.csv", "\ufeffestimate,truth\r\nleft,3\r\nright,0\r\nmiddle,1\r\n"),
        ("u.csv", 'Truth,Estimate\n3,left\n0,"right"\n1,middle'),
        ("u.tsv", "left\t3\nright\t0\nmiddle\t1\n"),
    ],
)
def test_pairs_are_read_from_text(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    assert read_pairs(tmp_path / name) == [(one, str(other)) for one, other in PAIRS]


def test_a_label_may_hold_a_comma_and_be_called_as_a_column_is(tmp_path):
    (tmp_path / "u.csv").write_text('estimate,truth\n"a, 1",truth\ntruth,estimate\n')
    assert read_pairs(tmp_path / "u.csv") == [("a, 1", "truth"), ("truth", "estimate")]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (b"left,3\nright\n", InputError, "line 2 of 'u.csv' is 'right'"),
        (b"left,3\n\nright,\n", InputError, "line 3 of 'u.csv'"),
        (b"left,3,4\n", InputError, "line 1 of 'u.csv' is 'left, 3, 4'"),
        (b"", InputError, "'u.csv' has none"),
        (b"estimate,truth\n", InputError, "'u.csv' has none"),
        (b"\xff\xfe\x00", FileError, "as pairs of labels"),
        (b"\x89HDF\r\n\x1a\n", SynferError, "u.csv"),
        (None, FileError, "No such file"),
    ],
)
def test_what_holds_no_pairs_is_refused(tmp_path, text, kind, message):
    if text is not None:
        (tmp_path / "u.csv").write_bytes(text)
    with pytest.raises(kind, match=message):
        read_pairs(tmp_path / "u.csv")
