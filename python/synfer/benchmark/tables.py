"""What is made of the rows: means over networks with their intervals, as text."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

MEANS = (
    "auroc",
    "auprc",
    "prevalence",
    "auroc_undirected",
    "direction_accuracy",
    "sign_accuracy",
    "r2",
    "seconds",
    "peak_mb",
)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the networks of each set, for each method.

    Parameters
    ----------
    rows : DataFrame
        As `run` gives it.

    Returns
    -------
    DataFrame
        method, set, networks (fits with a figure), failed, and the means of the figures; ``auroc_low`` and
        ``auroc_high`` are the 95 % interval of the mean (Student's, NaN for one network), ``auroc_min`` the worst
        network; ``direction_low`` and ``direction_high`` the 95 % interval (Wilson's) of the share of edges that go
        one way whose direction is right, all networks together.
    """
    made = []
    for (method, name), group in rows.groupby(["method", "set"], sort=False):
        auroc = group["auroc"].astype(float).dropna()
        low = high = np.nan
        if len(auroc) > 1:
            half = stats.t.ppf(0.975, len(auroc) - 1) * auroc.std(ddof=1) / np.sqrt(len(auroc))
            low, high = auroc.mean() - half, min(auroc.mean() + half, 1.0)
        direction, one_way = group["direction_accuracy"].astype(float), group["n_one_way"].astype(float)
        judged = direction.notna() & one_way.notna()
        right, of = float((direction * one_way)[judged].sum()), float(one_way[judged].sum())
        bounds = proportion_confint(right, of, method="wilson") if of > 0 else (np.nan, np.nan)
        made.append(
            {
                "method": method, "set": name, "networks": len(auroc),
                "failed": int(group["error"].notna().sum()),
                **{column: group[column].astype(float).mean() for column in MEANS},
                "direction_accuracy": right / of if of > 0 else np.nan,
                "auroc_low": low, "auroc_high": high, "auroc_min": auroc.min(),
                "direction_low": bounds[0], "direction_high": bounds[1],
            }
        )  # fmt: skip
    return pd.DataFrame(made)


def refusals(rows: pd.DataFrame) -> list[str]:
    """Say why fits failed: a line for each reason that a method gave on a set.

    Parameters
    ----------
    rows : DataFrame
        As `run` gives it.
    """
    failed = rows[rows["error"].notna()]
    totals = rows.groupby(["method", "set"]).size()
    return [
        f"{method} failed on {len(group)} of {totals[method, name]} networks of {name}: {error}"
        for (method, name, error), group in failed.groupby(["method", "set", "error"], sort=False)
    ]


def as_markdown(table: pd.DataFrame) -> str:
    """Write a table in Markdown; figures to three decimals, nothing where there is none."""

    def shown(value: object) -> str:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return ""
        text = f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        return text.replace("|", "\\|").replace("\n", " ")

    lines = ["| " + " | ".join(table.columns) + " |", "| " + " | ".join("---" for _ in table.columns) + " |"]
    lines += ["| " + " | ".join(shown(value) for value in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines) + "\n"
