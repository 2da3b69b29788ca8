"""Discovery by linear attention: a signed connectivity that may change with the state."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover._priors import kinds
from synfer.discover.attending import AttentionDiscoverer
from synfer.discover.base import Samples
from synfer.errors import InputError
from synfer.forecast import NetFormerForecaster, Schedule, Windows, evaluation_batches

_COUNT = [Interval(Integral, 1, None, closed="left")]


class NetFormer(AttentionDiscoverer):
    """Connectivity from the linear attention of a one-layer forecaster (Lu et al. 2025).

    The forecast is ``x(t+1) = x(t) + A(t) x(t)`` with ``A(t)`` the attention, signed and without a softmax, of tokens
    that hold each unit's last ``window`` samples and what is learned of who it is
    (:class:`synfer.forecast.NetFormerForecaster`). ``weight`` is the mean of A over time, in the signal's units (what a
    unit of the source adds to the target in one sample); for a system ``x(t+1) = x(t) + k f(W x(t))`` it is near
    ``k f' W`` off the diagonal. Where the connectivity changes, ``n_times`` gives it over time.

    Limits: a unit that only correlates with a driver passes for one wherever their samples cannot be told apart; of a
    static linear system, ridge regression (`ConditionalGranger`) says the same at a fraction of the cost. The authors
    learn for longer (1,100 epochs of small systems, at a rate of .01 that stays or falls by steps); the last fifth of
    windows is kept for `r2_`, as theirs is.

    Parameters
    ----------
    window : int
        Samples of context, L. With one sample nothing is normalised.
    d_embedding : int, optional
        Width of what is learned of each unit; by default the number of units, at least 30. Narrower than that it cannot
        hold a matrix between all of them, and products of samples stand in for it.
    cell_types : array (unit,), optional
        Type of each unit, any labels. The attention of every sample is then drawn to a mean of each pair of types.
    type_strength : float
        Weight of that prior.
    standardise : {"z", "none"}
        z-score each unit first (weights are given back in the signal's units), or take the samples as they are, as
        published.
    n_times : int, optional
        Give the connectome in so many stretches of equal length: a time axis, labelled by the stretches' middles in
        seconds (samples where dt is unknown). One recording without trials.
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
        ``score`` the weight's modulus in standard deviations of target per source; ``weight``; ``score_std`` over
        initialisations (without time axis); ``delay`` one sample.
    attention_ : numpy.ndarray, (init, target, source)
        Mean of A over the last fifth of windows, of the samples as the model sees them.
    forecaster_ : NetFormerForecaster
    history_, r2_, residual_variance_, offset_, scale_, clock_
        As for `Causalformer`.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import NetFormer
    >>> x = np.random.default_rng(0).standard_normal((500, 3))
    >>> x[1:, 1] -= 0.8 * x[:-1, 0]
    >>> found = NetFormer(max_epochs=60, random_state=0, progress=False).fit(x).connectome_
    >>> found.edges()[["source", "target"]].values[0].tolist(), bool(found.weight[1, 0] < 0)
    ([0, 1], True)

    References
    ----------
    Z. Lu, W. Zhang, T. Le, H. Wang, U. Sumbul, E. Shea-Brown, L. Mi, "NetFormer: An interpretable model for recovering
    dynamical connectivity in neuronal population dynamics", ICLR 2025.
    """

    _takes_drift = True  # what changes in time is what it is for
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "window": _COUNT,
        "d_embedding": [*_COUNT, None],
        "cell_types": ["array-like", None],
        "type_strength": [Interval(Real, 0.0, None, closed="left")],
        "standardise": [StrOptions({"z", "none"})],
        "n_times": [*_COUNT, None],
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
        d_embedding: int | None = None,
        cell_types: Any = None,
        type_strength: float = 0.1,
        standardise: str = "z",
        n_times: int | None = None,
        n_init: int = 1,
        max_epochs: int = 100,
        learning_rate: float = 0.005,
        batch_size: int = 64,
        device: str = "cpu",
        progress: bool = True,
        random_state: Any = None,
    ):
        self.window = window
        self.d_embedding = d_embedding
        self.cell_types = cell_types
        self.type_strength = type_strength
        self.standardise = standardise
        self.n_times = n_times
        self.n_init = n_init
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.device = device
        self.progress = progress
        self.random_state = random_state

    def _min_samples(self, n_units: int) -> int:
        return self.window + 5

    def _standardised(self, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
        if self.standardise == "none":
            return np.zeros(samples.n_units), np.ones(samples.n_units)
        return super()._standardised(samples)

    def _types(self, n_units: int) -> torch.Tensor | None:
        if self.cell_types is None:
            return None
        labels = np.asarray(self.cell_types)
        if labels.shape != (n_units,):
            raise InputError(f"cell_types must hold a label for each of {n_units} units, got shape {labels.shape}.")
        return torch.from_numpy(kinds(labels))

    def _discover(self, samples: Samples) -> Connectome:
        types = self._types(samples.n_units)
        if self.n_times is not None and (
            len(samples.segments) > 1 or samples.n_samples < 2 * self.n_times + self.window
        ):
            raise InputError(
                f"n_times must leave two windows to each stretch of a recording without trials; got {self.n_times} for "
                f"{samples.n_samples} samples in {len(samples.segments)} trial(s)."
            )

        def make(seeds: Sequence[int]) -> NetFormerForecaster:
            return NetFormerForecaster(
                samples.n_units,
                window=self.window,
                d_embedding=self.d_embedding or max(samples.n_units, 30),
                cell_types=types,
                strength=self.type_strength if types is not None else 0.0,
                seeds=seeds,
            )

        schedule = Schedule(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=0.0,
            max_epochs=self.max_epochs,
            anneal=True,
        )
        windows, unread, self.attention_ = self._learn(samples, make, schedule)
        if self.n_times is not None:
            return self._over_time(samples, windows)
        others = self._run(windows, unread, out_map=True)[2].double().cpu().numpy()
        share = len(unread) / len(windows)  # the mean over all windows, those read before among them
        each = share * others + (1.0 - share) * self.attention_
        weight = each.mean(0) * self.scale_[:, None] / self.scale_
        fields: dict[str, np.ndarray] = {"weight": weight}
        if self.n_init > 1:
            fields["score_std"] = np.abs(self._evidence(each)).std(0)
        if samples.dt is not None:
            fields["delay"] = np.full_like(weight, samples.dt)
        score = np.abs(weight) * self._deviation(samples)
        for field in (score, *fields.values()):
            np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, converged=self._converged(), **fields)

    def _deviation(self, samples: Samples) -> np.ndarray:
        """Ratios (target, source) by which weights in the signal's units become those of z-scores."""
        deviation = super()._standardised(samples)[1]
        return deviation / deviation[:, None]

    def _evidence(self, attention: np.ndarray) -> np.ndarray:
        return np.abs(attention)

    @torch.no_grad()
    def _over_time(self, samples: Samples, windows: Windows) -> Connectome:
        """Mean A of each stretch, (time, target, source)."""
        assert self.n_times is not None
        n = samples.n_units
        weight, middles = np.zeros((self.n_times, n, n)), np.zeros(self.n_times)
        for k, starts in enumerate(torch.tensor_split(windows.starts, self.n_times)):
            total = torch.zeros(n, n, dtype=torch.float64)
            for rows in evaluation_batches(self.forecaster_, windows, starts):
                context, times, _ = windows.batch(rows)
                map_ = self.forecaster_(context, times, out_map=True)[1]
                total += map_.double().mean(0).cpu() * len(rows)
            weight[k] = (total / len(starts)).numpy() * self.scale_[:, None] / self.scale_
            middles[k] = float(starts.double().mean()) + self.window
        labels = samples.t0s[0] + middles * (samples.dt or 1.0)
        score = np.abs(weight) * self._deviation(samples)
        own = np.arange(n)
        weight[:, own, own] = score[:, own, own] = np.nan
        return self._connectome(
            samples, score, weight=weight, leading="time", leading_ids=labels, converged=self._converged()
        )
