"""Which sources a target needs: a group lasso on the quadratic that a fit's information makes of its likelihood.

    minimise  1/2 (beta - b)' H (beta - b) + strength sum_j |S_j^(1/2) beta_j| / |S_j^(1/2) b_j|

b is the maximum of the likelihood, H its information, beta_j the coefficients of source j and S_j the inverse of their
covariance H^-1_jj, so that |S_j^(1/2) b_j|^2 is the Wald statistic of j: what is weakly supported is shrunk most (the
adaptive lasso), in units that do not hang on how the columns are scaled. The intercept and the target's own history are
not penalised. The strength is given, or chosen by the BIC, which counts the target's spikes: bins without tell little.

    BIC = (beta - b)' H (beta - b) + log(events) sum_{j kept} (1 + (size - 1) |S_j^(1/2) beta_j| / |S_j^(1/2) b_j|)

Sources: H. Wang and C. Leng, J. Am. Stat. Assoc. 102 (2007), 1039-1048 (the quadratic, and its BIC); the same, Comput.
Stat. Data Anal. 52 (2008), 5277-5286 (groups); C. Volinsky and A. Raftery, Biometrics 56 (2000), 256-262 (events);
M. Yuan and Y. Lin, J. R. Stat. Soc. B 68 (2006), 49-67 (degrees of freedom); A. Beck and M. Teboulle, SIAM J. Imaging
Sci. 2 (2009), 183-202 (the steps).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, sqrtm

from synfer.errors import FitDivergedError

STRENGTHS = 30
LEAST = 1e-4  # of the strength that leaves no source
STEPS = 5000
TOLERANCE = 1e-7


def shrink(
    coef: np.ndarray, information: np.ndarray, free: np.ndarray, groups: np.ndarray, events: int, strength: float | None
) -> tuple[np.ndarray, float]:
    """Give the coefficients that are left, and the strength.

    Parameters
    ----------
    coef : array (column,)
        b, at the maximum of the likelihood.
    information : array (column, column)
        H, positive definite.
    free : array of int
        Columns that are not penalised.
    groups : array (source, size) of int
        Columns of each source; every column is free or in one group.
    events : int
        For the BIC.
    strength : float, optional
        None to choose it.

    Raises
    ------
    FitDivergedError
        The steps do not come to rest.
    numpy.linalg.LinAlgError
        The information is singular.
    """
    n, size = groups.shape
    columns = groups.ravel()
    held = cho_factor(information[np.ix_(free, free)])
    across = information[np.ix_(free, columns)]
    profile = information[np.ix_(columns, columns)] - across.T @ cho_solve(held, across)  # free ones at their best
    covariance = cho_solve(cho_factor(profile), np.eye(len(columns)))
    undo = np.zeros_like(profile)  # from whitened coefficients to columns'
    for j in range(n):
        block = slice(j * size, (j + 1) * size)
        undo[block, block] = np.real(sqrtm(covariance[block, block]))
    quadratic = undo.T @ profile @ undo
    best = np.linalg.solve(undo, coef[columns])
    length = np.maximum(np.linalg.norm(best.reshape(n, size), axis=1), 1e-12)
    steepest = float(np.linalg.eigvalsh(quadratic)[-1])
    pull = quadratic @ best
    most = (1.0 + 1e-9) * float((np.linalg.norm(pull.reshape(n, size), axis=1) * length).max())  # no rounding is left
    path = np.geomspace(most, LEAST * most, STRENGTHS) if strength is None else np.array([strength])
    theta, chosen, least = np.zeros_like(best), (np.zeros_like(best), float(path[0])), np.inf
    for value in path:
        theta = _solve(quadratic, pull, value / length, theta, steepest)
        kept = np.linalg.norm(theta.reshape(n, size), axis=1)
        df = float(((kept > 0) * (1.0 + (size - 1) * kept / length)).sum())
        bic = float((theta - best) @ quadratic @ (theta - best)) + np.log(max(events, 2)) * df
        if bic < least:
            chosen, least = (theta.copy(), float(value)), bic
    left = coef.copy()
    left[columns] = undo @ chosen[0]
    left[free] = coef[free] - cho_solve(held, across @ (left[columns] - coef[columns]))
    return left, chosen[1]


def _solve(
    quadratic: np.ndarray, pull: np.ndarray, threshold: np.ndarray, theta: np.ndarray, steepest: float
) -> np.ndarray:
    """Minimise 1/2 theta' Q theta - pull' theta + sum threshold_j |theta_j| from ``theta`` on, with momentum."""
    n = len(threshold)
    ahead, momentum = theta.copy(), 1.0
    for _ in range(STEPS):
        step = (ahead - (quadratic @ ahead - pull) / steepest).reshape(n, -1)
        norm = np.linalg.norm(step, axis=1)
        keep = np.maximum(1.0 - threshold / (steepest * np.maximum(norm, 1e-300)), 0.0)
        new = (keep[:, None] * step).ravel()
        if (ahead - new) @ (new - theta) > 0:  # it overshoots: begin anew
            momentum = 1.0
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = new + (momentum - 1.0) / following * (new - theta)
        moved = float(np.abs(new - theta).max())
        theta, momentum = new, following
        if moved <= TOLERANCE * max(float(np.abs(theta).max()), 1.0):
            return theta
    raise FitDivergedError(
        f"the group lasso had not come to rest after {STEPS} steps: take fewer basis functions, or set ridge > 0."
    )
