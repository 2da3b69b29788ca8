"""What methods that train a model share: the scales of what it is shown, and where it computes."""

from __future__ import annotations

import numpy as np

from synfer.discover._checks import blocks
from synfer.discover.base import Samples


def moments(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each unit, (unit,): over the whole recording."""
    n = samples.n_samples
    mean = sum(segment.sum(axis=0, dtype=np.float64) for segment in samples.segments) / n
    square = sum(np.square(block - mean).sum(axis=0) for _, block in blocks(samples.segments)) / n
    return np.asarray(mean), np.sqrt(square)


def increment_scale(samples: Samples) -> np.ndarray:
    """Standard deviation of each unit's increments from sample to sample, (unit,); none across a splice."""
    steps = [np.diff(np.asarray(segment, dtype=np.float64), axis=0) for segment in samples.segments]
    return np.asarray(np.concatenate(steps).std(axis=0))
