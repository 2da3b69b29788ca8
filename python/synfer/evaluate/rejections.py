"""What p-values are worth where the truth is known: false alarms, false discoveries, power."""

from __future__ import annotations

import numpy as np

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.evaluate.metrics import arranged


def rejections(
    estimate: Connectome, truth: Connectome, alpha: float = 0.05, correction: str = "fdr_bh"
) -> dict[str, float | int]:
    """Count what p-values call an edge, among pairs that are none and among those that are.

    Parameters
    ----------
    estimate : Connectome
        With p-values; pairs without one (NaN) are not counted.
    truth : Connectome
        Of the same units, in any order; an edge is where its score is above 0.
    alpha : float
        Level of each test, and of the correction.
    correction : str
        Of all pairs together, by statsmodels' name.

    Returns
    -------
    dict of str to float or int
        ``n_absent`` pairs without an edge, ``absent_rejected`` how many of them have p < alpha, ``n_present`` and
        ``present_rejected`` likewise of true edges; ``discoveries`` pairs left after the correction,
        ``false_discoveries`` those of them that are no edge, ``power`` the share of true edges that are discovered (NaN
        without edges): of all of them, those without a p-value among them.

    Raises
    ------
    InputError
        The estimate has no p-values.
    ShapeError
        The units differ.
    UnknownNameError
        No such correction.
    """
    if estimate.pvalue is None:
        raise InputError("estimate must have p-values; this one has none.")
    pvalue, score = arranged("estimate", estimate, truth, "pvalue")[0], arranged("truth", truth, truth, "score")[0]
    assert pvalue is not None
    assert score is not None
    edge = score > 0
    pairs = ~np.eye(len(edge), dtype=bool) & np.isfinite(pvalue)
    found = estimate.edges(alpha, correction)
    position = {unit: k for k, unit in enumerate(truth.unit_ids.tolist())}
    hits = sum(
        bool(edge[position[target], position[source]])
        for target, source in zip(found["target"], found["source"], strict=True)
    )
    absent, present = pairs & ~edge, pairs & edge
    n_edges = int((edge & ~np.eye(len(edge), dtype=bool)).sum())
    return {
        "n_absent": int(absent.sum()),
        "absent_rejected": int((pvalue[absent] < alpha).sum()),
        "n_present": int(present.sum()),
        "present_rejected": int((pvalue[present] < alpha).sum()),
        "discoveries": len(found),
        "false_discoveries": len(found) - hits,
        "power": hits / n_edges if n_edges else float("nan"),
    }
