"""What Lu et al. (2023) reached, as numbers: beside them a run of the suite "izhikevich" is drawn."""

from __future__ import annotations

import pandas as pd

# Mean off-diagonal AUROC over the ten networks of each cell, rows N, p = .2, .4, .6, .8; computed from the result files
# that their Figures 2 and 4 were drawn from (randnet_results of github.com/ziyulu-uw/causalformer at e535d78), whose
# own figures count the diagonal as absent edges that were rightly found absent. R2 is that of their ensembles.
_CELLS = (
    # N, p, Causalformer (ten initialisations), MVGC by AIC, MVGC by BIC, test R2
    (5, 0.2, 0.931, 0.935, 0.908, 0.948), (5, 0.4, 0.939, 0.964, 0.943, 0.947),
    (5, 0.6, 0.955, 0.951, 0.928, 0.945), (5, 0.8, 0.942, 0.945, 0.916, 0.947),
    (10, 0.2, 0.962, 0.949, 0.876, 0.949), (10, 0.4, 0.969, 0.942, 0.905, 0.948),
    (10, 0.6, 0.958, 0.922, 0.887, 0.948), (10, 0.8, 0.936, 0.910, 0.901, 0.945),
    (20, 0.2, 0.970, 0.929, 0.895, 0.954), (20, 0.4, 0.974, 0.903, 0.878, 0.949),
    (20, 0.6, 0.956, 0.829, 0.819, 0.945), (20, 0.8, 0.935, 0.760, 0.788, 0.942),
    (40, 0.2, 0.948, 0.877, 0.877, 0.950), (40, 0.4, 0.924, 0.779, 0.779, 0.944),
    (40, 0.6, 0.878, 0.672, 0.673, 0.947), (40, 0.8, 0.727, 0.560, 0.560, 0.951),
)  # fmt: skip

EXAMPLE_R2 = (0.96, 0.93, 0.94, 0.95, 0.93)
"""R2 of the forecasts of the five neurons that Figure 4a shows, of a network that is not among those drawn here."""


def published_figures() -> pd.DataFrame:
    """Give what the paper's networks gave its methods.

    Returns
    -------
    DataFrame
        A row a method and cell: method ("causalformer", "mvgc_aic", "mvgc_bic"), set (as the suite "izhikevich" names
        it), n_units, p, ``auroc`` (off-diagonal, mean over ten networks), ``r2`` (of the forecast; NaN for MVGC).

    References
    ----------
    Z. Lu et al., "Attention for causal relationship discovery from biological neural dynamics", arXiv:2311.06928
    (2023), Figures 2 and 4.
    """
    rows = []
    for n, p, attention, aic, bic, r2 in _CELLS:
        name = f"exc{n * 4 // 5}_inh{n // 5}_p{round(10 * p)}"
        for method, auroc in (("causalformer", attention), ("mvgc_aic", aic), ("mvgc_bic", bic)):
            r2_of = r2 if method == "causalformer" else float("nan")
            rows.append({"method": method, "set": name, "n_units": n, "p": p, "auroc": auroc, "r2": r2_of})
    return pd.DataFrame(rows)
