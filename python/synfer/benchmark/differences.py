"""One method against the best of the classics, network by network: the difference, and how surely it is one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from synfer.errors import InputError

CLASSICS = (
    "conditional_granger", "convergent_cross_mapping", "cross_correlation", "cross_correlogram",
    "differential_covariance", "mvgc", "pairwise_granger", "partial_correlation", "spike_glm", "transfer_entropy",
)  # fmt: skip
"""What is not learned by a network. Not `event_regression`, which is told the simulator's form: a ceiling, no rival."""


def differences(rows: pd.DataFrame, method: str = "synformer", figure: str = "auroc") -> pd.DataFrame:
    """The method less the best classic of each set, paired by network.

    Parameters
    ----------
    rows : DataFrame
        As `run` gives it.
    method : str
        Whose figures.
    figure : str
        A column of the rows.

    Returns
    -------
    DataFrame
        set; networks that both have a figure of; the means over these of ``method``, and of ``best``, the classic that
        ``method`` is least above, network by network, among those given more than half of its networks (chosen by the
        truth, so in the classics' favour); ``difference`` and ``low``, ``high``, its 95 % interval (Student's, NaN for
        one network); ``above``, whether the interval lies above 0.

    Raises
    ------
    InputError
        The rows hold no such method or column, or no classic.
    """
    if figure not in rows:
        raise InputError(f"figure must be a column of the rows; got {figure!r}.")
    present = [name for name in dict.fromkeys(rows["method"]) if name in CLASSICS and name != method]
    if method not in set(rows["method"]) or not present:
        raise InputError(
            f"rows must hold {method!r} and a classic method to compare; got {sorted(set(rows['method']))}."
        )
    wide = rows.assign(value=rows[figure].astype(float)).pivot_table(
        index=["set", "network"], columns="method", values="value", sort=False
    )
    made = []
    for name in dict.fromkeys(rows["set"]):
        if name not in wide.index.get_level_values("set"):
            continue
        of = wide.loc[name].reindex(columns=[method, *present])
        of = of[of[method].notna()]
        less = of[present].rsub(of[method], axis=0)  # NaN where a classic was not given the network
        rivals = [classic for classic in present if less[classic].notna().sum() > len(of) / 2]
        if not rivals:
            continue
        best = str(less[rivals].mean().idxmin())
        both = of[[method, best]].dropna()
        difference = (both[method] - both[best]).to_numpy()
        n, low, high = len(difference), np.nan, np.nan
        if n > 1:
            half = stats.t.ppf(0.975, n - 1) * difference.std(ddof=1) / np.sqrt(n)
            low, high = difference.mean() - half, difference.mean() + half
        made.append(
            {
                "set": name,
                "networks": n,
                method: both[method].mean(),
                "best classic": best,
                "best": both[best].mean(),
                "difference": difference.mean(),
                "low": low,
                "high": high,
                "above": bool(low > 0),
            }
        )
    return pd.DataFrame(made)
