"""Units that follow from one another: refused by name before a regression is asked of them."""

from __future__ import annotations

import numpy as np

from synfer.discover.base import Samples
from synfer.errors import InputError


def refuse_collinear(factor: np.ndarray, samples: Samples, n_lags: int, *, remedy: str | None = None) -> None:
    """Refuse units whose past, or present, follows from the others to within the precision of the samples.

    ``factor`` is that of :func:`lagged_factor`: |R[k, k]| is the length of what column k has beyond all before it.
    ``remedy`` is what else the method has to offer, besides fewer units and lags.
    """
    n_units = samples.n_units
    single = samples.segments[0].dtype == np.float32
    tolerance = 8 * np.finfo(np.float32).eps if single else 1e-10
    length = np.linalg.norm(factor, axis=0)
    n_predictors = len(factor) - n_units
    beyond = np.abs(np.diag(factor)).copy()
    # Targets are not predictors of one another: theirs is the whole residual.
    beyond[n_predictors:] = np.linalg.norm(factor[n_predictors:, n_predictors:], axis=0)
    tied = np.flatnonzero(beyond <= tolerance * length)
    if len(tied) == 0:
        return
    k = tied[0]
    before = min(k, n_predictors)
    share = np.abs(np.linalg.lstsq(factor[:before, :before], factor[:before, k], rcond=None)[0]) * length[:before]
    partners = np.unique((np.flatnonzero(share[1:] > 0.1 * length[k])) % n_units)
    unit = (k - 1) % n_units
    lag = (k - 1) // n_units + 1
    if len(partners) == 0 and share[0] > 0.5 * length[k]:
        raise InputError(
            f"X must vary by more than 1 part in {1 / tolerance:.0e} of its size, but unit {samples.unit_ids[unit]!s} "
            "hardly does beside its mean: take the mean off, in float64."
        )
    if len(partners) == 0:  # many with a small share each: the largest
        partners = np.unique(np.argsort(-share[1:])[:8] % n_units)
    when = "its present" if k >= n_predictors else f"its past at lag {lag}"
    names = ", ".join(str(i) for i in samples.unit_ids[partners][:8])
    mends = ["drop one of them"]
    if n_lags > 1:
        mends.append(f"take fewer lags than {n_lags}")
    if remedy is not None:
        mends.append(remedy)
    mend = mends[0] if len(mends) == 1 else f"{', '.join(mends[:-1])}, or {mends[-1]}"
    raise InputError(
        f"X must not be collinear: unit {samples.unit_ids[unit]!s} ({when}) follows from the units {names} to 1 part "
        f"in {1 / tolerance:.0e}; {mend}."
    )
