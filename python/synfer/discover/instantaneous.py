"""Coupling within one sample: what units still have in common when everybody's past has been told.

Where samples are further apart than causes and effects, as frames of calcium are, most of what acts falls within one
sample, and no lag shows it. Geweke (1982) parts the linear dependence between two units into

    F_{i, j} = F_{j -> i} + F_{i -> j} + F_{i . j}

of which the last, of the innovations alone, has no direction. Half of it is counted for each of the two directions
here, so that what all pairs count for is the whole dependence.

Its sign is the edge's where all has happened within a sample: the lags then see the echo of it, which is often of the
other sign (who shares a frame's rise with i has risen already; of calcium at 30 Hz, coupling has the sign of nine edges
in ten, and a regression's lags that of one in two).

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

SHARE = 0.5
"""Of the coupling that each direction is credited with."""


@dataclass
class Coupling:
    """Of innovations, (unit, unit), symmetric with 0 on the diagonal.

    Attributes
    ----------
    correlation : numpy.ndarray
        Partial: all other units' innovations given.
    chi_square : numpy.ndarray
        -n log(1 - correlation^2), of one degree of freedom where there is no coupling: n F_{i . j}.
    freedom : int
        n, that of a pair when all others' innovations are given.
    """

    correlation: np.ndarray
    chi_square: np.ndarray
    freedom: int

    def weights(self, level: float) -> dict[str, np.ndarray]:
        """Give the correlations and their intervals (Fisher's z) as a connectome has them, NaN on the diagonal."""
        centre = np.arctanh(self.correlation)
        half = np.where(
            self.chi_square > 0.0, stats.norm.ppf(0.5 + 0.5 * level) / np.sqrt(max(self.freedom - 1, 1)), np.nan
        )
        out = {
            "weight": self.correlation.copy(),
            "interval_low": np.tanh(centre - half),
            "interval_high": np.tanh(centre + half),
        }
        for field in out.values():
            np.fill_diagonal(field, np.nan)
        return out

    def of(self, allowed: np.ndarray) -> Coupling:
        """Give it as (target, source), none where there can be no edge."""
        return Coupling(np.where(allowed, self.correlation, 0.0), np.where(allowed, self.chi_square, 0.0), self.freedom)

    def fields(self) -> dict[str, np.ndarray]:
        """Give the fields of a connectome: ``score``, ``weight`` and ``pvalue``, NaN on their diagonals."""
        out = {"score": np.abs(self.correlation), "weight": self.correlation.copy()}
        out["pvalue"] = stats.chi2.sf(self.chi_square, 1)
        for field in out.values():
            np.fill_diagonal(field, np.nan)
        return out


def coupling(covariance: np.ndarray, freedom: int) -> Coupling:
    """Take the coupling from the innovations' covariance, which has so many degrees of freedom.

    Raises
    ------
    InputError
        They are no more than units, or innovations are collinear.
    """
    n = len(covariance)
    left = freedom - n + 2  # what a pair's correlation has when the others' innovations are given
    if left < 2:
        raise InputError(
            f"X must hold more than {n} samples with a past, beyond what the forecast takes, for instantaneous=True "
            f"and {n} units, got {max(freedom, 0)}: record for longer, or set it to False."
        )
    try:
        precision = np.linalg.inv(covariance)
    except np.linalg.LinAlgError:
        raise InputError(
            "instantaneous must be False where units' innovations are collinear: leave out what is another's copy."
        ) from None
    root = np.sqrt(np.diag(precision))
    correlation = -precision / np.outer(root, root)
    np.fill_diagonal(correlation, 0.0)
    correlation = np.clip(0.5 * (correlation + correlation.T), -1.0 + 1e-12, 1.0 - 1e-12)
    return Coupling(correlation, -left * np.log1p(-np.square(correlation)), left)
