"""Cut samples into folds that follow each other, so that what is learnt on some is tested on the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from synfer.discover.base import Samples
from synfer.errors import InputError


def stretches(samples: Samples, n: int, name: str) -> list[list[tuple[int, int, int]]]:
    """Cut into ``n`` groups of stretches (segment, first, end): whole segments if there are ``n``, else n-ths of each.

    Raises
    ------
    InputError
        Naming the parameter ``name``: segments are shorter than 2 ``n`` samples.
    """
    count = len(samples.segments)
    if count >= n:
        cut = np.array_split(np.arange(count), n)
        return [[(int(k), 0, len(samples.segments[k])) for k in group] for group in cut]
    shortest = min(len(segment) for segment in samples.segments)
    if shortest < 2 * n:
        raise InputError(f"{name} must be at most half the {shortest} samples of a segment; got {n}.")
    edges = [np.linspace(0, len(segment), n + 1).astype(int) for segment in samples.segments]
    return [[(k, int(edge[b]), int(edge[b + 1])) for k, edge in enumerate(edges)] for b in range(n)]


def taken(samples: Samples, pieces: list[tuple[int, int, int]]) -> Samples:
    """Take stretches out (views), those that follow each other as one segment."""
    runs: list[tuple[int, int, int]] = []
    for piece in sorted(pieces):
        if runs and runs[-1][0] == piece[0] and runs[-1][2] == piece[1]:
            runs[-1] = (piece[0], runs[-1][1], piece[2])
        else:
            runs.append(piece)
    step = samples.dt or 1.0
    return dataclasses.replace(
        samples,
        segments=[samples.segments[k][first:end] for k, first, end in runs],
        t0s=[samples.t0s[k] + first * step for k, first, _ in runs],
        by_trial=True,
    )


def folds(samples: Samples, n: int, name: str) -> Iterator[tuple[Samples, Samples]]:
    """Give (what to learn on, what to test on) for each of ``n`` folds."""
    groups = stretches(samples, n, name)
    for held_out, group in enumerate(groups):
        rest = [piece for k, other in enumerate(groups) if k != held_out for piece in other]
        yield taken(samples, rest), taken(samples, group)
