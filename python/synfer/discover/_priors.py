"""What is known beforehand of a connectome, read and checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.discover.refit import Prior
from synfer.errors import InputError, ShapeError


def read_prior(prior: Any, dale: Any, cell_types: Any, n_units: int) -> Prior:
    """Check a prior (target, source), Dale's signs (source,) and cell types (unit,) against the number of units."""
    allowed, known = np.ones((n_units, n_units), dtype=bool), np.zeros((n_units, n_units), dtype=bool)
    if prior is not None:
        try:
            given = np.asarray(prior, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(
                "prior must hold numbers (0 no edge, NaN open, others an edge), got other values."
            ) from None
        if given.shape != (n_units, n_units):
            raise ShapeError(
                f"prior must be of shape (target, source) = {(n_units, n_units)}, got {given.shape}: NaN where it is "
                "open."
            )
        if np.isinf(given).any():
            raise InputError("prior must hold finite numbers (0 no edge, NaN open, others an edge), got inf.")
        allowed, known = given != 0, ~np.isnan(given) & (given != 0)
    signs: np.ndarray | str | None = None
    if isinstance(dale, str):
        signs = dale
    elif dale is not None:
        signs = np.asarray(dale, dtype=np.float64)
        if signs.shape != (n_units,) or not np.isin(signs, (-1.0, 0.0, 1.0)).all():
            raise InputError(
                f"dale must be 'learn' or hold +1, -1 or 0 for each of the {n_units} units, got {dale!r}: give one "
                "sign a source."
            )
    types = None
    if cell_types is not None:
        labels = np.asarray(cell_types)
        if labels.shape != (n_units,):
            raise ShapeError(
                f"cell_types must be of shape (unit,) = ({n_units},), got {labels.shape}: give one label a unit."
            )
        types = kinds(labels)
    return Prior(allowed, known, types, signs)


def kinds(labels: np.ndarray) -> np.ndarray:
    """Number the labels that units have.

    Raises
    ------
    InputError
        A unit has none, or labels cannot be told apart by order.
    """
    lacking = [k for k, label in enumerate(labels.tolist()) if label is None or label != label]
    if lacking:
        raise InputError(
            f"cell_types must hold a label for each unit, got none for {len(lacking)} of {len(labels)}, the first at "
            f"{lacking[0]}: give those a label of their own, such as 'unknown'."
        )
    return np.unique(labels.astype(str) if labels.dtype == object else labels, return_inverse=True)[1]
