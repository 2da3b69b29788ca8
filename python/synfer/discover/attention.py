"""Discovery by attention: whose past did the forecast of each neuron look at?"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover.attending import AttentionDiscoverer
from synfer.discover.base import Samples
from synfer.forecast import LIKELIHOODS, CausalformerForecaster, Schedule

_COUNT = [Interval(Integral, 1, None, closed="left")]


class Causalformer(AttentionDiscoverer):
    """Connectome from the global cross-attention of a forecasting transformer (Lu et al. 2023).

    An ensemble of initialisations is trained together to forecast the next sample of every unit. On the test windows
    (the last fifth) the attention A that target i pays to the tokens of source j gives, for one initialisation,

    ``S_ij = mean over windows of the sum over layers, heads and lags of A^h[i, (j, l)]``,

    its rows (own history included) normalised to sum 1. ``score`` is the mean over initialisations, ``score_std``
    their standard deviation; the diagonal, through which own history also passes elsewhere in the model, is NaN.
    With the Gaussian likelihood each unit is z-scored over the whole recording, as the paper prepares its input: scale
    and offset do not matter; nor does the recording's own clock (:class:`synfer.forecast.Clock`).
    Softmax attention has no sign: ``weight`` is not given. A single initialisation is some .1 of AUROC worse than ten.

    Parameters
    ----------
    n_init : int
        Initialisations.
    window : int
        Samples of context.
    likelihood : {"gaussian", "poisson", "bernoulli"}
        Law of the next sample: squared error for voltage, the others for spike counts and spike trains.
    d_model, n_heads, d_head, d_hidden, n_layers : int
        Width of a token, attention heads and their width, width of the feed-forward blocks, encoder and decoder layers.
    dropout : float
    batch_size, learning_rate, weight_decay, max_epochs, patience
        Of the training (AdamW; the rate is halved after 3 epochs without gain, training ends after ``patience``).
    device : str
        Where torch computes.
    progress : bool
        Show a bar where the output is a terminal.
    checkpoint : path, optional
        Where `fit` writes every half minute how far it has come. Where the file exists, the same fit (of the same data,
        parameters and ``random_state``, an int then) goes on from there, with the result that it would have had.
    random_state : int, RandomState or None

    Attributes
    ----------
    connectome_ : Connectome
    attention_ : numpy.ndarray, (init, target, source)
        Row-normalised attention of each initialisation, with its diagonal.
    forecaster_ : CausalformerForecaster
    history_ : list of History, one an initialisation
    r2_ : numpy.ndarray, (unit,)
        Coefficient of determination of the ensemble's mean forecast on the test windows; NaN for a unit that does
        not vary there. Where none is above 0 the fit has learnt nothing: ``converged`` is False.
    residual_variance_ : numpy.ndarray, (unit,)
        Of the ensemble's mean forecast, on the validation windows.
    offset_, scale_ : numpy.ndarray, (unit,)
        The model sees (x - offset_) / scale_.
    clock_ : synfer.forecast.Clock

    Examples
    --------
    >>> import synfer as sf
    >>> network = sf.simulate.izhikevich_network(2, 1, p=0.4)
    >>> seen = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, duration=0.3))
    >>> causalformer = sf.discover.Causalformer(n_init=2, max_epochs=200, random_state=0)  # the paper: n_init=10
    >>> causalformer.fit(seen).connectome_.score.dims
    ('target', 'source')

    References
    ----------
    Lu, Tabassum, Kulkarni, Mi, Kutz, Shea-Brown, Lim, "Attention for Causal Relationship Discovery from Biological
    Neural Dynamics", 2023, arXiv:2311.06928.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_init": _COUNT,
        "window": _COUNT,
        "d_model": _COUNT,
        "n_heads": _COUNT,
        "d_head": _COUNT,
        "d_hidden": _COUNT,
        "n_layers": _COUNT,
        "batch_size": _COUNT,
        "max_epochs": _COUNT,
        "patience": _COUNT,
        "likelihood": [StrOptions(set(LIKELIHOODS))],
        "dropout": [Interval(Real, 0.0, 1.0, closed="left")],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0.0, None, closed="left")],
        "device": [str],
        "progress": ["boolean"],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_init: int = 10,
        *,
        window: int = 10,
        likelihood: str = "gaussian",
        d_model: int = 100,
        n_heads: int = 10,
        d_head: int = 8,
        d_hidden: int = 400,
        n_layers: int = 1,
        dropout: float = 0.1,
        batch_size: int = 16,
        learning_rate: float = 5e-4,
        weight_decay: float = 1e-3,
        max_epochs: int = 200,
        patience: int = 10,
        device: str = "cpu",
        progress: bool = True,
        checkpoint: str | os.PathLike[str] | None = None,
        random_state: Any = None,
    ):
        self.n_init = n_init
        self.window = window
        self.likelihood = likelihood
        self.d_model = d_model
        self.n_heads = n_heads
        self.d_head = d_head
        self.d_hidden = d_hidden
        self.n_layers = n_layers
        self.dropout = dropout
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.device = device
        self.progress = progress
        self.checkpoint = checkpoint
        self.random_state = random_state

    def _min_samples(self, n_units: int) -> int:
        return self.window + 5  # five windows: three to learn from, one to stop by, one to read

    def _memory(self) -> int:
        return sys.maxsize  # the forecaster is told the time since the segment began

    def _discover(self, samples: Samples) -> Connectome:
        def make(seeds: Sequence[int]) -> CausalformerForecaster:
            return CausalformerForecaster(
                samples.n_units,
                window=self.window,
                d_model=self.d_model,
                n_heads=self.n_heads,
                d_head=self.d_head,
                d_hidden=self.d_hidden,
                n_layers=self.n_layers,
                dropout=self.dropout,
                seeds=seeds,
            )

        schedule = Schedule(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.patience,
        )
        self.attention_ = self._evidence(self._learn(samples, make, schedule)[2])
        score, spread = self.attention_.mean(0), self.attention_.std(0)
        np.fill_diagonal(score, np.nan)
        np.fill_diagonal(spread, np.nan)
        return self._connectome(samples, score, score_std=spread, converged=self._converged())

    def _evidence(self, attention: np.ndarray) -> np.ndarray:
        return attention / attention.sum(-1, keepdims=True)
