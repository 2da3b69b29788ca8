import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from synfer.connectome import Connectome
from synfer.connectome.table import CORRECTIONS
from synfer.errors import InputError, UnknownNameError


@pytest.fixture
def tested():
    """Eight units, NaN on the diagonal, about a third of the p-values small."""
    rng = np.random.default_rng(3)
    pvalue = np.where(rng.uniform(size=(8, 8)) < 0.3, rng.uniform(size=(8, 8)) * 1e-2, rng.uniform(size=(8, 8)))
    score = -np.log(pvalue)
    for field in (pvalue, score):
        np.fill_diagonal(field, np.nan)
    return Connectome(score, pvalue=pvalue, weight=rng.normal(size=(8, 8)))


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("alpha", [0.01, 0.2])
def test_corrections_are_those_of_statsmodels(tested, alpha, correction):
    off = ~np.eye(8, dtype=bool)
    rejected, corrected, _, _ = multipletests(tested.pvalue.values[off], alpha=alpha, method=correction)
    expected = {}
    for (target, source), reject, p in zip(np.argwhere(off), rejected, corrected, strict=True):
        if reject:
            expected[source, target] = p
    table = tested.edges(alpha, correction)
    found = {(row.source, row.target): row.pvalue_corrected for row in table.itertuples()}
    assert found == expected
    assert np.all(np.diff(table["score"]) <= 0)
    for row in table.itertuples():
        assert row.pvalue == tested.pvalue.values[row.target, row.source]
        assert row.weight == tested.weight.values[row.target, row.source]


def test_the_corrections_differ(tested):
    assert len(tested.edges(0.2, "fdr_bh")) > len(tested.edges(0.2, "bonferroni")) > 0
    uncorrected = tested.edges(0.2, None)
    assert len(uncorrected) == int(np.sum(tested.pvalue.values <= 0.2))
    np.testing.assert_array_equal(uncorrected["pvalue"], uncorrected["pvalue_corrected"])


def test_each_network_of_a_batch_is_a_family(tested):
    strict = Connectome(np.ones((8, 8)), pvalue=np.full((8, 8), 0.04))
    batch = Connectome(
        np.stack([tested.score, strict.score]),
        pvalue=np.stack([tested.pvalue, strict.pvalue]),
        leading_ids=["real", "flat"],
    )
    table = batch.edges(0.05)
    for label, alone in (("real", tested), ("flat", strict)):
        part = table[table["network"] == label].reset_index(drop=True)
        columns = ["source", "target", "score", "pvalue", "pvalue_corrected"]
        assert part[columns].equals(alone.edges(0.05)[columns])
    assert (table["network"] == "flat").sum() == 8 * 7


@pytest.mark.parametrize("layout", ["matrix", "edges"])
@pytest.mark.parametrize("most", [0, 1, 3, 5, 6, 100])
def test_the_strongest_are_the_first_of_all(layout, most):
    """Of few numbers, many equal and some NaN: against the head of the whole table."""
    rng = np.random.default_rng(most)
    score, pvalue = rng.integers(0, 4, (2, 5, 5)).astype(float), rng.random((2, 5, 5)) ** 3
    score[:, [0, 3], [1, 2]] = np.nan
    made = Connectome(score, pvalue=pvalue, unit_ids=list("abcde"), unit_info={"area": list("xxyyz")})
    if layout == "edges":
        target, source = np.nonzero(~np.eye(5, dtype=bool))
        lists = [
            Connectome.from_edges(
                source, target, unit_ids=list("abcde"), score=s[target, source], pvalue=p[target, source]
            )
            for s, p in zip(score, pvalue, strict=True)
        ]
        made = Connectome.stack(lists)
    for alpha in (None, 0.5):
        whole = made.edges(alpha=alpha)
        first = whole.groupby("network", sort=False).head(most).reset_index(drop=True)
        pd.testing.assert_frame_equal(made.edges(alpha=alpha, most=most), first, check_dtype=most > 0)
        one = made.isel(0)
        pd.testing.assert_frame_equal(
            one.edges(alpha=alpha, most=most), one.edges(alpha=alpha).head(most), check_dtype=most > 0
        )
    for wrong in (-1, 1.5, True):
        with pytest.raises(InputError, match="most must be a whole number"):
            made.edges(most=wrong)


def test_pairs_without_a_p_value_are_no_part_of_the_family():
    pvalue = np.full((3, 3), np.nan)
    pvalue[0, 1] = 0.04
    connectome = Connectome(np.ones((3, 3)), pvalue=pvalue)
    assert connectome.edges(0.05, "bonferroni")[["source", "target", "pvalue_corrected"]].values.tolist() == [
        [1, 0, 0.04]
    ]
    nothing = Connectome(np.ones((3, 3)), pvalue=np.full((3, 3), np.nan))
    assert len(nothing.edges(0.05)) == 0


def test_without_alpha_positive_scores_off_the_diagonal_are_edges():
    score = np.array([[9.0, 0.0, 3.0], [1.0, 9.0, np.nan], [2.0, 3.0, 9.0]])
    table = Connectome(score).edges()
    assert table.columns.tolist() == ["source", "target", "score"]
    assert table.values.tolist() == [[2, 0, 3.0], [1, 2, 3.0], [0, 2, 2.0], [0, 1, 1.0]]
    loops = Connectome.from_edges([0, 1], [0, 0], n_units=2)
    assert loops.edges()[["source", "target"]].values.tolist() == [[1, 0]]


def test_alpha_is_checked(tested):
    with pytest.raises(InputError, match="alpha needs p-values, and this connectome has none"):
        Connectome(np.ones((2, 2))).edges(alpha=0.05)
    for alpha in (0.0, 1.0, -0.1, np.nan):
        with pytest.raises(InputError, match="alpha must lie between 0 and 1"):
            tested.edges(alpha=alpha)
    with pytest.raises(UnknownNameError, match=r"correction 'fdr_hb' does not exist: did you mean .*'fdr_bh'"):
        tested.edges(alpha=0.05, correction="fdr_hb")


def test_the_long_table_has_a_row_a_pair(tested):
    table = tested.to_pandas()
    assert len(table) == 64
    back = table.pivot_table(index="target", columns="source", values="weight")
    np.testing.assert_array_equal(back.to_numpy(), tested.weight)
    batch = Connectome(np.arange(18.0).reshape(2, 3, 3), leading_ids=[4, 5])
    table = batch.to_pandas()
    assert table.columns.tolist() == ["network", "source", "target", "score"]
    assert table["score"].tolist() == list(range(18))
    assert table.iloc[10].tolist() == [5, 1, 0, 10.0]


def test_graphs_take_alpha(tested):
    graph = tested.to_networkx(alpha=0.2, correction="bonferroni")
    table = tested.edges(0.2, "bonferroni")
    assert set(graph.edges) == set(zip(table["source"], table["target"], strict=True))
    assert graph.number_of_nodes() == 8
    first = table.iloc[0]
    assert graph.edges[first["source"], first["target"]]["pvalue_corrected"] == first["pvalue_corrected"]
