"""Coupling within one sample: what units still have in common when everybody's past has been told.

Where samples are further apart than causes and effects, as frames of calcium are, most of what acts falls within one
sample, and no lag shows it. Geweke (1982) parts the linear dependence between two units into

    F_{i, j} = F_{j -> i} + F_{i -> j} + F_{i . j}

of which the last, of the innovations alone, has no direction. It is credited to the two directions in proportion to
1 + F, F what the lags say of each, which is 1 without an edge: to both alike where the lags say nothing, to one where
they are sure. So all pairs together count for the whole dependence.

Its sign is the edge's where fluorescence or counts in bins are seen, and the lags then see the echo of what happened
within a sample, often of the other sign (who shares a frame's rise with i has risen already). Of sampled voltages it is
not: a spike between two samples leaves behind a reset. P-values take innovations for Gaussian ones of one size: a
volatility that units have in common makes coupling, and so does a law of the units that the forecast has not caught
(`bench/results/coupling.md`).

References
----------
J. Geweke, "Measurement of linear dependence and feedback between multiple time series", J. Am. Stat. Assoc. 77 (1982),
304-313; with others given, the same, 79 (1984), 907-915. O. Stetter, D. Battaglia, J. Soriano, T. Geisel, PLoS
Computational Biology 8 (2012), e1002653, for calcium.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from synfer.errors import InputError

_COLLINEAR = 1e10
"""Condition of the innovations' correlations from which one is as good as a sum of others."""


@dataclass
class Coupling:
    """Of innovations, (unit, unit), symmetric with 0 on the diagonal.

    Attributes
    ----------
    correlation : numpy.ndarray
        Partial: all other units' innovations given. NaN of units that were never measured together.
    chi_square : numpy.ndarray
        -n log(1 - correlation^2), of one degree of freedom where there is no coupling: n F_{i . j}.
    freedom : numpy.ndarray
        n, what the pair has when all others' innovations are given.
    """

    correlation: np.ndarray
    chi_square: np.ndarray
    freedom: np.ndarray

    def weights(self, level: float) -> dict[str, np.ndarray]:
        """Give the correlations and their intervals (Fisher's z) as a connectome has them, NaN on the diagonal."""
        half = stats.norm.ppf(0.5 + 0.5 * level) / np.sqrt(np.maximum(self.freedom - 2.0, 1.0))
        centre, half = np.arctanh(self.correlation), np.where(self.chi_square > 0.0, half, np.nan)
        ends = {"interval_low": np.tanh(centre - half), "interval_high": np.tanh(centre + half)}
        return _off_diagonal({"weight": self.correlation, **ends})

    def fields(self) -> dict[str, np.ndarray]:
        """Give what a connectome has beside its score: ``weight``, ``pvalue`` (Student's t), NaN on the diagonal."""
        degrees = np.maximum(self.freedom - 1.0, 1.0)
        t = np.abs(self.correlation) * np.sqrt(degrees / (1.0 - np.square(self.correlation)))
        return _off_diagonal({"weight": self.correlation, "pvalue": 2.0 * stats.t.sf(t, degrees)})

    @property
    def score(self) -> np.ndarray:
        """Magnitude of the correlation, NaN on the diagonal."""
        return _off_diagonal({"score": np.abs(self.correlation)})["score"]

    def of(self, allowed: np.ndarray) -> Coupling:
        """Give it as (target, source), none where there can be no edge, or where none is known."""
        there = allowed & ~np.isnan(self.correlation)
        return Coupling(np.where(there, self.correlation, 0.0), np.where(there, self.chi_square, 0.0), self.freedom)


def _off_diagonal(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    out = {name: field.copy() for name, field in fields.items()}
    for field in out.values():
        np.fill_diagonal(field, np.nan)
    return out


def shares(f: np.ndarray, allowed: np.ndarray | None = None) -> np.ndarray:
    """Give what of a pair's coupling each direction is credited with, (target, source), by the F of its lags.

    All where the other cannot be (``allowed``), a half where there is no F.
    """
    said = 1.0 + np.nan_to_num(f)
    if allowed is not None:
        said = np.where(allowed, said, 0.0)
    return np.asarray(said / np.maximum(said + said.T, 1e-300))


def rows_needed(n_units: int) -> int:
    """Give how many degrees of freedom innovations must have at least for so many units."""
    return n_units + 1


def coupling(covariance: np.ndarray, freedom: int | np.ndarray) -> Coupling:
    """Take the coupling from the innovations' covariance.

    Parameters
    ----------
    covariance : array (unit, unit)
    freedom : int, or array (unit, unit)
        Its degrees of freedom, those of each pair where samples are missing; what was fitted taken off.

    Raises
    ------
    InputError
        They are no more than units, or innovations are collinear.
    """
    n = len(covariance)
    each = np.broadcast_to(np.asarray(freedom, dtype=np.float64), (n, n))
    if np.diag(each).min() < rows_needed(n):
        raise InputError(
            f"X must hold at least {rows_needed(n)} samples with a past, beyond what the forecast takes, for "
            f"instantaneous=True and {n} units, got {max(int(np.diag(each).min()), 0)}: record for longer, or set it "
            "to False."
        )
    root = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):  # who has no innovations is made up of nothing
        standard = np.asarray(covariance) / np.outer(root, root)
    together = each > 0
    if not together.all() or np.ptp(each) > 0:  # moments of different rows may be of no covariance
        values, vectors = np.linalg.eigh(np.where(together, standard, 0.0))
        standard = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    if not (np.isfinite(standard).all() and np.linalg.cond(standard) < _COLLINEAR):
        raise InputError(
            "instantaneous must be False where units' innovations are collinear: leave out what others make up."
        )
    precision = np.linalg.inv(standard)
    root = np.sqrt(np.diag(precision))
    correlation = -precision / np.outer(root, root)
    correlation = np.where(together, 0.5 * (correlation + correlation.T), np.nan)
    np.fill_diagonal(correlation, 0.0)
    left = np.maximum(each - n + 2.0, 0.0)
    return Coupling(correlation, -left * np.log1p(-np.square(correlation)), left)
