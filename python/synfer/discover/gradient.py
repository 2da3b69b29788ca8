"""Discovery by the gradient of a forecast: GRNGC, and what it shares with its elder, JRNGC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from synfer.connectome import Connectome
from synfer.discover.base import Samples
from synfer.discover.neural import NeuralDiscoverer
from synfer.discover.readouts import READOUTS, read
from synfer.errors import InputError, UnknownNameError
from synfer.forecast import (
    KANForecaster,
    LaggedForecaster,
    LSTMForecaster,
    MLPForecaster,
    TCNForecaster,
    Windows,
)

BACKBONES: dict[str, type[LaggedForecaster]] = {
    "kan": KANForecaster,
    "mlp": MLPForecaster,
    "lstm": LSTMForecaster,
    "tcn": TCNForecaster,
}


class GradientDiscoverer(NeuralDiscoverer):
    """A forecaster of all units, read by a read-out of `synfer.discover.readouts`."""

    readout: str

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **NeuralDiscoverer._parameter_constraints,
        "readout": [StrOptions(set(READOUTS))],
    }

    def read(self, X: Any, readout: str | None = None, signal: str | None = None) -> Connectome:
        """Read the fitted forecaster on samples, those of the fit or others, by any read-out.

        Parameters
        ----------
        X : Recording, or array, DataFrame or DataArray (time, unit)
        readout : {"gradient", "gradient_input", "ablation", "permutation"}, optional
            None for that of the fit.
        signal : str, optional

        Returns
        -------
        Connectome
            ``score`` as the read-out gives it, and the fields of the fit's.

        Raises
        ------
        InputError
            No such read-out, or samples that cannot be used.
        """
        readout = self.readout if readout is None else readout
        if readout not in READOUTS:
            raise UnknownNameError.of("readout", str(readout), READOUTS)
        samples = self._read(X, signal)
        windows = self._windows(samples, self.lag_)
        score = self._read_out(readout, self.forecaster_, windows, windows.starts).mean(0)
        fields = self._weights(samples, windows)
        for field in (score, *fields.values()):
            np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, converged=self.connectome_.converged, **fields)

    def _reread(self, samples: Samples) -> np.ndarray:
        """Score (target, source) of other samples, without a fit."""
        windows = self._windows(samples, self.lag_)
        score: np.ndarray = self._scores(self.forecaster_, windows, windows.starts).mean(0)
        np.fill_diagonal(score, np.nan)
        return score

    def _scores(self, forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> np.ndarray:
        return self._read_out(self.readout, forecaster, windows, starts)

    def _read_out(self, name: str, forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> np.ndarray:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        generator = torch.Generator().manual_seed(seed)
        return read(name, forecaster, windows, starts, generator).double().cpu().numpy()


class GRNGC(GradientDiscoverer):
    r"""Granger causality by a regularised gradient (Liu et al. 2025): one forecaster for all units.

    A network f forecasts the next increment of every unit, each divided by its standard deviation, from the last
    ``lag`` samples of all (z-scored); what it learns by is

    ``mean (f - y)^2 + penalty / N * sum over i != j, lag of mean over time of |J_ij,lag| + ridge * |weights|^2``

    with ``J = df_i / dx_j(t - lag)``. The gradient is made in one vectorised pass: in closed form for "mlp" and "kan",
    by batched vector-Jacobian products for "lstm" and "tcn"; in each step for some of the rows, drawn anew (all where
    they are few), so that the penalty costs about what the rest of a step does. ``score`` is ``mean |J_ij|`` at the lag
    where that is largest, or another read-out; ``weight`` the mean signed gradient in the signal's own units (of target
    per unit of source), ``delay`` its lag. All of the recording is fitted; the rate falls to 0 over ``max_epochs``.

    A linear ``skip`` beside the network, an unpenalised diagonal and the difference as target are options that the
    paper has not; on linear systems of many units they decide (off-diagonal AUROC at N = 100 from .62 to 1.0).

    Parameters
    ----------
    backbone : {"kan", "mlp", "lstm", "tcn"}
        Curves on splines, one hidden layer, recurrent, convolutional.
    lag : int or "auto"
        Samples of context. "auto": of 1, 2, 3, 5, 7, ... ``max_lag`` the one with the least held-out loss.
    max_lag : int
    n_hidden : int, optional
        Hidden units; None for 64 ("mlp", "tcn"), 32 ("kan", "lstm").
    penalty : float or "auto"
        Strength of the L1 norm; "auto": of ``penalties`` the one with the least held-out loss, each half of the
        recording forecast by a fit to the other (whole trials, where there are several, but for the middle one).
    ridge : float or "auto"
        On the network's weights, not the skip's: what is linear is to be the skip's. "auto": of ``ridges``, chosen by
        held-out loss as the penalty is, once that is known.
    start : {"zero", "linear", "auto"}
        Where the skip begins: at nothing; at the linear forecast, of a few ridges and no forecast at all, that does
        best on the first and the last quarter from what is left; at whichever of the two leads to the lesser held-out
        loss, tried with each ridge. On autoregressions of 10 units a linear start wants more ridge than .03, or the
        network spoils it.
    target : {"difference", "value"}
        What is forecast: the increment, or the sample itself.
    skip : bool
    penalise_self : bool
        Whether the penalty counts the diagonal.
    readout : {"gradient", "gradient_input", "ablation", "permutation"}
        ``mean |J|``; root mean square of J x; root mean squared change of f when the source's history is taken away
        (its mean instead), or is another time's. `read` gives the others from the same fit.
    n_init : int
        Initialisations, trained side by side; the score is their mean, ``score_std`` their spread.
    max_epochs, learning_rate : int and float, optional
        Of the training (Adam); None for 150 and .02 with "kan", 300 and .01 with the others. Splines that learn for
        longer forecast what is held out no better (on fresh Lorenz-96 systems and autoregressions: mostly worse).
    batch_size : int
    device : str
    progress : bool
        Show a bar where the output is a terminal.
    random_state : int, RandomState or None

    Attributes
    ----------
    connectome_ : Connectome
        ``converged`` is False where the loss was still falling as the rate went to 0, or nothing was learnt.
    lag_ : int
    penalty_, ridge_ : float
    start_ : str
    selection_ : pandas.DataFrame or None
        Columns lag, penalty, ridge, start, held_out (mean squared error, 1 where nothing is known) and stability
        (rank correlation of the scores of both halves), where something was chosen.
    forecaster_ : LaggedForecaster
    history_ : list of History
    start_ridge_ : float
        Ridge of the linear forecast that the skip began at, a share of the predictors' variance; infinity where it
        began at nothing.
    n_parameters_ : int
    r2_ : numpy.ndarray, (unit,)
        Share of the increments' (or samples') variance that the fit explains, of the samples that it was fitted to.
    residual_variance_ : numpy.ndarray, (unit,)
    offset_, scale_ : numpy.ndarray, (unit,)

    Raises
    ------
    InputError
        See ``fit``; further, segments that are all shorter than the lag.
    FitDivergedError
        A loss is not finite.

    Warns
    -----
    NotConvergedWarning
        See ``connectome_``.

    References
    ----------
    Liu, Wen, Yang, Xu, Li, Si, Yang, Zhao, "Gradient Regularization-based Neural Granger Causality", 2025,
    arXiv:2507.11178.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import GRNGC
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> for t in range(1, 500):
    ...     x[t, 1] += np.tanh(2 * x[t - 1, 0])
    >>> connectome = GRNGC("mlp", lag=1, random_state=0, progress=False).fit(x).connectome_
    >>> connectome.edges()[["source", "target"]].values[0].tolist()
    [0, 1]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GradientDiscoverer._parameter_constraints,
        "backbone": [StrOptions(set(BACKBONES))],
        "target": [StrOptions({"difference", "value"})],
        "start": [StrOptions({"zero", "linear", "auto"})],
        "skip": ["boolean"],
        "penalise_self": ["boolean"],
    }

    def __init__(
        self,
        backbone: str = "kan",
        *,
        lag: int | str = 1,
        max_lag: int = 5,
        n_hidden: int | None = None,
        penalty: float | str = 0.03,
        ridge: float | str = 0.03,
        start: str = "zero",
        target: str = "difference",
        skip: bool = True,
        penalise_self: bool = False,
        readout: str = "gradient",
        n_init: int = 1,
        max_epochs: int | None = None,
        learning_rate: float | None = None,
        batch_size: int = 4096,
        device: str = "cpu",
        progress: bool = True,
        random_state: Any = None,
    ):
        self.backbone = backbone
        self.lag = lag
        self.max_lag = max_lag
        self.n_hidden = n_hidden
        self.penalty = penalty
        self.ridge = ridge
        self.start = start
        self.target = target
        self.skip = skip
        self.penalise_self = penalise_self
        self.readout = readout
        self.n_init = n_init
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.device = device
        self.progress = progress
        self.random_state = random_state

    @property
    def _epochs(self) -> int:
        return 150 if self.max_epochs is None and self.backbone == "kan" else super()._epochs

    @property
    def _rate(self) -> float:
        return 0.02 if self.learning_rate is None and self.backbone == "kan" else super()._rate

    def _discover(self, samples: Samples) -> Connectome:
        if self.start != "zero" and not self.skip:
            raise InputError(
                f"start must be 'zero' where skip is False, got {self.start!r}: there is no linear map to begin with; "
                "set skip to True."
            )
        return super()._discover(samples)

    def _make(
        self,
        n_units: int,
        lag: int,
        scale: np.ndarray | None,
        strengths: Sequence[float],
        ridges: Sequence[float],
        seeds: Sequence[int],
    ) -> LaggedForecaster:
        about: dict[str, Any] = {} if self.n_hidden is None else {"n_hidden": self.n_hidden}
        kind: Callable[..., LaggedForecaster] = BACKBONES[self.backbone]
        return kind(
            n_units,
            lag,
            seeds=seeds,
            scale=scale,
            skip=self.skip,
            strengths=strengths,
            ridge=ridges,
            penalise_self=self.penalise_self,
            **about,
        )
