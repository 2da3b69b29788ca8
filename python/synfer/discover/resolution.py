"""How low a p-value by surrogates can be."""

from __future__ import annotations

import warnings

from synfer.errors import ResolutionWarning, level_of_user

USUAL_LEVEL = 0.05


def warn_of_few(n_surrogates: int, there_are: int | None = None, lengthen: str = "record for longer") -> None:
    """Warn where p-values can never reach the usual level.

    Parameters
    ----------
    n_surrogates : int
        As asked for: 1 / (1 + n_surrogates) is the lowest p-value.
    there_are : int, optional
        Different ones, where these can be fewer: then they are what counts.
    lengthen : str
        The mend for that.

    Warns
    -----
    ResolutionWarning
        At fewer than 19 surrogates; not where there are none, and so no p-values.
    """
    most = n_surrogates if there_are is None else min(n_surrogates, there_are)
    if not n_surrogates or 1.0 / (1 + most) <= USUAL_LEVEL:
        return
    given = f"n_surrogates = {n_surrogates}" + ("" if most == n_surrogates else f", of which there are only {most}")
    mend = "take 19 or more, and some hundreds where many pairs are corrected for"
    warnings.warn(
        f"{given}: no p-value can be below {1.0 / (1 + most):.2g}; {mend if most == n_surrogates else lengthen}.",
        ResolutionWarning,
        stacklevel=level_of_user(),
    )
