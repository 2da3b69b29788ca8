"""Discovery by tests of conditional independence: the PC algorithm, as causal-learn has it."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.errors import InputError

_COLLINEAR = 1e-10  # least eigenvalue of the correlations below which units are


class PC(BaseDiscoverer):
    """Edges that no conditioning explains away, directed where colliders and acyclicity tell the way (PC).

    Two variables are joined unless some set of their neighbours makes them independent, by Fisher's z test of the
    partial correlation; two that are not joined but share a neighbour that was in no such set both drive it, and what
    follows from that without cycles or further colliders is directed too. It is for independent samples (rows in any
    order) of an acyclic linear Gaussian system without hidden common causes; samples of a time series are not
    independent, and nothing is made of their order. Needs causal-learn, ``synfer[pc]``.

    Parameters
    ----------
    alpha : float
        Level of each test. It is not the error rate of the graph.
    max_conditioned : int
        Variables conditioned on at once, at most: the time grows with as many choices among a variable's neighbours.

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` 1 for a directed edge, .5 both ways for one whose direction is not told, or for which two ways are
        told, 0 for no edge. There are no other values: it is a graph, not a ranking.

    Raises
    ------
    InputError
        See ``fit``; further, causal-learn is not installed, or units are collinear.

    References
    ----------
    P. Spirtes, C. Glymour, R. Scheines, Causation, Prediction, and Search, MIT Press 2000. D. Colombo, M. H. Maathuis,
    J. Mach. Learn. Res. 15 (2014), 3741-3782 (the order of variables is no matter to who is joined). Y. Zheng et al.,
    Causal-learn, J. Mach. Learn. Res. 25 (2024).

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import PC
    >>> x = np.random.default_rng(0).standard_normal((2000, 3))
    >>> x[:, 2] += x[:, 0] + x[:, 1]  # a collider
    >>> PC().fit(x).connectome_.score.sel(target=2).values.tolist()
    [1.0, 1.0, nan]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [Interval(Real, 0.0, 1.0, closed="neither")],
        "max_conditioned": [Interval(Integral, 0, None, closed="left")],
    }
    _takes_few: ClassVar[bool] = True

    def __init__(self, alpha: float = 0.01, max_conditioned: int = 3) -> None:
        self.alpha = alpha
        self.max_conditioned = max_conditioned

    def _min_samples(self, n_units: int) -> int:
        return min(self.max_conditioned, n_units - 2) + 4  # Fisher's z has n - k - 3 degrees of freedom

    def _discover(self, samples: Samples) -> Connectome:
        pc, k = _pc(), int(self.max_conditioned)
        rows = np.concatenate([np.asarray(segment, dtype=np.float64) for segment in samples.segments])
        rows = (rows - rows.mean(0)) / rows.std(0)
        collinear = len(rows) > rows.shape[1] and np.linalg.eigvalsh(np.corrcoef(rows.T))[0] < _COLLINEAR
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of more units than samples
                made = None if collinear else pc(rows, self.alpha, "fisherz", max_k=k, show_progress=False)
        except ValueError as error:
            if "singular" not in str(error):
                raise
            made = None
        if made is None:
            raise InputError(
                "X must not hold units that others explain wholly, for what is left of them is tested; got some: drop "
                "them, or take PartialCorrelation with shrinkage."
            )
        # Of an edge a -> b causal-learn has -1 at [a, b], its tail, and 1 at [b, a]; of one without direction -1 twice.
        ends = made.G.graph
        joined = (ends != 0) | (ends.T != 0)
        score = np.where(joined, 0.5, 0.0)
        score[(ends == 1) & (ends.T == -1)] = 1.0
        score[(ends == -1) & (ends.T == 1)] = 0.0
        np.fill_diagonal(score, np.nan)
        return self._connectome(samples, score, converged=True)


def _pc() -> Any:
    try:
        from causallearn.search.ConstraintBased.PC import pc
    except ImportError:
        raise InputError("PC needs causal-learn, which is not installed: pip install 'synfer[pc]'.") from None
    return pc
