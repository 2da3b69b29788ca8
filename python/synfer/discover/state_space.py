"""Granger causality of a fitted vector autoregression, without fitting it again: from its state-space form.

Take source j out of sight. What is left, r, follows

    x_r(t) = known past of r + C z(t) + e_r(t),    z(t + 1) = a z(t) + known past of r + (e_j(t), 0, ...)'

where z holds the last p samples of j, C = A[r, j] its coefficients (unit, lag) and a the companion matrix of A[j, j].
So the best forecast of r from its own infinite past is a Kalman filter with p states, whose error covariance P solves
the discrete algebraic Riccati equation

    P = a P a' + Q - (a P C' + S) (C P C' + V_rr)^-1 (a P C' + S)',    Q = V_jj e e', S = e V_jr, e = (1, 0, ...)'

and its innovations have covariance V^R = C P C' + V_rr. Pairwise-conditional causality is

    F[i, j] = log V^R_ii - log V_ii.

With p states instead of unit x p, all sources are solved at once by doubling. Only V^R's diagonal is needed, and only
products of lags by lags: memory is a few times unit^2 x p.

Sources: L. Barnett and A. K. Seth, "Granger causality for state-space models", Phys. Rev. E 91 (2015), 040101;
V. Solo, "State-space analysis of Granger-Geweke causality measures", Neural Comput. 28 (2016), 914-949;
E. K.-W. Chu, H.-Y. Fan, W.-W. Lin, C.-S. Wang, "Structure-preserving algorithms for periodic discrete-time algebraic
Riccati equations", Int. J. Control 77 (2004), 767-788 (doubling); A. J. Gutknecht and L. Barnett, "Sampling
distribution for single-regression Granger causality estimators", Biometrika 110 (2023), 933-952.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

DOUBLINGS = 60  # of the horizon: 2^60 steps; a handful are taken


@dataclass(frozen=True)
class Reduced:
    """The best forecast of all units but one, for each such unit (source).

    Attributes
    ----------
    variance : numpy.ndarray, (source, unit)
        Of its innovations, the diagonal of V^R; at the source itself that of all units' innovations.
    gain : numpy.ndarray, (source, lag, unit)
        Of the filter of the source's last samples; 0 at the source itself.
    state_covariance : numpy.ndarray, (source, lag, lag)
        P.
    """

    variance: np.ndarray
    gain: np.ndarray
    state_covariance: np.ndarray


@dataclass(frozen=True)
class _Unseen:
    """Each source's last samples as a state that the others show; rows and columns of all units, 0 at the source.

    With W = V^-1, the others' inverse is W_rr - W_rj W_jr / W_jj: one inversion serves all sources, and no matrix of
    units by units is made for each.
    """

    a: np.ndarray  # (source, lag, lag), dynamics, the part of e_j that e_r tells taken in: a - S V_rr^-1 C
    c: np.ndarray  # (source, unit, lag), C
    seen: np.ndarray  # (source, unit, lag), V_rr^-1 C
    told: np.ndarray  # (source, unit), first row of S V_rr^-1
    noise: np.ndarray  # (source,), variance of e_j given e_r
    inverse: np.ndarray  # (source, unit), diagonal of V_rr^-1


def _unseen(coef: np.ndarray, covariance: np.ndarray) -> _Unseen:
    p, n, _ = coef.shape
    own = np.arange(n)
    c = np.array(coef.transpose(2, 1, 0), order="C")
    a = np.tile(np.eye(p, k=-1), (n, 1, 1))
    a[:, 0] = c[own, own]
    c[own, own] = 0.0
    w = np.linalg.inv(covariance)
    w = (w + w.T) / 2.0
    noise = 1.0 / np.diag(w)
    told = -w * noise[:, None]  # V_jr V_rr^-1 = -W_jr / W_jj
    told[own, own] = 0.0
    seen = w @ c
    seen += told[:, :, None] * seen[own, own][:, None, :]
    seen[own, own] = 0.0
    a[:, 0] -= (told[:, None, :] @ c)[:, 0]
    inverse = np.diag(w) - told**2 / noise[:, None]
    return _Unseen(a, c, seen, told, noise, inverse)


def riccati(a: np.ndarray, g: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Solve P = a P (1 + g P)^-1 a' + q for the stabilising P >= 0; leading axes are many equations.

    Parameters
    ----------
    a, g, q : arrays, (..., state, state)
        g and q symmetric, at least 0.

    Raises
    ------
    numpy.linalg.LinAlgError
        The iteration does not converge: some state neither decays nor is seen.
    """
    a, h = np.swapaxes(a, -1, -2), q
    identity = np.eye(a.shape[-1])
    for _ in range(DOUBLINGS):
        # (1 + g h)^-1 [a, g]
        solved = np.linalg.solve(identity + g @ h, np.concatenate([a, g], axis=-1))
        of_a, of_g = np.split(solved, 2, axis=-1)
        step = np.swapaxes(a, -1, -2) @ h @ of_a
        g = g + a @ of_g @ np.swapaxes(a, -1, -2)
        a, h = a @ of_a, h + (step + np.swapaxes(step, -1, -2)) / 2
        size = np.abs(h).max(axis=(-1, -2), initial=0.0)
        if not np.isfinite(size).all():
            break
        if (np.abs(step).max(axis=(-1, -2), initial=0.0) <= 1e-15 * size).all():
            return np.asarray(h)
    raise np.linalg.LinAlgError("the Riccati equation has no stabilising solution within reach")


def reduce(coef: np.ndarray, covariance: np.ndarray) -> Reduced:
    """Take each unit out of an autoregression, coef (lag, target, source) and covariance (target, target), in turn."""
    p, n, _ = coef.shape
    unseen = _unseen(coef, covariance)
    g = np.swapaxes(unseen.c, 1, 2) @ unseen.seen
    q = np.zeros((n, p, p))
    q[:, 0, 0] = unseen.noise
    state = riccati(unseen.a, g, q)
    variance = np.diag(covariance) + ((unseen.c @ state) * unseen.c).sum(axis=2)
    # C' (C P C' + V_rr)^-1 = (1 + g P)^-1 C' V_rr^-1: systems of lags, not of units.
    gain = unseen.a @ state @ np.linalg.solve(np.eye(p) + g @ state, np.swapaxes(unseen.seen, 1, 2))
    gain[:, 0] += unseen.told
    return Reduced(variance, gain, state)


def pairwise_conditional(reduced: Reduced, covariance: np.ndarray) -> np.ndarray:
    """F[target, source], NaN on the diagonal."""
    f = np.log(reduced.variance.T) - np.log(np.diag(covariance))[:, None]
    np.fill_diagonal(f, np.nan)
    return f


def null_moments(coef: np.ndarray, covariance: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of (samples x F) where there is no causality.

    There F is quadratic in the p coefficients b of j in i's equation, F = b' P b / V_ii with P the error covariance of
    j's last samples given the others' past, and b ~ N(0, V_ii [G^-1]_jj / samples): a sum of p squared normals weighted
    by the eigenvalues of P [G^-1]_jj (Gutknecht and Barnett 2023), each at most 1.

    Parameters
    ----------
    coef : array, (lag, target, source)
    covariance : array, (target, target)
    precision : array, (source, lag, lag)
        [G^-1]_jj, blocks of the inverse covariance of all units' p last samples.

    Returns
    -------
    mean, variance : numpy.ndarray, (target, source)
        NaN on the diagonal.
    """
    p, n, _ = coef.shape
    mean, variance = np.empty((n, n)), np.empty((n, n))
    unseen = _unseen(coef, covariance)
    q = np.zeros((p, p))
    for j in range(n):
        c, seen = unseen.c[j], unseen.seen[j]
        # For each target i, its row of c at zero.
        row = c[:, :, None]
        cross = row @ seen[:, None, :]
        g = c.T @ seen - cross - np.swapaxes(cross, 1, 2)
        g = g + unseen.inverse[j][:, None, None] * row @ np.swapaxes(row, 1, 2)
        dynamics = np.tile(unseen.a[j], (n, 1, 1))
        dynamics[:, 0] += unseen.told[j][:, None] * c
        q[0, 0] = unseen.noise[j]
        state = riccati(dynamics, g, np.broadcast_to(q, g.shape))
        weighted = state @ precision[j]
        mean[:, j] = np.trace(weighted, axis1=1, axis2=2)
        variance[:, j] = 2.0 * np.trace(weighted @ weighted, axis1=1, axis2=2)
    np.fill_diagonal(mean, np.nan)
    np.fill_diagonal(variance, np.nan)
    return mean, variance


def null_pvalue(f: np.ndarray, mean: np.ndarray, variance: np.ndarray, residual_df: float) -> np.ndarray:
    """P-value of F where there is no causality, by moments of `null_moments` and the residual degrees of freedom.

        d (exp F - 1) / mean ~ F(k, d),    k = 2 mean^2 / variance,    d = rows - unit p - 1

    It is exp F - 1 = b' P b / V_ii, not F, that is quadratic in b. Its numerator is a sum of p weighted squares, here
    mean chi^2(k) / k, which has their mean and variance (Satterthwaite 1946); in its denominator is the residuals' sum
    of squares, sigma^2 chi^2(d), which MVGC divides by its rows, as if no coefficient had been fitted: so much more is
    found by chance. P has the scale of V itself, but so have the moments. As d grows this becomes the gamma law of mean
    and variance.

    By bench/results/small_samples.md it rejects .044 to .059 at .05, and .0007 to .0015 at .001, while a unit's
    coefficients are at most a third of the rows. At half of them or more it rejects .03 to .05 of least squares, and
    .01 of the lattice recursion; and where units remember for long (autoregressive with .8) and a criterion chooses
    the order, up to .07, as every such test does. Two moments do not make a tail: where the p weights differ
    (k = p / 2) a p-value of .001 is up to twice, one of 1e-5 up to five times too small.

    Sources: of the numerator Gutknecht and Barnett 2023, above; F. E. Satterthwaite, "An approximate distribution of
    estimates of variance components", Biometrics Bull. 2 (1946), 110-114.

    Parameters
    ----------
    f : array
        F, in nats.
    mean, variance : arrays, of its shape
        Of rows x F.
    residual_df : float
        d.

    Returns
    -------
    numpy.ndarray
        NaN where F is.
    """
    return np.asarray(stats.f.sf(residual_df * np.expm1(f) / mean, 2.0 * mean**2 / variance, residual_df))


def spectral(coef: np.ndarray, covariance: np.ndarray, reduced: Reduced, frequencies: np.ndarray) -> np.ndarray:
    """Pairwise-conditional causality by frequency (Geweke 1984).

    Its mean over 0 .. 1/2 is F where every unit by itself would be stable (Geweke's condition), and can be less where
    one would not.

        f[i, j](w) = log V^R_ii - log(V^R_ii - q V_(w|i) q*),   q = B^R_i(w) H[r, not i](w)

    with H the transfer function of all units, B^R the inverse transfer function of those left without j, and V_(w|i)
    the covariance of the other units' innovations given that of i.

    Parameters
    ----------
    coef : array, (lag, target, source)
    covariance : array, (target, target)
    reduced : Reduced
    frequencies : array, (frequency,)
        In cycles per sample.

    Returns
    -------
    numpy.ndarray, (frequency, target, source)
    """
    p, n, _ = coef.shape
    z = np.exp(-2j * np.pi * frequencies[:, None] * np.arange(1, p + 1))  # (frequency, lag)
    transfer = np.linalg.inv(np.eye(n) - np.tensordot(z, coef, axes=1))
    f = np.full((len(frequencies), n, n), np.nan)
    others = [np.delete(np.arange(n), i) for i in range(n)]
    roots = []
    for i, w in enumerate(others):
        given = covariance[np.ix_(w, w)] - np.outer(covariance[w, i], covariance[i, w]) / covariance[i, i]
        roots.append(np.linalg.cholesky(given))
    step = z[:, :1, None]
    for j in range(n):
        r = others[j]
        c = coef[:, r, j].T
        a = np.eye(p, k=-1)
        a[0] = coef[:, j, j]
        gain = reduced.gain[j][:, r]
        # In frequency: seen = own x_r, and z(t + 1) = (a - gain c) z(t) + gain seen(t) + drive x_r(t), where drive is
        # what x_r's past adds to j; the innovations are seen - c z.
        own = np.eye(n - 1) - np.tensordot(z, coef[:, r[:, None], r], axes=1)  # (frequency, unit - 1, unit - 1)
        drive = np.zeros((len(z), p, n - 1), complex)
        drive[:, 0] = np.tensordot(z, coef[:, j, r], axes=1)
        closed = np.linalg.inv(np.eye(p) - step * (a - gain @ c)) * step
        inverse = own - c @ (closed @ (gain @ own + drive))
        variance = reduced.variance[j][r]
        for k, i in enumerate(r.tolist()):
            q = (inverse[:, None, k] @ transfer[:, r[:, None], others[i]])[:, 0] @ roots[i]
            f[:, i, j] = np.log(variance[k]) - np.log(variance[k] - (np.abs(q) ** 2).sum(axis=1))
    return f
