"""What is known of pairs beforehand: read, checked, and cut into parts that share nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from synfer.arguments import checked_number, checked_numbers
from synfer.errors import InputError, ShapeError
from synfer.storage import as_choice, rectangular

SPLITS = ("pair", "source")
_PLAIN, _STRATIFIED = 20, 200  # draws of a cut


def read_labels(known_edges: Any, known_non_edges: Any, unit_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read known pairs into positions (pair, 2) of source and target, and labels (pair,), 1 for an edge.

    Parameters
    ----------
    known_edges, known_non_edges : sequence of (source, target), labels of units, or None
    unit_ids : array (unit,)

    Raises
    ------
    ShapeError
        They are no pairs.
    InputError
        An unknown unit, a pair of a unit with itself, one that is named twice, or one that is said to be both.
    """
    place = {unit: k for k, unit in enumerate(unit_ids.tolist())}
    edges = _positions(known_edges, "known_edges", place)
    others = _positions(known_non_edges, "known_non_edges", place)
    both = set(edges) & set(others)
    if both:
        source, target = (unit_ids[k] for k in min(both))
        raise InputError(
            f"known_edges and known_non_edges must not contradict each other, got {source} -> {target} in both: take "
            "it out of one."
        )
    pairs = np.array([*edges, *others], dtype=np.int64).reshape(-1, 2)
    return pairs, np.concatenate([np.ones(len(edges)), np.zeros(len(others))]).astype(np.float32)


def _positions(given: Any, name: str, place: dict[Any, int]) -> list[tuple[int, int]]:
    if given is None:
        return []
    if hasattr(given, "columns"):  # a table is a sequence of its columns' names
        raise ShapeError(
            f"{name} must be a sequence of pairs (source, target), got a {type(given).__name__}: give its rows, as in "
            f"{name}[['source', 'target']].to_numpy()."
        )
    try:
        rows = given.tolist() if isinstance(given, np.ndarray) else list(given)
    except TypeError:
        raise ShapeError(
            f"{name} must be a sequence of pairs (source, target), got a {type(given).__name__}: give a list of them."
        ) from None
    of_bools = any(isinstance(unit, bool) for unit in place)
    found: list[tuple[int, int]] = []
    for row in rows:
        try:
            if isinstance(row, (str, bytes)):  # "ab" is a label and no pair of "a" and "b"
                raise TypeError
            source, target = (unit.item() if isinstance(unit, np.generic) else unit for unit in row)
        except (TypeError, ValueError):
            raise ShapeError(
                f"{name} must be pairs (source, target), got {row!r} among them: give a list of two labels each."
            ) from None
        for unit in (source, target):
            known = isinstance(unit, Hashable) and unit in place
            if not known or (isinstance(unit, bool) and not of_bools):  # True == 1, and is no label for it
                raise InputError(
                    f"{name} must name units of X, got {unit!r}, which is none of them: give labels as in unit_ids."
                )
        if source == target:
            raise InputError(f"{name} must be of two different units, got {source!r} -> {target!r}: leave it out.")
        found.append((place[source], place[target]))
    if len(set(found)) < len(found):
        first = next(row for k, row in enumerate(rows) if found[k] in found[:k])
        raise InputError(f"{name} must name each pair once, got {first[0]} -> {first[1]} twice: name it once.")
    return found


def refuse_one_class(labels: np.ndarray, where: str) -> None:
    """Refuse labels that are all edges or all none."""
    if len(np.unique(labels)) < 2:
        which = "none" if len(labels) == 0 else ("only edges" if labels[0] else "only non-edges")
        raise InputError(
            f"{where} must hold edges and non-edges, got {which}: what they have in common cannot be learnt from one "
            "kind alone."
        )


def split_pairs(
    pairs: Any, labels: Any, *, by: str = "pair", fraction: float = 0.2, random_state: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Cut known pairs into those to learn from and those to validate or test by, so that nothing leaks between them.

    By "pair", the two directions of a pair go together: the image of one is the other's, transposed. By "source", all
    pairs out of a unit go together, as the outcome of one intervention does; what is held out is then about units that
    were never intervened on, and a pair whose reverse starts from a unit of the other part is left out of learning,
    for its image was seen there.

    Parameters
    ----------
    pairs : array (pair, 2)
        Source and target.
    labels : array (pair,)
        1 for an edge, 0 for none.
    by : {"pair", "source"}
    fraction : float
        Share of the groups that is held out, between 0 and 1. Where edges or non-edges are so rare that a part would
        have none, a group of each is put into it.
    random_state : int, RandomState or None

    Returns
    -------
    learning, held_out : numpy.ndarray
        Positions among ``pairs``.

    Raises
    ------
    ShapeError
        Pairs that are none, or not as many labels.
    InputError
        No cut leaves edges and non-edges in both parts; labels that are neither 0 nor 1, a fraction that is none.
    """
    as_choice(by, "by", SPLITS)
    if not 0.0 < checked_number("fraction", fraction) < 1.0:
        raise InputError(f"fraction must lie between 0 and 1; got {fraction}.")
    pairs, labels = rectangular(pairs, "pairs"), checked_numbers("labels", labels)
    if pairs.dtype.kind == "O":  # labels of units from a table
        pairs = rectangular(pairs.tolist(), "pairs")
    if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) == 0 or pairs.dtype.kind == "O":
        raise ShapeError(
            f"pairs must be of shape (pair, 2), one and more of source and target; got {pairs.shape} of {pairs.dtype}."
        )
    if labels.shape != pairs.shape[:1]:
        raise ShapeError(f"labels must be one for each of {len(pairs)} pairs; got shape {labels.shape}.")
    if not np.isin(labels, (0, 1)).all():
        raise InputError(f"labels must be 1 for an edge and 0 for none; got {labels[~np.isin(labels, (0, 1))][0]}.")
    groups = np.sort(pairs, axis=1) if by == "pair" else pairs[:, :1]
    _, group = np.unique(groups, axis=0, return_inverse=True)
    group = group.reshape(-1)
    n_groups = int(group.max(initial=-1)) + 1
    of_kind = [np.unique(group[labels == kind]) for kind in (1, 0)]
    if min(len(some) for some in of_kind) > 1:
        rng = check_random_state(random_state)
        reverse = _reverse(pairs) if by == "source" else None
        for held_groups in _draws(rng, of_kind, n_groups, max(1, round(fraction * n_groups))):
            held = held_groups[group]
            learning = ~held
            if reverse is not None:
                there = reverse >= 0
                learning[there] &= ~held[reverse[there]]
            if all(len(np.unique(labels[part])) == 2 for part in (learning, held)):
                return np.flatnonzero(learning), np.flatnonzero(held)
    raise InputError(
        f"known pairs must leave edges and non-edges in both parts when cut by {by}, got {int(labels.sum())} edges and "
        f"{int((labels == 0).sum())} non-edges in {n_groups} groups, edges in {len(of_kind[0])} and non-edges in "
        f"{len(of_kind[1])} of them: name more of the rarer kind."
    )


def _draws(
    rng: np.random.RandomState, of_kind: Sequence[np.ndarray], n_groups: int, n_held: int
) -> Iterator[np.ndarray]:
    """Draw groups to hold out (group,), any first; then, where a kind is rare, so that both parts have one of each."""
    n_held = min(n_held, n_groups - 1)
    for k in range(_PLAIN + _STRATIFIED):
        held = np.zeros(n_groups, dtype=bool)
        order = rng.permutation(n_groups)
        if k < _PLAIN:
            held[order[:n_held]] = True
        else:
            out, kept = (rng.permutation(some)[:2] for some in of_kind)  # the first of each is held, the second not
            (first, stays), (second, stays_too) = out, kept
            if {first, second} & {stays, stays_too}:
                continue
            held[[first, second]] = True
            free = order[~np.isin(order, [first, second, stays, stays_too])]
            held[free[: max(0, n_held - int(held.sum()))]] = True
        yield held


def _reverse(pairs: np.ndarray) -> np.ndarray:
    """Give the position (pair,) of each pair's reverse, -1 where it is not among them."""
    _, code = np.unique(pairs, return_inverse=True)
    source, target = code.reshape(pairs.shape).T
    key, wanted = (a * (int(code.max()) + 1) + b for a, b in ((source, target), (target, source)))
    order = np.argsort(key)
    at = order[np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)]
    return np.where(key[at] == wanted, at, -1)


def all_pairs(n_units: int, without: Sequence[tuple[int, int]] | np.ndarray = ()) -> np.ndarray:
    """Give positions (pair, 2) of source and target of all pairs of different units, but some."""
    wanted = ~np.eye(n_units, dtype=bool)
    for source, target in without:
        wanted[source, target] = False
    return np.argwhere(wanted)
