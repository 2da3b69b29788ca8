"""What is known of pairs beforehand: read, checked, and cut into parts that share nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from synfer.errors import InputError, ShapeError
from synfer.storage import as_choice

SPLITS = ("pair", "source")


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
    rows = given.tolist() if isinstance(given, np.ndarray) else list(given)
    found: list[tuple[int, int]] = []
    for row in rows:
        try:
            source, target = (unit.item() if isinstance(unit, np.generic) else unit for unit in row)
        except (TypeError, ValueError):
            raise ShapeError(f"{name} must be pairs (source, target), got {row!r} among them.") from None
        for unit in (source, target):
            if unit not in place:
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
        1 for an edge.
    by : {"pair", "source"}
    fraction : float
        Share of the groups that is held out; more, where edges or non-edges are so rare that it would have none.
    random_state : int, RandomState or None

    Returns
    -------
    learning, held_out : numpy.ndarray
        Positions among ``pairs``.

    Raises
    ------
    InputError
        No cut leaves edges and non-edges in both parts.
    """
    as_choice(by, "by", SPLITS)
    pairs, labels = np.asarray(pairs), np.asarray(labels)
    groups = np.sort(pairs, axis=1) if by == "pair" else pairs[:, :1]
    _, group = np.unique(groups, axis=0, return_inverse=True)
    group = group.reshape(-1)
    n_groups = int(group.max(initial=-1)) + 1
    least = max(1, round(fraction * n_groups))
    rng = check_random_state(random_state)
    for n_held in range(least, n_groups):  # where one kind is rare, a part may need more groups to have it
        for _ in range(20):
            held = np.isin(group, rng.permutation(n_groups)[:n_held])
            learning = ~held
            if by == "source":
                seen = {tuple(pair) for pair in pairs[held].tolist()}
                learning &= np.array([(target, source) not in seen for source, target in pairs.tolist()], dtype=bool)
            if all(len(np.unique(labels[part])) == 2 for part in (learning, held)):
                return np.flatnonzero(learning), np.flatnonzero(held)
    raise InputError(
        f"known pairs must leave edges and non-edges in both parts when cut by {by}, got {int(labels.sum())} edges and "
        f"{int((labels == 0).sum())} non-edges in {n_groups} groups: name more of the rarer kind."
    )


def all_pairs(n_units: int, without: Sequence[tuple[int, int]] | np.ndarray = ()) -> np.ndarray:
    """Give positions (pair, 2) of source and target of all pairs of different units, but some."""
    wanted = ~np.eye(n_units, dtype=bool)
    for source, target in without:
        wanted[source, target] = False
    return np.argwhere(wanted)
