"""What is kept of a fit beside its connectome, for a report to show: forecasts of the last samples, and losses."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from synfer.connectome import Learnt
from synfer.errors import SynferError

if TYPE_CHECKING:
    from synfer.discover.base import BaseDiscoverer, Samples

SHARE = 0.2
"""Of the samples, the last, that are forecast: those that the attention models read and do not learn from."""
MOST_FORECAST = 4000  # samples in time
MOST_SHOWN, MOST_TIMES = 6, 400  # units and samples of the stretch that is kept: some 20 kB
TOLD = {
    "lag_": "lag (samples)",
    "penalty_": "penalty",
    "ridge_": "ridge",
    "start_": "training began at",
    "one_lag_": "a lag for each pair",
    "spectral_radius_": "spectral radius",
    "n_iter_": "most steps of a target",
}
"""Attributes of fitted estimators that say how the fit ended, and in which words."""


def learnt_of(estimator: BaseDiscoverer, samples: Samples) -> Learnt:
    """Forecast the last fifth of the samples by a fitted estimator, and note how it learnt.

    Of an estimator around another one, that other's.
    """
    fitted: Any = getattr(estimator, "estimator_", estimator)
    told = {word: _plain(getattr(fitted, name)) for name, word in TOLD.items() if hasattr(fitted, name)}
    told = {word: value for word, value in told.items() if value is not None}
    return Learnt(**_forecast(fitted, samples), **_losses(fitted), told=told)


def _forecast(fitted: Any, samples: Samples) -> dict[str, Any]:
    if not hasattr(fitted, "predict"):
        return {}
    memory = fitted._memory()
    room = [max(0, len(segment) - fitted._past()) for segment in samples.segments]
    left = min(MOST_FORECAST, int(SHARE * sum(room)))
    covariates = _covariates(fitted, samples)
    measured: list[np.ndarray] = []  # from the last segment on
    forecasts: list[np.ndarray] = []
    last = 0
    for k in reversed(range(len(room))):
        take = min(left, room[k])
        if take == 0:
            continue
        segment = samples.segments[k]
        begin = max(0, len(segment) - take - memory)
        beside = {} if covariates is None else {"covariates": covariates[k][begin:]}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the columns have no names here
                forecast = fitted.predict(np.asarray(segment[begin:]), **beside)
        except SynferError:  # what cannot be forecast again is not shown: the connectome stands without it
            return {}
        if not measured:
            last = k
        measured.append(np.asarray(segment[len(segment) - take :], dtype=np.float64))
        forecasts.append(np.asarray(forecast[-take:], dtype=np.float64))
        left -= take
    if not measured:
        return {}
    r2 = _r2(np.concatenate(measured), np.concatenate(forecasts))
    shown = _spread(r2)
    n = min(MOST_TIMES, len(measured[0]))
    times = (len(samples.segments[last]) - n + np.arange(n)).astype(np.float64)
    return {
        "times": times if samples.dt is None else samples.t0s[last] + times * samples.dt,
        "measured": measured[0][-n:, shown].astype(np.float32),
        "forecast": forecasts[0][-n:, shown].astype(np.float32),
        "shown": samples.unit_ids[shown],
        "unit_ids": samples.unit_ids,
        "r2": r2,
        "n_forecast": sum(map(len, measured)),
        "held_out": fitted._holds_out,
    }


def _covariates(fitted: Any, samples: Samples) -> list[np.ndarray] | None:
    """Those that the fit was given, (time, [unit,] covariate) of each segment."""
    from synfer.discover._covariates import read_covariates

    X, stimuli = getattr(fitted, "_given", (None, None))
    return read_covariates(X, stimuli, samples)


def _r2(measured: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """R2 of each unit over the samples (time, unit) that are known and forecast; NaN where it does not vary."""
    known = np.isfinite(measured) & np.isfinite(forecast)
    x, f = np.where(known, measured, np.nan), np.where(known, forecast, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a unit of which nothing is known
        total = np.nansum((x - np.nanmean(x, axis=0)) ** 2, axis=0)
        each = 1.0 - np.nansum((x - f) ** 2, axis=0) / total
    return np.where(total > 0, each, np.nan)


def _spread(r2: np.ndarray) -> np.ndarray:
    """Units evenly from the best forecast to the worst; those that have none come last."""
    order = np.argsort(-np.nan_to_num(r2, nan=-np.inf), kind="stable")
    return order[np.unique(np.linspace(0, len(r2) - 1, min(MOST_SHOWN, len(r2))).round().astype(int))]


def _losses(fitted: Any) -> dict[str, Any]:
    history = getattr(fitted, "history_", None)
    if not history:
        loss = getattr(fitted, "loss_", None)
        return {} if loss is None else {"training_loss": np.asarray(loss, dtype=np.float32)}
    n = max(one.n_epochs for one in history)
    curves = {
        name: np.stack([np.pad(getattr(one, name), (0, n - one.n_epochs), constant_values=np.nan) for one in history])
        for name in ("training_loss", "validation_loss")
    }
    if np.array_equal(curves["training_loss"], curves["validation_loss"], equal_nan=True):  # nothing was kept out
        del curves["validation_loss"]
    kept = np.array([one.best_epoch if one.best_epoch >= 0 else np.nan for one in history])
    return {name: curve.astype(np.float32) for name, curve in curves.items()} | {"kept_epoch": kept}


def _plain(value: Any) -> Any:
    """A number or a word as it is, the largest of several numbers; None for anything else."""
    if isinstance(value, np.ndarray):
        return value.max().item() if value.size and value.dtype.kind in "iuf" else None
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float | str) else None
