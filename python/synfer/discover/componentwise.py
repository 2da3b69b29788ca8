"""Discovery by a network a target, whose input weights a group lasso takes away: Neural-GC's cMLP and cLSTM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from synfer.discover.neural import NeuralDiscoverer
from synfer.forecast import ComponentwiseForecaster, ComponentwiseLSTM, ComponentwiseMLP, LaggedForecaster, Windows

BACKBONES: dict[str, type[ComponentwiseForecaster]] = {"mlp": ComponentwiseMLP, "lstm": ComponentwiseLSTM}


class ComponentwiseGC(NeuralDiscoverer):
    """Granger causality by a network for every target (Tank et al. 2021, Neural-GC): cMLP and cLSTM.

    Target i is forecast by a network of its own from the last ``lag`` samples of all (z-scored). With W_ij the weights
    from source j into its first layer, over hidden units and lags, what is minimised is

    ``mean (f - y)^2 + penalty / N * sum over i, j of |W_ij| + ridge * |other weights|^2``

    by proximal steps, so that ``score`` = ``|W_ij|`` is 0 where j is not needed. ``weight`` and ``delay`` are the mean
    signed gradient at the lag where that is largest, in the signal's own units, and that lag. All targets are trained
    in one program, yet there are N times as many hidden units as in one model for all: what GRNGC is to save.

    Beside the authors' code: theirs takes proximal gradient steps with a line search (GISTA; here Adam's, and a rate
    that falls to 0), mostly penalises nested sets of lags (here the group lasso alone) and takes series as they are
    (here z-scored). Its cLSTM runs through the series, forecasts at every sample, carries its state on and has no ridge
    on recurrent weights; here each forecast is made of ``lag`` samples, from no state. Its penalty is on the loss of
    one target, and so the same number as here.

    Parameters
    ----------
    backbone : {"mlp", "lstm"}
    lag, max_lag
        As for `GRNGC`.
    n_hidden : int, optional
        Hidden units of each target; None for 10.
    activation : {"relu", "tanh"}
        Of the hidden units of "mlp"; an LSTM has its own.
    penalty : float or "auto"
        As for `GRNGC`.
    ridge : float or "auto"
        On all weights but the input's.
    target : {"difference", "value"}
        What is forecast: the increment, as for `GRNGC`, or, as published, the sample itself.
    n_init, max_epochs, learning_rate, batch_size, device, progress, random_state
        As for `GRNGC`.

    Attributes
    ----------
    connectome_ : Connectome
    forecaster_, history_, lag_, penalty_, ridge_, selection_, n_parameters_, r2_, residual_variance_, offset_, scale_
        As for `GRNGC`.

    References
    ----------
    Tank, Covert, Foti, Shojaie, Fox, "Neural Granger causality", IEEE Trans. Pattern Anal. Mach. Intell. 44, 2022,
    4267-4279, arXiv:1802.05842.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import ComponentwiseGC
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> x[1:, 1] += 0.8 * x[:-1, 0]
    >>> connectome = ComponentwiseGC(lag=1, penalty=0.3, random_state=0, progress=False).fit(x).connectome_
    >>> connectome.edges()[["source", "target"]].values[0].tolist()
    [0, 1]
    """

    penalties: ClassVar[tuple[float, ...]] = (0.01, 0.03, 0.1, 0.3, 1.0)

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **NeuralDiscoverer._parameter_constraints,
        "backbone": [StrOptions(set(BACKBONES))],
        "activation": [StrOptions({"relu", "tanh"})],
        "target": [StrOptions({"difference", "value"})],
    }

    def __init__(
        self,
        backbone: str = "mlp",
        *,
        lag: int | str = 1,
        max_lag: int = 5,
        n_hidden: int | None = None,
        activation: str = "relu",
        penalty: float | str = 0.03,
        ridge: float | str = 0.03,
        target: str = "difference",
        n_init: int = 1,
        max_epochs: int = 500,
        learning_rate: float = 0.01,
        batch_size: int = 4096,
        device: str = "cpu",
        progress: bool = True,
        random_state: Any = None,
    ):
        self.backbone = backbone
        self.lag = lag
        self.max_lag = max_lag
        self.n_hidden = n_hidden
        self.activation = activation
        self.penalty = penalty
        self.ridge = ridge
        self.target = target
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
        kind: Callable[..., LaggedForecaster] = BACKBONES[self.backbone]
        about = {"activation": self.activation} if self.backbone == "mlp" else {}
        return kind(
            n_units,
            lag,
            n_hidden=10 if self.n_hidden is None else self.n_hidden,
            seeds=seeds,
            scale=scale,
            skip=False,
            strengths=strengths,
            ridge=ridges,
            **about,
        )

    def _scores(self, forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> np.ndarray:
        assert isinstance(forecaster, ComponentwiseForecaster)
        return forecaster.group_norms().double().cpu().numpy()
