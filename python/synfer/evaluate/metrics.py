"""Figures that hold one connectome against another. All of them are from scikit-learn or a line of counting."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from sklearn.metrics import average_precision_score, roc_auc_score

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError, TruthWarning, level_of_user

NOT_GIVEN = "not given"
NO_EDGES = "one class (no edges)"
EVERY_EDGE = "one class (every edge)"


def compare(estimate: Connectome, truth: Connectome, *, unscored: str = "refuse") -> dict[str, float | int | str]:
    """Compare an estimated connectome with the true one.

    With s[i, j] the estimate's score of the edge j -> i, an edge of the truth where its score is above 0, and pairs
    the ordered pairs of different units:

    ======================  ==========================================================================================
    n_units                 units
    n_edges                 true edges among the pairs
    prevalence              n_edges / number of pairs; what a coin's ``auprc`` would be
    auroc                   over pairs: chance that an edge outscores a non-edge, ties counting half
    auprc                   over pairs: average precision, sum of (recall step x precision)
    auroc_with_diagonal     ``auroc`` with the diagonal counted as non-edges of score 0, as the 2023 paper does; it
                            flatters: (auroc_with_diagonal (n0 + N) - N) / n0 = auroc for N units, n0 absent pairs and
                            positive scores
    auroc_undirected        over unordered pairs: score max(s[i, j], s[j, i]), true where either direction is
    direction_accuracy      over unordered pairs with an edge one way only: fraction where that way scores higher, ties
                            counting half
    sign_accuracy           over true edges: fraction with the sign of the estimated weight true (0 and NaN are not)
    weight_correlation      over pairs whose weights are known (not NaN): Pearson's r of estimated and true weight (an
                            absent edge's is 0)
    f1_at_true_density      F1 of the n_edges highest scores taken as edges (precision and recall are then equal); ties
                            at the edge of the choice count by expectation
    ======================  ==========================================================================================

    Parameters
    ----------
    estimate : Connectome
        Its diagonal is not looked at.
    truth : Connectome
        Of the same units, in any order: they are matched by ``unit_ids``.
    unscored : {"refuse", "omit"}
        What is done where the estimate has no score for a pair: "omit" leaves such pairs out of every figure, as those
        that `D2CL` was told, and adds ``n_pairs``, how many are left. What is asked of unordered pairs is asked of
        those scored both ways.

    Returns
    -------
    dict of str to float, int or str
        A figure that does not exist is a string that says why: "not given" (no weight), "one class (no edges)", "one
        class (every edge)", "no edge one way only", "constant weight".

    Raises
    ------
    InputError
        One of the two is no Connectome.
    ShapeError
        The units differ (the message names the first that only one of the two has), or one of the two is a batch of
        networks or holds several times.
    InputError
        A pair without a score: compare does not guess where it would have ranked. Or no pair has one, or ``unscored``
        is something else.

    Warns
    -----
    TruthWarning
        ``truth`` is what an estimator gave.
    """
    if unscored not in ("refuse", "omit"):
        raise InputError(f"unscored must be 'refuse' or 'omit'; got {unscored!r}.")
    for name, given in (("estimate", estimate), ("truth", truth)):
        if not isinstance(given, Connectome):
            raise InputError(
                f"{name} must be a Connectome, got a {type(given).__name__}: label a matrix (target, source) by "
                "Connectome(score), true weights by Connectome.from_weights(W)."
            )
    if truth.converged is not None:
        warnings.warn(
            f"truth must be known wiring, got an estimate by {truth.method}, whose edges are all pairs with a score "
            "above 0: were the two given the wrong way round?",
            TruthWarning,
            stacklevel=level_of_user(),
        )
    score, weight = arranged("estimate", estimate, truth, "score", "weight")
    true_score, true_weight = arranged("truth", truth, truth, "score", "weight")
    assert score is not None  # every connectome has one
    assert true_score is not None
    n = len(score)
    pairs = ~np.eye(n, dtype=bool)
    _check_scored("truth", true_score, pairs, truth.unit_ids)
    if unscored == "omit":
        pairs &= np.isfinite(score)
        if not pairs.any():
            raise InputError("estimate must score a pair of different units; got no finite score.")
    else:
        _check_scored("estimate", score, pairs, truth.unit_ids)
    edge = true_score > 0

    counted = pairs | np.eye(n, dtype=bool)
    full_edge, full_score = np.where(pairs, edge, False)[counted], np.where(pairs, score, 0.0)[counted]
    both = pairs & pairs.T
    upper = np.triu(both)
    either, either_score = (edge | edge.T)[upper], np.maximum(score, score.T)[upper]
    n_edges = int(edge[pairs].sum())
    found: dict[str, float | int | str] = {"n_units": n, "n_edges": n_edges}
    if unscored == "omit":
        found["n_pairs"] = int(pairs.sum())
    return found | {
        "prevalence": n_edges / int(pairs.sum()),
        "auroc": _one_class(edge[pairs]) or float(roc_auc_score(edge[pairs], score[pairs])),
        "auprc": _one_class(edge[pairs]) or float(average_precision_score(edge[pairs], score[pairs])),
        "auroc_with_diagonal": _one_class(full_edge) or float(roc_auc_score(full_edge, full_score)),
        "auroc_undirected": _one_class(either) or float(roc_auc_score(either, either_score)),
        "direction_accuracy": _direction_accuracy(edge & both, score),
        "sign_accuracy": _sign_accuracy(edge & pairs, weight, true_weight),
        "weight_correlation": _weight_correlation(pairs, weight, true_weight),
        "f1_at_true_density": _one_class(edge[pairs]) or _f1_at_density(edge[pairs], score[pairs]),
    }


def arranged(name: str, connectome: Connectome, truth: Connectome, *fields: str) -> tuple[np.ndarray | None, ...]:
    """Give fields (target, source) of a connectome, in the order of the truth's units; None where it has none.

    Raises
    ------
    ShapeError
        Naming the connectome ``name``: the units differ, or it is a batch or holds several times.
    """
    if connectome.leading_ids is not None:
        raise ShapeError(
            f"{name} must be one network, (target, source), got {len(connectome.leading_ids)} {connectome.leading}s: "
            f"compare them one by one, isel({connectome.leading}=k)."
        )
    if connectome.layout != "matrix":
        connectome = connectome.to_matrix()
    position = {unit: k for k, unit in enumerate(connectome.unit_ids.tolist())}
    wanted = truth.unit_ids.tolist()
    lacking, more = [unit for unit in wanted if unit not in position], set(position).difference(wanted)
    if lacking or more:
        only = {"the truth": lacking, "the estimate": [unit for unit in position if unit in more]}
        told = " and ".join(
            f"only {which} has {', '.join(map(repr, units[:3]))}{', ...' if len(units) > 3 else ''}"
            for which, units in only.items()
            if units
        )
        mend = (
            "choose the units that both have, sel(units=...)"
            if len(lacking) < len(wanted)
            else "no label is in both, so name the units of one as those of the other are named, rename(), or on the "
            "shell --units or --by-position"
        )
        raise ShapeError(
            f"estimate must have the units of the truth ({truth.n_units}), by label and in any order, got "
            f"{connectome.n_units}: {told}; {mend}."
        )
    order = np.array([position[unit] for unit in wanted])

    def matrix(field: xr.DataArray | None) -> np.ndarray | None:
        if field is None:
            return None
        return field.transpose("target", "source").to_numpy()[np.ix_(order, order)].astype(np.float64)

    return tuple(matrix(getattr(connectome, field)) for field in fields)


def _check_scored(name: str, score: np.ndarray, pairs: np.ndarray, unit_ids: np.ndarray) -> None:
    unscored = ~np.isfinite(score) & pairs
    if unscored.any():
        target, source = np.argwhere(unscored)[0]
        raise InputError(
            f"{name} must score every pair, got {int(unscored.sum())} of {int(pairs.sum())} without a finite score, "
            f"the first {unit_ids[source]} -> {unit_ids[target]}: compare the others by unscored='omit' (on the shell "
            "--omit-unscored), or fill them (0 ranks last)."
        )


def _one_class(edge: np.ndarray) -> str:
    """Say which one class there is; empty where there are two."""
    if not edge.any():
        return NO_EDGES
    return EVERY_EDGE if edge.all() else ""


def _direction_accuracy(edge: np.ndarray, score: np.ndarray) -> float | str:
    one_way = edge & ~edge.T
    if not one_way.any():
        return "no edge one way only"
    lead = (score - score.T)[one_way]
    return float(((lead > 0) + 0.5 * (lead == 0)).mean())


def _sign_accuracy(edge: np.ndarray, weight: np.ndarray | None, true_weight: np.ndarray | None) -> float | str:
    if weight is None or true_weight is None:
        return NOT_GIVEN
    if not edge.any():
        return NO_EDGES
    return float((np.sign(weight[edge]) == np.sign(true_weight[edge])).mean())


def _weight_correlation(pairs: np.ndarray, weight: np.ndarray | None, true_weight: np.ndarray | None) -> float | str:
    if weight is None or true_weight is None:
        return NOT_GIVEN
    known = pairs & np.isfinite(weight) & np.isfinite(true_weight)
    if not known.any():
        return NOT_GIVEN
    w, v = weight[known], true_weight[known]
    if np.ptp(w) == 0 or np.ptp(v) == 0:
        return "constant weight"
    return float(np.corrcoef(w, v)[0, 1])


def _f1_at_density(edge: np.ndarray, score: np.ndarray) -> float:
    n_edges = int(edge.sum())
    threshold = np.partition(score, -n_edges)[-n_edges]  # of the last one chosen
    above, tied = score > threshold, score == threshold
    hits = edge[above].sum() + (n_edges - above.sum()) * edge[tied].mean()
    return float(hits / n_edges)
