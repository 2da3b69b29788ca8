"""How near the truth such answers came where it was known: a small model, learnt from a table, with intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor

from synfer.errors import FileError, InputError
from synfer.storage import StrPath, as_path
from synfer.trust.measures import FEATURES

OUTCOMES = ("auroc", "fdr", "power")
GOOD = 0.8
"""AUROC below which an answer is warned of."""
CAUGHT = 0.97  # share of such recordings of kinds left out that the threshold catches: 95 % with something to spare
COVERAGE = 0.9
TREES = 150
FEWEST = 3  # kinds, of which one is left out in turn
FEWEST_ROWS = 20
EDGE = 0.01  # AUROC and shares are learnt as log odds of values so far from 0 and 1 at least
SPREAD = 0.1  # added to the trees' spread: in log odds


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A figure that is not known, and where it lies in 90 % of recordings of kinds that were not learnt from.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float


class Predictor:
    """Learns AUROC, false discovery rate and power from the features of answers whose truth is known.

    Extremely randomised trees on the log odds of each outcome, missing features replaced by the column's median (and
    said to be missing in a column of its own). Intervals are conformal over kinds of systems: each kind is predicted
    from the others, and the ``coverage`` quantile of |error| / (spread of the trees + .1) over all rows, each kind of
    equal weight and one more kind of infinite errors counted, is what the spread of a new prediction is multiplied by
    (the largest such error where there are too few kinds for that).

    Parameters
    ----------
    table : DataFrame
        One row a recording and method: `FEATURES`, "kind" (of system), and `OUTCOMES`, NaN where there is none.
    coverage : float
        Of the intervals.
    n_trees : int
        Of each outcome.
    random_state : int
        Of the trees.

    Attributes
    ----------
    left_out : DataFrame
        Predictions of each row by what was learnt from other kinds: "kind", and of each outcome the truth, ``_value``,
        ``_low``, ``_high``.
    warn_below : float
        Predicted AUROC below which to warn: so that 97 % of the rows left out whose AUROC is below .8 are.
    n_kinds, n_rows : int

    Raises
    ------
    InputError
        Columns are missing, or there are fewer than 3 kinds or 20 rows.

    References
    ----------
    P. Geurts, D. Ernst and L. Wehenkel, Machine Learning 63 (2006), 3-42. J. Lei et al., J. Am. Stat. Assoc. 113
    (2018), 1094-1111. R. Barber et al., Ann. Stat. 49 (2021), 486-507. R. Dunn, L. Wasserman and A. Ramdas, J. Am.
    Stat. Assoc. 118 (2023), 2491-2502: where observations come in groups.
    """

    def __init__(
        self, table: pd.DataFrame, *, coverage: float = COVERAGE, n_trees: int = TREES, random_state: int = 0
    ) -> None:
        missing = [name for name in (*FEATURES, *OUTCOMES, "kind") if name not in table.columns]
        if missing:
            raise InputError(f"table must have columns {', '.join(missing)}; make it by bench/trust.py.")
        if table["kind"].nunique() < FEWEST or len(table) < FEWEST_ROWS:
            raise InputError(
                f"table must hold at least {FEWEST} kinds and {FEWEST_ROWS} rows; got {table['kind'].nunique()} and "
                f"{len(table)}: let bench/trust.py make more."
            )
        if not 0.5 <= coverage < 1:
            raise InputError(f"coverage must lie in [.5, 1); got {coverage}.")
        self.coverage, self.n_trees, self.random_state = coverage, int(n_trees), random_state
        table = table.reset_index(drop=True)
        self.n_kinds, self.n_rows = int(table["kind"].nunique()), len(table)
        self._median = table[list(FEATURES)].astype(float).median().fillna(0.0).to_numpy()
        x = self._design(table[list(FEATURES)].to_numpy(dtype=np.float64))
        self._low, self._high = np.nanpercentile(table[list(FEATURES)].astype(float), [0.5, 99.5], axis=0)
        kinds = table["kind"].to_numpy()
        left_out = pd.DataFrame({"kind": kinds})
        self._trees: dict[str, ExtraTreesRegressor] = {}
        self._factor: dict[str, float] = {}
        for name in OUTCOMES:
            y = table[name].to_numpy(dtype=np.float64)
            known = np.isfinite(y)
            if known.sum() < FEWEST_ROWS or len(np.unique(kinds[known])) < FEWEST:
                continue
            odds = _odds(y[known])
            value, spread = self._left_out(x[known], odds, kinds[known])
            self._factor[name] = _quantile(np.abs(odds - value) / (spread + SPREAD), kinds[known], coverage)
            self._trees[name] = self._grown(x[known], odds, kinds[known])
            half = self._factor[name] * (spread + SPREAD)
            left_out[name] = y
            for which, what in (("value", value), ("low", value - half), ("high", value + half)):
                column = np.full(len(table), np.nan)
                column[known] = _end(which, what)
                left_out[f"{name}_{which}"] = column
        self.left_out = left_out
        self.warn_below = GOOD
        if "auroc" in self._trees:
            bad = left_out.loc[left_out["auroc"] < GOOD, "auroc_value"].dropna()
            if len(bad):
                self.warn_below = max(GOOD, float(np.quantile(bad, CAUGHT)))

    def _design(self, features: np.ndarray) -> np.ndarray:
        absent = ~np.isfinite(features)
        return np.concatenate([np.where(absent, self._median, features), absent.astype(float)], axis=1)

    def _grown(self, x: np.ndarray, y: np.ndarray, kinds: np.ndarray) -> ExtraTreesRegressor:
        trees = ExtraTreesRegressor(
            self.n_trees, min_samples_leaf=3, max_features=0.5, n_jobs=1, random_state=self.random_state
        )
        return trees.fit(x, y, sample_weight=_even(kinds))

    def _left_out(self, x: np.ndarray, y: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, spread = np.empty(len(y)), np.empty(len(y))
        for kind in np.unique(kinds):
            here = kinds == kind
            value[here], spread[here] = _said(self._grown(x[~here], y[~here], kinds[~here]), x[here])
        return value, spread

    def predict(self, features: Mapping[str, float]) -> dict[str, Prediction]:
        """Predict the outcomes of one answer.

        Parameters
        ----------
        features : dict
            `FEATURES` by name; NaN where something was not asked.

        Returns
        -------
        dict of str to Prediction
            Of those outcomes that the table holds.
        """
        made = self.predict_table(pd.DataFrame([{name: float(features[name]) for name in FEATURES}])).iloc[0]
        return {
            name: Prediction(*(float(made[f"{name}_{which}"]) for which in ("value", "low", "high")))
            for name in self._trees
        }

    def predict_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Predict the outcomes of many answers: of each outcome the columns ``_value``, ``_low`` and ``_high``."""
        x = self._design(table[list(FEATURES)].to_numpy(dtype=np.float64))
        columns = {}
        for name, trees in self._trees.items():
            value, spread = _said(trees, x)
            half = self._factor[name] * (spread + SPREAD)
            for which, odds in (("value", value), ("low", value - half), ("high", value + half)):
                columns[f"{name}_{which}"] = _end(which, odds)
        return pd.DataFrame(columns, index=table.index)

    def strange(self, features: Mapping[str, float]) -> list[str]:
        """Name the features that lie beyond what the table has seen (its .5 and 99.5 %, and a twentieth more)."""
        given = np.array([float(features[name]) for name in FEATURES])
        margin = 0.05 * (self._high - self._low) + 1e-9
        with np.errstate(invalid="ignore"):
            beyond = (given < self._low - margin) | (given > self._high + margin)
        return [name for name, out in zip(FEATURES, beyond, strict=True) if out]


def _odds(y: np.ndarray) -> np.ndarray:
    inside = np.clip(y, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(inside / (1.0 - inside)))


def _share(odds: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def _end(which: str, odds: np.ndarray) -> np.ndarray:
    """Shares; an interval that reaches to where 0 and 1 were learnt reaches to them."""
    share = _share(odds)
    if which == "low":
        return np.where(share <= EDGE * (1 + 1e-9), 0.0, share)
    return np.where(share >= 1.0 - EDGE * (1 + 1e-9), 1.0, share) if which == "high" else share


def _even(kinds: np.ndarray) -> np.ndarray:
    """Weights that sum to the same for each kind."""
    _, place, number = np.unique(kinds, return_inverse=True, return_counts=True)
    return np.asarray(len(kinds) / (len(number) * number[place]))


def _said(trees: ExtraTreesRegressor, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread over trees."""
    narrow = np.asarray(x, dtype=np.float32)  # what trees compare in; checked once, and not by each
    each = np.stack([tree.tree_.predict(narrow)[:, 0] for tree in trees.estimators_])
    return each.mean(axis=0), each.std(axis=0)


def _quantile(error: np.ndarray, kinds: np.ndarray, coverage: float) -> float:
    """Quantile of errors, each kind of equal weight and one more of infinite errors: what is new is a draw of kinds."""
    weight = _even(kinds)
    order = np.argsort(error)
    n_kinds = len(np.unique(kinds))
    reached = np.cumsum(weight[order]) / (weight.sum() * (n_kinds + 1) / n_kinds)
    return float(error[order][min(int(np.searchsorted(reached, coverage)), len(error) - 1)])


def read_table(path: StrPath) -> pd.DataFrame:
    """Read a table of `bench/trust.py`.

    Raises
    ------
    FileError
        It is missing, or no table.
    """
    place = as_path(path)
    try:
        return pd.read_csv(place)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors, as are those of decoding
        raise FileError(f"cannot read {str(path)!r}: no table of bench/trust.py ({error}).") from None
