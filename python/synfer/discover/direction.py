"""Which of two correlated units drives the other, from the shape of their distributions alone: no lag is asked.

Where one standardised unit is a linear function of the other and of independent noise, and either is not Gaussian, the
two directions have different likelihoods. To first order their ratio is (Hyvaerinen and Smith 2013)

    R[i, j] = rho_ij E[x_j tanh(x_i) - x_i tanh(x_j)],    > 0 where j drives i

for distributions with heavier tails than normal; R is antisymmetric. Other causes of both, and noise on the
measurement, mislead it.

Source: A. Hyvaerinen and S. M. Smith, "Pairwise likelihood ratios for estimation of non-Gaussian structural equation
models", J. Mach. Learn. Res. 14 (2013), 111-152.
"""

from __future__ import annotations

import numpy as np

from synfer.discover.robust import newey_west_lag


def nongaussian_direction(segments: list[np.ndarray]) -> np.ndarray:
    """Give z (target, source), R over its standard error: antisymmetric, positive where source drives target.

    Parameters
    ----------
    segments : list of array, each (time, unit)
        Of mean 0 and variance 1 over all of them. The error takes in autocovariances up to Newey and West's lag, by
        Bartlett's kernel, within each segment; that means and variances were estimated too is not taken off: for
        Gaussian pairs z has a standard deviation of .7.
    """
    n_samples, n = sum(map(len, segments)), segments[0].shape[1]
    most = newey_west_lag(n_samples)
    rho, mean = np.zeros((n, n)), np.zeros((n, n))
    for x in segments:
        rho += x.T @ x / n_samples
        mean += np.tanh(x).T @ x / n_samples
    mean = mean - mean.T  # (i, j): E[tanh(x_i) x_j - x_i tanh(x_j)]
    variance = np.zeros((n, n))
    for x in segments:
        t = np.tanh(x)
        for lag in range(min(most, len(x) - 1) + 1):
            # d_ij(s) d_ij(s + lag), d_ij = t_i x_j - x_i t_j, summed over s: four products of matrices
            early, late = slice(0, len(x) - lag), slice(lag, None)
            tt, xx, tx, xt = t[early] * t[late], x[early] * x[late], t[early] * x[late], x[early] * t[late]
            both = tt.T @ xx + xx.T @ tt - tx.T @ xt - xt.T @ tx
            sums = [of_t.T @ of_x - of_x.T @ of_t for of_t, of_x in ((t[early], x[early]), (t[late], x[late]))]
            centred = both - mean * (sums[0] + sums[1]) + (len(x) - lag) * mean**2
            variance += centred * (1.0 if lag == 0 else 2.0 * (1.0 - lag / (most + 1.0)))
    # rho is a constant factor of R and of its error; its sign stays. Two units alike in all give 0.
    error = np.sqrt(np.maximum(variance, 0.0)) / n_samples
    return np.sign(rho) * np.divide(mean, error, out=np.zeros_like(mean), where=error > 0)
