"""Discovery by a graph that a transformer learns to forecast through."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover.attending import AttentionDiscoverer
from synfer.discover.base import Samples
from synfer.errors import InputError
from synfer.forecast import Likelihood, Mask2CauseForecaster, Schedule, VaryingGaussian

_COUNT = [Interval(Integral, 1, None, closed="left")]


class Mask2Cause(AttentionDiscoverer):
    """One graph, learned as a mask on the attention of a forecasting transformer (Muhammad et al. 2026).

    Each unit's last samples are one token; attention between tokens is weighted by a graph ``G = sigmoid(Theta)`` that
    is shared by all heads and layers and costs ``penalty`` times the mean of its edges
    (:class:`synfer.forecast.Mask2CauseForecaster`). ``score`` is G, mean over initialisations. With ``head="nll"`` the
    forecast has a variance too, so that what drives only a unit's variance counts.

    Limits: the softmax takes the graph row by row, relative to the unit's own pinned place, and the content of tokens
    can make up for what the graph says, wholly where the penalty is high; two layers let paths i <- k <- j pass, so G
    leans towards who can be reached. No sign. The published settings differ from set to set, epochs among them, at a
    constant rate and learnt from all windows; here they are one, the rate rises for ten epochs and falls to 0, and the
    last fifth of windows is kept for `r2_`. The published variant with a second graph, for the variance, is not here.

    Parameters
    ----------
    window : int
        Samples of context.
    head : {"mse", "nll"}
    penalty : float
    d_model, n_heads, n_layers : int
    dropout : float
    n_init : int
        Initialisations, trained side by side.
    max_epochs, learning_rate, batch_size
        Of the training (Adam; the rate falls to 0 over ``max_epochs``).
    device : str
    progress : bool
    random_state : int, RandomState or None

    Attributes
    ----------
    connectome_ : Connectome
        ``score``, and ``score_std`` over initialisations.
    graph_ : numpy.ndarray, (init, target, source)
    attention_ : numpy.ndarray, (init, target, source)
        Mean attention over the last fifth of windows, heads and layers.
    forecaster_ : Mask2CauseForecaster
    history_, r2_, residual_variance_, offset_, scale_, clock_
        As for `Causalformer`.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import Mask2Cause
    >>> x = np.random.default_rng(0).standard_normal((600, 3))
    >>> x[1:, 1] += 0.8 * x[:-1, 0]
    >>> found = Mask2Cause(window=1, max_epochs=40, random_state=0, progress=False).fit(x).connectome_
    >>> found.edges()[["source", "target"]].values[0].tolist()
    [0, 1]

    References
    ----------
    Muhammad, Shivkant, Subramani, "Mask2Cause", 2026, arXiv:2605.07280.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "window": _COUNT,
        "head": [StrOptions({"mse", "nll"})],
        "penalty": [Interval(Real, 0.0, None, closed="left")],
        "d_model": _COUNT,
        "n_heads": _COUNT,
        "n_layers": _COUNT,
        "dropout": [Interval(Real, 0.0, 1.0, closed="left")],
        "n_init": _COUNT,
        "max_epochs": _COUNT,
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "batch_size": _COUNT,
        "device": [str],
        "progress": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        window: int = 1,
        head: str = "mse",
        penalty: float = 0.02,
        d_model: int = 32,
        n_heads: int = 4,
        n_layers: int = 2,
        dropout: float = 0.1,
        n_init: int = 1,
        max_epochs: int = 200,
        learning_rate: float = 0.01,
        batch_size: int = 32,
        device: str = "cpu",
        progress: bool = True,
        random_state: Any = None,
    ):
        self.window = window
        self.head = head
        self.penalty = penalty
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.dropout = dropout
        self.n_init = n_init
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.device = device
        self.progress = progress
        self.random_state = random_state

    @property
    def _law(self) -> Likelihood:
        return VaryingGaussian() if self.head == "nll" else super()._law

    def _min_samples(self, n_units: int) -> int:
        return self.window + 5

    def _discover(self, samples: Samples) -> Connectome:
        if self.d_model % self.n_heads:
            raise InputError(f"d_model must be a multiple of n_heads = {self.n_heads}; got {self.d_model}.")

        def make(seeds: Sequence[int]) -> Mask2CauseForecaster:
            return Mask2CauseForecaster(
                samples.n_units,
                window=self.window,
                d_model=self.d_model,
                n_heads=self.n_heads,
                n_layers=self.n_layers,
                dropout=self.dropout,
                varying=self.head == "nll",
                strength=self.penalty,
                seeds=seeds,
            )

        schedule = Schedule(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=0.0,
            max_epochs=self.max_epochs,
            anneal=True,
        )
        self.attention_ = self._learn(samples, make, schedule)[2]
        self.graph_ = self.forecaster_.graph().detach().double().cpu().numpy()
        score = self.graph_.mean(0)
        spread = {"score_std": self.graph_.std(0)} if self.n_init > 1 else {}
        for field in (score, *spread.values()):
            np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, converged=self._converged(), **spread)

    def _evidence(self, attention: np.ndarray) -> np.ndarray:
        return attention
