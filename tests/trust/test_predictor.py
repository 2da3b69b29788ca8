from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synfer.errors import FileError, InputError
from synfer.trust.measures import FEATURES
from synfer.trust.predictor import GOOD, Predictor, read_table


def made(n_kinds: int, each: int, seed: int) -> pd.DataFrame:
    """AUROC hangs on two features, and by an error of its own on the kind."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.random((n_kinds * each, len(FEATURES))), columns=list(FEATURES))
    table["kind"] = np.repeat([f"kind{k}" for k in range(n_kinds)], each)
    odds = 4 * table["implied_twins"] + 2 * table["halves"] - 2 + np.repeat(rng.normal(0, 0.3, n_kinds), each)
    table["auroc"] = 0.5 + 0.5 / (1 + np.exp(-odds + 1))
    table["fdr"], table["power"] = 0.05 + 0.2 * rng.random(len(table)), table["halves"]
    table.loc[rng.random(len(table)) < 0.1, "echo"] = np.nan
    return table


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(made(24, 10, 0), n_trees=60)


def test_learns_the_rule_and_its_intervals_hold_on_kinds_not_seen(predictor):
    new = made(24, 5, 1)
    said = predictor.predict_table(new)
    assert np.corrcoef(said["auroc_value"], new["auroc"])[0, 1] > 0.85
    assert ((said["auroc_low"] <= new["auroc"]) & (new["auroc"] <= said["auroc_high"])).mean() >= 0.8
    assert (said["auroc_high"] - said["auroc_low"]).median() < 0.4
    assert (said["power_low"] <= said["power_value"]).all() and (said["power_value"] <= said["power_high"]).all()
    one = predictor.predict(new.iloc[3].to_dict())["auroc"]
    same = said.loc[3, ["auroc_value", "auroc_low", "auroc_high"]].astype(float)
    np.testing.assert_allclose([one.value, one.low, one.high], same, rtol=1e-12)


def test_warns_of_nearly_all_that_are_bad_and_left_out(predictor):
    left = predictor.left_out
    bad = left["auroc"] < GOOD
    assert bad.sum() > 20
    assert (left.loc[bad, "auroc_value"] <= predictor.warn_below).mean() >= 0.95
    inside = (left["auroc"] >= left["auroc_low"]) & (left["auroc"] <= left["auroc_high"])
    # One more kind counts as always missed: of 24, .9 x 25 / 24 of the rows left out lie inside.
    assert inside.mean() == pytest.approx(0.9 * 25 / 24, abs=0.02)


def test_left_out_means_not_learnt_from():
    """A kind whose AUROC is told by its features alone elsewhere, and upside down here, is mispredicted."""
    table = made(10, 12, 2)
    odd = table["kind"] == "kind0"
    table.loc[odd, "auroc"] = 1.5 - table.loc[odd, "auroc"]
    left = Predictor(table, n_trees=40).left_out
    assert np.corrcoef(left.loc[odd, "auroc_value"], left.loc[odd, "auroc"])[0, 1] < 0
    rest = np.corrcoef(left.loc[~odd, "auroc_value"], left.loc[~odd, "auroc"])[0, 1]
    assert rest > 0.5


def test_says_what_is_strange(predictor):
    usual = dict.fromkeys(FEATURES, 0.5)
    assert predictor.strange(usual) == []
    assert predictor.strange(usual | {"log_units": 4.0, "gain": -3.0, "echo": float("nan")}) == ["gain", "log_units"]


def test_missing_outcomes_are_not_predicted():
    table = made(5, 10, 3)
    table["fdr"] = np.nan
    predictor = Predictor(table, n_trees=20)
    assert set(predictor.predict(dict.fromkeys(FEATURES, float("nan")))) == {"auroc", "power"}


class TestRefuses:
    def test_a_table_without_columns(self):
        with pytest.raises(InputError, match=r"table must have columns halves, power; make it by bench/trust.py"):
            Predictor(made(4, 10, 0).drop(columns=["halves", "power"]))

    @pytest.mark.parametrize(("kinds", "each"), [(2, 30), (4, 4)])
    def test_too_little(self, kinds, each):
        with pytest.raises(InputError, match="at least 3 kinds and 20 rows"):
            Predictor(made(kinds, each, 0))

    def test_a_coverage_that_is_none(self):
        with pytest.raises(InputError, match=r"coverage must lie in \[.5, 1\); got 1.2"):
            Predictor(made(4, 10, 0), coverage=1.2)

    def test_what_is_no_table(self, tmp_path):
        with pytest.raises(FileError, match=r"no table of bench/trust\.py"):
            read_table(tmp_path / "none.csv")
        (tmp_path / "empty.csv").write_bytes(b"")
        with pytest.raises(FileError, match=r"no table of bench/trust\.py"):
            read_table(tmp_path / "empty.csv")
