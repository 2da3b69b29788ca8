"""Discovery by a regularised Jacobian: JRNGC."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.discover.gradient import GradientDiscoverer
from synfer.discover.neural import COUNT
from synfer.forecast import LaggedForecaster, MLPForecaster, ResidualForecaster


class JacobianGC(GradientDiscoverer):
    """Granger causality by a regularised Jacobian (JRNGC, Zhou et al. 2024): a residual perceptron for all units.

    ``x(t) = V h_n``, ``h_1 = tanh(W x)``, ``h_k+1 = h_k + tanh(W_k h_k)``, learnt by
    ``mean (f - y)^2 + penalty / N * |J|`` with the L1 norm of the gradient, or the sum of its squares ("frobenius"),
    the diagonal included. ``score`` and the further parameters and attributes are as for `GRNGC`, of which this is the
    elder: no skip, the diagonal penalised.

    That network is synfer's, as are the ridge, the difference as target, lag 1 and 300 steps of a rate that falls to 0.
    The authors' code has a linear map in and then blocks with ReLU, dropout and layer normalisation
    (`synfer.forecast.ResidualForecaster`); it forecasts the sample itself, from five lags, without ridge, in up to
    10,000 steps at a rate of .001: ``network="published"``, ``target="value"``, ``lag=5``, ``ridge=0.0``,
    ``learning_rate=0.001``, ``max_epochs=10_000``, with 1 layer of 50 units (a linear forecast) for autoregressions and
    6 of 100 for Lorenz-96. Its penalty is ours divided by N ("l1"), or twice that ("frobenius", estimated there from
    one random projection).

    Parameters
    ----------
    lag, max_lag
        As for `GRNGC`.
    n_hidden, n_layers : int
        Width, and hidden layers: with "published" the map in and ``n_layers - 1`` blocks.
    penalty : float or "auto"
    norm : {"l1", "frobenius"}
    network : {"tanh", "published"}
        Layers as above, or as in the authors' code.
    dropout : float
        Of the published network's blocks, in training.
    ridge : float or "auto"
        On the weights, without which so large a network learns the noise by heart.
    target : {"difference", "value"}
    readout, n_init, max_epochs, learning_rate, batch_size, device, progress, random_state
        As for `GRNGC`.

    References
    ----------
    Zhou, Bai, Yu, Zhao, Chen, "Jacobian Regularizer-based Neural Granger Causality", ICML 2024, arXiv:2405.08779.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import JacobianGC
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> x[1:, 1] += 0.8 * x[:-1, 0]
    >>> connectome = JacobianGC(lag=1, random_state=0, progress=False).fit(x).connectome_
    >>> connectome.edges()[["source", "target"]].values[0].tolist()
    [0, 1]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GradientDiscoverer._parameter_constraints,
        "n_layers": COUNT,
        "norm": [StrOptions({"l1", "frobenius"})],
        "network": [StrOptions({"tanh", "published"})],
        "dropout": [Interval(Real, 0.0, 1.0, closed="left")],
        "target": [StrOptions({"difference", "value"})],
    }

    def __init__(
        self,
        *,
        lag: int | str = 1,
        max_lag: int = 5,
        n_hidden: int | None = 64,
        n_layers: int = 3,
        penalty: float | str = 0.03,
        norm: str = "l1",
        network: str = "tanh",
        dropout: float = 0.2,
        ridge: float | str = 0.1,
        target: str = "difference",
        readout: str = "gradient",
        n_init: int = 1,
        max_epochs: int = 300,
        learning_rate: float = 0.01,
        batch_size: int = 4096,
        device: str = "cpu",
        progress: bool = True,
        random_state: Any = None,
    ):
        self.lag = lag
        self.max_lag = max_lag
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.penalty = penalty
        self.norm = norm
        self.network = network
        self.dropout = dropout
        self.ridge = ridge
        self.target = target
        self.readout = readout
        self.n_init = n_init
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.device = device
        self.progress = progress
        self.random_state = random_state

    def _make(
        self,
        n_units: int,
        lag: int,
        scale: np.ndarray | None,
        strengths: Sequence[float],
        ridges: Sequence[float],
        seeds: Sequence[int],
    ) -> LaggedForecaster:
        about: dict[str, Any] = {
            "n_hidden": 64 if self.n_hidden is None else self.n_hidden,
            "seeds": seeds,
            "scale": scale,
            "skip": False,
            "strengths": strengths,
            "ridge": ridges,
            "norm": "l1" if self.norm == "l1" else "l2",
            "penalise_self": True,
        }
        if self.network == "published":
            return ResidualForecaster(n_units, lag, n_blocks=self.n_layers - 1, dropout=self.dropout, **about)
        return MLPForecaster(n_units, lag, n_layers=self.n_layers, **about)
