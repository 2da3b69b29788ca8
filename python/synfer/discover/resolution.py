"""How low a p-value by surrogates can be."""

from __future__ import annotations

import warnings

from synfer.errors import ResolutionWarning

USUAL_LEVEL = 0.05


def warn_of_few(n_surrogates: int) -> None:
    """Warn where p-values, of which 1 / (1 + n_surrogates) is the lowest, can never reach the usual level.

    Warns
    -----
    ResolutionWarning
        At fewer than 19 surrogates; not where there are none, and so no p-values.
    """
    if n_surrogates and 1.0 / (1 + n_surrogates) > USUAL_LEVEL:
        warnings.warn(
            f"n_surrogates = {n_surrogates}: no p-value can be below {1.0 / (1 + n_surrogates):.2g}; take 19 or more, "
            "and some hundreds where many pairs are corrected for.",
            ResolutionWarning,
            stacklevel=4,
        )
