"""Stimuli and other covariates given beside a recording: read, checked, one array a segment."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.discover import _checks
from synfer.discover.base import Samples
from synfer.errors import InputError, ShapeError
from synfer.recording import Recording


def names_of(covariates: Any) -> dict[str, Any]:
    """Tell what was given, for a connectome's provenance: names of signals, that it was an array, or nothing."""
    if covariates is None or isinstance(covariates, str):
        return {} if covariates is None else {"covariates": covariates}
    named = isinstance(covariates, list | tuple) and all(isinstance(one, str) for one in covariates)
    return {"covariates": list(covariates) if named else "an array"}


def read_covariates(X: Any, covariates: Any, samples: Samples) -> list[np.ndarray] | None:
    """Covariates of each segment, (time, covariate) or (time, unit, covariate), float32; None where none are given.

    A name, or several, are those of signals of the Recording: each unit has its own column of them. An array is
    (time, covariate), the same for every unit, or (time, unit, covariate), with a leading axis where there are trials.
    """
    if covariates is None:
        return None
    names = [covariates] if isinstance(covariates, str) else covariates
    if isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
        X = _checks.as_recording(X)
        if not isinstance(X, Recording):
            raise InputError(
                f"covariates may be names of signals only where X is a Recording, got {covariates!r} with "
                f"{type(X).__name__}: give the array itself."
            )
        stacked = np.stack([np.asarray(_checks.as_floats(X[name])) for name in names], axis=-1)
        stacked = stacked if samples.by_trial else stacked[None]
    else:
        array = _checks.as_floats(covariates)
        lead = array.ndim - (1 if samples.by_trial else 0)
        if lead not in (2, 3) or (samples.by_trial and len(array) != len(samples.segments)):
            shape = "(trial, time, covariate)" if samples.by_trial else "(time, covariate)"
            raise ShapeError(
                f"covariates must be of shape {shape}, or with unit before covariate, got {array.shape}: reshape them."
            )
        stacked = array if samples.by_trial else array[None]
    for part, segment in zip(stacked, samples.segments, strict=True):
        if len(part) != len(segment) or (part.ndim == 3 and part.shape[1] != samples.n_units):
            raise ShapeError(
                f"covariates must be of the time (and units) of X, {segment.shape}, got {part.shape}: give one row for "
                "each sample of X."
            )
        if not np.isfinite(part).all():
            raise InputError("covariates must be finite, got NaN or inf: interpolate them.")
    return [part.astype(np.float32) for part in stacked]
