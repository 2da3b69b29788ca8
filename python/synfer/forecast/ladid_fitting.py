"""What lies beneath LaDID's estimator: its checks, its stages of training, its forecasts in batches."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions, validate_parameter_constraints

from synfer.errors import HorizonWarning, InputError, NotConvergedWarning, ShapeError
from synfer.forecast.anchoring import Anchor, residuals
from synfer.forecast.frames import SHRINKING
from synfer.forecast.ladid_model import DYNAMICS, Bound, LaDIDModel
from synfer.forecast.learning import History, Schedule
from synfer.forecast.pieces import Pieces
from synfer.forecast.training import train
from synfer.ops.devices import refuse_missing_device
from synfer.recording import Recording
from synfer.storage import StrPath
from synfer.trajectories import Trajectories, increasing, is_one, items

_REACH = 0.45  # of a context's length: within which samples attend by time
_TOGETHER = 32  # contexts in one pass without gradients
_OVERLAP = 5  # contexts that a count is in: each is noisy in a way of its own, and less is learnt by heart
_LARGEST = 1e37  # of a sample: ten times it is a number of float32 still
_LEAST_VARIANCE = 1e-6  # of the samples' own: a pixel that is dark throughout has no likelihood otherwise

_COUNT = [Interval(Integral, 1, None, closed="left")]
_POSITIVE = [Interval(Real, 0.0, None, closed="neither")]
_NOT_NEGATIVE = [Interval(Real, 0.0, None, closed="left")]
_SHARE = [Interval(Real, 0.0, 1.0, closed="left")]
_COUNT_OR_NONE = [*_COUNT, None]
_YES_OR_NO = ["boolean"]


class LaDIDFitting(BaseEstimator):
    """The working parts of `LaDID`, which says what they are for."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **dict.fromkeys(
            ("n_context", "d_latent", "d_model", "d_hidden", "n_layers", "n_frequencies", "stage_epochs"), _COUNT
        ),
        **dict.fromkeys(("max_epochs", "patience", "batch_size", "n_init"), _COUNT),
        **dict.fromkeys(("n_query", "n_decoded", "stride"), _COUNT_OR_NONE),
        **dict.fromkeys(("noise", "learning_rate"), _POSITIVE),
        **dict.fromkeys(("smoothness", "weight_decay"), _NOT_NEGATIVE),
        **dict.fromkeys(("dropout", "thinning"), _SHARE),
        **dict.fromkeys(("static", "paced", "anchored", "curriculum", "progress"), _YES_OR_NO),
        "head": [StrOptions({"gaussian", "poisson"})],
        "encoder": [StrOptions({"auto", "cnn", "mlp", "linear"})],
        "dynamics": [StrOptions(set(DYNAMICS))],
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither")],
        "checkpoint": [str, Path, None],
        "device": [str],
        "random_state": ["random_state"],
    }

    n_context: int
    n_query: int | None
    head: str
    encoder: str
    dynamics: str
    d_latent: int
    d_model: int
    d_hidden: int
    n_layers: int
    n_frequencies: int
    n_decoded: int | None
    dropout: float
    noise: float
    smoothness: float
    thinning: float
    static: bool
    paced: bool
    anchored: bool
    stride: int | None
    stage_epochs: int
    max_epochs: int
    patience: int
    learning_rate: float
    weight_decay: float
    batch_size: int
    validation_fraction: float
    n_init: int
    checkpoint: StrPath | None
    device: str
    progress: bool
    random_state: Any

    model_: LaDIDModel
    sample_shape_: tuple[int, ...]
    n_query_: int
    horizon_: float
    timed_: bool
    offset_: np.ndarray
    scale_: np.ndarray
    anchor_: Anchor | None = None
    residual_variance_: np.ndarray
    validation_: np.ndarray
    history_: list[History]
    stages_: list[tuple[int, list[History]]]

    # ---- checks

    def _check_parameters(self) -> None:
        try:
            validate_parameter_constraints(
                self._parameter_constraints, self.get_params(deep=False), caller_name=type(self).__name__
            )
        except InvalidParameterError as error:
            raise InputError(str(error)) from None
        if self.checkpoint is not None and not isinstance(self.random_state, Integral):
            raise InputError(
                "random_state must be an int with a checkpoint, which the same fit shall find again; got "
                f"{self.random_state!r}."
            )
        refuse_missing_device(self.device)

    def _given(self, X: Any, times: Any, signal: str | None, name: str = "X", clock: str = "times") -> Trajectories:
        """Read samples for a fitted model: they must say their times if the fit's did, and be shaped as these.

        ``name`` and ``clock`` are what the caller's arguments are called.
        """
        trajectories, timed = read(X, times, signal, name)
        if self.timed_ and not timed:
            raise InputError(f"{clock} must be given, for the fit's trajectories had times of their own; got None.")
        if timed and not self.timed_:
            raise InputError(
                f"{name} must be arrays and {clock} None, for the fit's were arrays without times, a second from one "
                f"sample to the next; got a {type(X).__name__}{'' if times is None else ' with times'}."
            )
        if trajectories.sample_shape != self.sample_shape_:
            raise ShapeError(
                f"{name} must have samples shaped as in the fit, {self.sample_shape_}, got {trajectories.sample_shape}."
            )
        self._refuse_samples(trajectories, name)
        return trajectories

    def _refuse_samples(self, trajectories: Trajectories, name: str = "X") -> None:
        """Refuse what the encoder, the head or float32, in which forecasts are, cannot take."""
        largest = max(float(max(v.max(), -v.min())) for v in trajectories.values)
        if largest > _LARGEST:
            raise InputError(
                f"{name} must lie within {_LARGEST:g}, for forecasts are float32; got {largest:.3g}: rescale it, for "
                "instance to z-scores."
            )
        shape = trajectories.sample_shape
        if self._coder(shape) == "cnn" and (len(shape) < 2 or shape[-1] % SHRINKING or shape[-2] % SHRINKING):
            raise ShapeError(
                f"frames for encoder='cnn' must have sides that are multiples of {SHRINKING}, got {shape}: crop or pad "
                "them, or take encoder='mlp'."
            )
        if self.head == "poisson" and not all(bool(((v >= 0) & (v == np.round(v))).all()) for v in trajectories.values):
            raise InputError(f"{name} must hold counts (0, 1, 2, ...) for head='poisson', got other values.")

    def _coder(self, shape: tuple[int, ...]) -> str:
        if self.encoder != "auto":
            return self.encoder
        return "cnn" if len(shape) > 1 else "mlp"

    def _asked(self, times: Any, contexts: Trajectories) -> list[np.ndarray]:
        """Give the times asked for of each realisation, checked."""
        given = [times] * len(contexts) if is_one(times) else items(times, "times")
        if len(given) != len(contexts):
            raise ShapeError(f"times must be (query,), or of each of {len(contexts)} realisations; got {len(given)}.")
        asked = [increasing(t, "times") for t in given]
        beyond = 0.0
        for k, (t, context) in enumerate(zip(asked, contexts.times, strict=True)):
            if len(t) == 0:
                raise ShapeError("times must hold at least one time for each realisation, got none.")
            if t[0] < context[0]:
                raise InputError(
                    f"times must not lie before the context, which begins at {context[0]:g} s in realisation {k}; got "
                    f"{t[0]:g} s: the past is not forecast."
                )
            beyond = max(beyond, float(t[-1] - context[0]))
        if beyond > self.horizon_ * (1.0 + 1e-6):
            warnings.warn(
                f"times reach {beyond:g} s from the context's first sample, and {self.horizon_:g} s were learnt: what "
                "is forecast beyond is extrapolated.",
                HorizonWarning,
                stacklevel=3,
            )
        return asked

    # ---- learning

    def _split(self, trajectories: Trajectories) -> tuple[np.ndarray, np.ndarray, list[int]]:
        """Give the trajectories to learn from and those to stop by, and the initialisations' seeds."""
        n = len(trajectories)
        if n < 2:
            raise InputError(
                f"X must hold at least 2 trajectories, to learn from and to stop by; got {n}: cut it into pieces of n "
                f"samples, [one.isel(time=slice(k, k + n)) for k in range(0, {trajectories.lengths[0]}, n)] of one = "
                "Trajectories.of(X)."
            )
        rng = check_random_state(self.random_state)
        seeds = rng.randint(2**31 - 1, size=self.n_init).tolist()
        order = rng.permutation(n)
        n_validation = min(n - 1, max(1, round(self.validation_fraction * n)))
        return np.sort(order[n_validation:]), np.sort(order[:n_validation]), seeds

    def _queried(self, trajectories: Trajectories) -> int:
        if self.n_query is not None:
            return self.n_query
        shortest = min(trajectories.lengths)
        if shortest <= self.n_context:
            raise InputError(
                f"trajectories must have more than n_context = {self.n_context} samples, the shortest has {shortest}: "
                "lower n_context, or say n_query and leave short ones aside."
            )
        return shortest - self.n_context

    def _moments(self, trajectories: Trajectories) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and standard deviation by unit, or by channel of frames, that broadcast against a sample."""
        if self.head == "poisson":
            return np.zeros(1), np.ones(1)
        shape = trajectories.sample_shape
        over = (0,) if len(shape) == 1 else (0, -2, -1)
        n = sum(len(v) for v in trajectories.values) * (shape[-1] * shape[-2] if len(shape) > 1 else 1)
        total: Any = sum(v.sum(axis=over, keepdims=True, dtype=np.float64)[0] for v in trajectories.values)
        mean = total / n
        square: Any = sum(np.square(v - mean).sum(axis=over, keepdims=True)[0] for v in trajectories.values)
        scale = np.sqrt(square / n)
        return mean, np.where(scale > 1e-12 * np.maximum(1.0, np.abs(mean)), scale, 1.0)

    def _pieces(self, trajectories: Trajectories, n_query: int) -> Pieces:
        stride = self.stride
        if stride is None and self.head == "poisson":
            stride = max(1, self.n_context // _OVERLAP)
        return Pieces(
            trajectories,
            self.n_context,
            n_query,
            stride=stride,
            offset=self.offset_,
            scale=self.scale_,
            device=self.device,
        )

    def _shares(self, pieces: Pieces, training: np.ndarray, validation: np.ndarray) -> list[torch.Tensor]:
        shares = [pieces.of(training), pieces.of(validation, whole=True)]
        if min(len(shares[1]), len(pieces.of(training, whole=True))) == 0:
            raise InputError(
                f"trajectories of n_context + n_query = {pieces.length} samples must be among those that are learnt "
                "from and those that are stopped by: give more that are long enough, or fit with a lower n_query."
            )
        return shares

    def _made(self, trajectories: Trajectories, pieces: Pieces, seeds: Sequence[int]) -> LaDIDModel:
        self.horizon_ = float(pieces.spans(pieces.length).max())
        step = float(np.median(np.concatenate([np.diff(t) for t in trajectories.times])))
        rates = pieces.series.double().mean(0).float() if self.head == "poisson" else None
        model = LaDIDModel(
            trajectories.sample_shape,
            **self._sizes(),
            horizon=self.horizon_,
            step=step,
            reach=max(_REACH * float(pieces.spans(self.n_context).median()), step),
            rates=rates,
            seeds=seeds,
        )
        return model.to(self.device)

    def _sizes(self) -> dict[str, Any]:
        """Give what of the parameters the model is made with."""
        same = ("n_context", "head", "dynamics", "d_latent", "d_model", "d_hidden", "n_layers", "n_frequencies")
        also = ("n_decoded", "dropout", "noise", "smoothness", "thinning", "static", "paced")
        return {name: getattr(self, name) for name in (*same, *also)} | {"encoder": self._coder(self.sample_shape_)}

    def _train(
        self,
        pieces: Pieces,
        training: np.ndarray,
        validation: np.ndarray,
        seeds: Sequence[int],
        epochs: int,
        stage: int,
    ) -> None:
        """Go through one stage: every initialisation to the best of its own validation loss."""
        learning, stopping = self._shares(pieces, training, validation)
        self.model_.evaluation_tokens = _TOGETHER * pieces.length * pieces.series.shape[1]
        schedule = Schedule(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=epochs,
            patience=self.patience,
            plateau_patience=max(1, self.patience // 3),
        )
        checkpoint = None
        if self.checkpoint is not None:
            path = Path(self.checkpoint)
            checkpoint = path.with_name(f"{path.name}.stage{stage}")
        self.history_ = train(
            self.model_,
            pieces,
            learning,
            stopping,
            Bound(),
            schedule,
            seeds,
            progress=self.progress,
            checkpoint=checkpoint,
        )
        self.stages_.append((pieces.length - self.n_context, self.history_))

    def _conclude(self, trajectories: Trajectories, validation: np.ndarray, anchor: Anchor | None = None) -> None:
        """See what is left on the trajectories that were stopped by, and whether the fit had come to rest."""
        self.validation_ = validation
        self.anchor_ = None
        if self.anchored and self.head == "gaussian":
            held = trajectories[validation]
            missed = residuals(self._each, held, self.n_context, self.n_query_, self.scale_)
            self.anchor_ = Anchor.of(missed, otherwise=anchor)
        forecast, target = self._continued(trajectories[validation])
        both = zip(forecast, target, strict=True)
        self.residual_variance_ = np.concatenate([np.square(f - t.astype(np.float64)) for f, t in both]).mean(0)
        unsettled = sum(not history.converged for history in self.history_)
        if unsettled:
            warnings.warn(
                f"{unsettled} of {self.n_init} initialisations had not come to rest after {self.max_epochs} epochs at "
                "the full query: raise max_epochs.",
                NotConvergedWarning,
                stacklevel=3,
            )

    # ---- forecasting

    @torch.no_grad()
    def _forecast(
        self, contexts: Trajectories, asked: Sequence[np.ndarray], some: Sequence[int], anchor: Anchor | None
    ) -> np.ndarray:
        """Forecast some realisations, of contexts and queries of one length: (trajectory, query, ...)."""
        shape, model = self.sample_shape_, self.model_
        values = np.stack(
            [((contexts.values[k] - self.offset_) / self.scale_).reshape(-1, np.prod(shape)) for k in some]
        )
        since = np.stack([contexts.times[k] - contexts.times[k][0] for k in some])
        ahead = np.stack([asked[k] - contexts.times[k][0] for k in some])
        if anchor is not None:  # what the model makes of the context's last sample is asked for too
            ahead = np.concatenate([ahead, since[:, -1:]], 1)
        context, context_times, times = (
            torch.from_numpy(a.astype(np.float32)).to(model.gamma.weight.device).expand(model.n_init, *a.shape)
            for a in (values, since, ahead)
        )
        mean = model.likelihood.mean(model.forecast(context, context_times, times)).mean(0).double().cpu().numpy()
        if anchor is not None:
            left = anchor.left(ahead[:, :-1] - since[:, -1:])
            mean = mean[:, :-1] + left[..., None] * (values[:, -1:] - mean[:, -1:])
        return np.asarray(mean.reshape(len(some), -1, *shape) * self.scale_ + self.offset_, dtype=np.float32)

    def _each(
        self, contexts: Trajectories, asked: Sequence[np.ndarray], anchor: Anchor | None = None
    ) -> list[np.ndarray]:
        """Forecast every realisation, those of like lengths together; without an anchor what the model alone says."""
        made: dict[int, np.ndarray] = {}
        groups: dict[tuple[int, int], list[int]] = {}
        for k, (length, t) in enumerate(zip(contexts.lengths, asked, strict=True)):
            groups.setdefault((length, len(t)), []).append(k)
        for members in groups.values():
            for first in range(0, len(members), _TOGETHER):
                some = members[first : first + _TOGETHER]
                made.update(zip(some, self._forecast(contexts, asked, some, anchor), strict=True))
        return [made[k] for k in range(len(contexts))]

    def _continued(self, trajectories: Trajectories) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Forecast the samples after each trajectory's first context; give these too. Too short ones are left out."""
        long = [k for k, n in enumerate(trajectories.lengths) if n > self.n_context]
        if not long:
            raise InputError(f"X must hold trajectories of more than n_context = {self.n_context} samples, got none.")
        end = self.n_context + self.n_query_
        some = trajectories[long].isel(time=slice(end))
        asked = [t[self.n_context :] for t in some.times]
        forecast = self._each(some.isel(time=slice(self.n_context)), asked, self.anchor_)
        return forecast, [v[self.n_context :] for v in some.values]

    def _variance(self) -> np.ndarray:
        """Give the Gaussian law's variance, shaped as a sample."""
        return np.maximum(self.residual_variance_, _LEAST_VARIANCE * np.square(self.scale_))


def read(X: Any, times: Any, signal: str | None, name: str = "X") -> tuple[Trajectories, bool]:
    """Give realisations as Trajectories, and whether they say their times."""
    trajectories = Trajectories.of(X, times, signal, name=name)
    one = X[0] if isinstance(X, list | tuple) else X
    return trajectories, times is not None or isinstance(one, Trajectories | Recording)
