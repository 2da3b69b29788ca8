"""DREAM3: trajectories as trials, the truth as a list."""

import numpy as np
import pytest

from synfer.datasets import load_dream3
from synfer.discover import ConditionalGranger
from synfer.errors import FileError

HEADER = '"Time"\t"G1"\t"G2"\t"G3"\n'
# Squares: of equally spaced values each gene would be another one plus a constant, which no estimator reads.
TRIALS = np.arange(18.0).reshape(2, 3, 3) ** 2
EDGES = "G1\tG2\t1\nG1\tG3\t0\nG2\tG1\t0\nG2\tG3\t0\nG3\tG1\t0\nG3\tG2\t1\n"


def write(folder, table=None, edges=EDGES):
    rows = [
        "".join(f"{10.0 * k}\t" + "\t".join(map(repr, row)) + "\n" for k, row in enumerate(t.tolist())) for t in TRIALS
    ]
    (folder / "d.tsv").write_text(HEADER + "\n".join(rows) if table is None else table)
    (folder / "d_true.txt").write_text(edges)
    return folder / "d.tsv"


def test_trajectories_are_trials_and_the_list_is_turned(tmp_path):
    recording, truth = load_dream3(write(tmp_path))
    assert recording.leading == "trial" and recording.dt == 10.0
    np.testing.assert_array_equal(recording["expression"], TRIALS)
    assert recording.unit_ids.tolist() == ["G1", "G2", "G3"]
    assert set(truth.to_networkx().edges) == {("G1", "G2"), ("G3", "G2")}
    assert float(truth.score.sel(target="G2", source="G1")) == 1.0
    assert np.isnan(np.diag(truth.score)).all()


def test_a_discoverer_sees_each_trajectory_apart(tmp_path):
    recording, _ = load_dream3(write(tmp_path))
    assert [s.shape for s in ConditionalGranger(lag=1, ridge=1.0)._read(recording, None, reset=True).segments] == [
        (3, 3),
        (3, 3),
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", r"'d.tsv' in .*, row 1: must name the columns"),
        ("T\tG1\tG2\n0\t1\t2\n", "row 1: must name the columns"),
        (HEADER + "0\t1\t2\tx\n", "row 2: .* holds a cell that is no number"),
        (HEADER + "0\t1\t2\n", "row 2: must hold 4 finite numbers; it has 3 cells"),
        (HEADER + "0\t1\t2\tnan\n", "row 2: must hold 4 finite numbers"),
        (HEADER + "0\t1\t2\t3\n1\t1\t2\t3\n\n0\t1\t2\t3\n", r"their lengths are \[1, 2\]"),
        (HEADER, r"their lengths are \[\]"),
        (HEADER + "0\t1\t2\t3\n1\t1\t2\t3\n3\t1\t2\t3\n", "times must rise by one step"),
    ],
)
def test_a_malformed_table_is_named(tmp_path, table, message):
    with pytest.raises(FileError, match=message):
        load_dream3(write(tmp_path, table))


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ("G1 G2\n", "row 1: must hold two of the table's genes and 0 or 1; it is 'G1 G2'"),
        ("G1 G7 1\n", "row 1: must hold two of the table's genes"),
        ("G1 G2 2\n", "row 1: must hold two of the table's genes and 0 or 1"),
        ("G1 G1 1\n", "row 1: a gene does not regulate itself"),
        (EDGES.replace("G2\tG3\t0\n", ""), "says nothing of G2 -> G3; every ordered pair needs a row"),
    ],
)
def test_a_malformed_truth_is_named(tmp_path, edges, message):
    with pytest.raises(FileError, match=message):
        load_dream3(write(tmp_path, edges=edges))


def test_a_missing_file_is_named(tmp_path):
    path = write(tmp_path)
    (tmp_path / "d_true.txt").unlink()
    with pytest.raises(FileError, match=r"lacks the file 'd_true\.txt', which holds the true edges"):
        load_dream3(path)
    with pytest.raises(FileError, match=r"lacks the file 'e\.tsv'"):
        load_dream3(tmp_path / "e.tsv")


def test_every_published_network(data_folder):
    tables = sorted((data_folder / "dream3").glob("*.tsv"))
    if not tables:
        pytest.skip(f"no published networks in {data_folder}")
    trials = {"10": 4, "50": 23, "100": 46}
    for path in tables:
        size = path.stem.split("_")[1]
        recording, truth = load_dream3(path)
        assert recording.shape == (trials[size], 21, int(size))
        assert 0.01 < np.nanmean(truth.score) < 0.3
