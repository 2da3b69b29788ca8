"""Fisher scoring of one target by its design, which is longer than a cache: a thousand rows are worked on at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from synfer.forecast import LAWS, Law

_ROWS = 1024  # of the design at a time: with a hundred columns some 800 kB, copies of which stay in the cache
_STEPS = 4
_LEFT = 1e-8  # nats (twice) that the last step gained, below which no further one is taken
_HALVINGS = 8
_OUTLIER = 4.0  # standard deviations at which a Gaussian residual's pull ends


@dataclass
class Climbed:
    """Where scoring ended.

    Attributes
    ----------
    delta : Tensor, (column,)
        From where it began.
    u, w : Tensor, (row,)
        Score and information of each row there.
    lengths : Tensor, (column,)
        Root mean square of each column. What follows is of columns divided by theirs.
    g : Tensor, (column, column)
        Information of the columns there.
    tiny : Tensor, (column, column)
        Ridge that kept the last step from dividing by 0.
    """

    delta: Tensor
    u: Tensor
    w: Tensor
    lengths: Tensor
    g: Tensor
    tiny: Tensor

    @property
    def information(self) -> Tensor:
        """Of the columns as they are, with the ridge."""
        return (self.g + self.tiny) * torch.outer(self.lengths, self.lengths)


def scores_of(law: Law, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Score and information; a Gaussian residual's pull ends at some deviations."""
    u, w = law.derivatives(eta, log_scale, y, edge)
    if law is not LAWS["gaussian"]:
        return u, w
    most = _OUTLIER * torch.exp(-log_scale)
    return torch.maximum(torch.minimum(u, most), -most), w


def climb(x: Tensor, law: Law, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor, slack: Tensor) -> Climbed:
    """Find the likeliest ``delta`` of eta + x delta, (row, column) and (row,), all float64.

    ``slack`` is a ridge for each column, relative to their mean information.
    """
    squares = sum(x[rows].square().sum(0) for rows in pieces(len(x)))
    lengths = (torch.as_tensor(squares) / len(x)).sqrt().clamp_min(1e-12)
    area = torch.outer(lengths, lengths)
    delta = torch.zeros(x.shape[1], dtype=x.dtype)  # of columns divided by their lengths
    u, w = scores_of(law, eta, log_scale, y, edge)
    g = information(x, w) / area
    for _ in range(_STEPS):
        tiny = torch.diag(g.diagonal().mean() * slack)
        pull = (x.T @ u) / lengths
        if law is LAWS["gaussian"]:
            step = torch.linalg.solve(g + tiny, pull)
            moved = x @ (step / lengths)
        else:  # the logarithm is no parabola: a step may be too long
            step = torch.linalg.solve(g + tiny, pull - tiny @ delta)
            moved = x @ (step / lengths)
            here = law.log_prob(eta, log_scale, y, edge).sum()
            for _ in range(_HALVINGS):
                if law.log_prob(eta + moved, log_scale, y, edge).sum() >= here:
                    break
                step, moved = step / 2.0, moved / 2.0
        delta, eta = delta + step, eta + moved
        gained = float((g @ step) @ step)
        before = w
        u, w = scores_of(law, eta, log_scale, y, edge)
        g = _moved_on(g, area, x, before, w)
        if gained < _LEFT:
            break
    return Climbed(delta / lengths, u, w, lengths, g, tiny)


def information(x: Tensor, w: Tensor) -> Tensor:
    """``x' diag(w) x``."""
    g = torch.zeros(x.shape[1], x.shape[1], dtype=x.dtype)
    for rows in pieces(len(x)):
        some = x[rows]
        g.addmm_(some.T, w[rows, None] * some)
    return g


def sandwich(x: Tensor, at: Climbed) -> tuple[Tensor, Tensor, Tensor]:
    """Covariance of ``delta``, (column, column), whatever the spread of each row is (HC3), its degrees of freedom, and
    the variance (column,) if the law holds, which no residual has a say in.

    A column's variance is a sum over rows, of few of them where little else moves the column (the rows in which a
    source's event meets a target near threshold): it is then uncertain itself, as a chi-square of (sum_r a_r)^2 /
    sum_r a_r^2 degrees (column,) is, a_r what row r adds on average if the law holds (F. Satterthwaite 1946; R. Bell
    and D. McCaffrey, Survey Methodology 28 (2002), 169-181).
    """
    area = torch.outer(at.lengths, at.lengths)
    inverse = torch.linalg.inv(at.g + at.tiny) / area
    meat = torch.zeros_like(inverse)
    total, square = torch.zeros_like(at.lengths), torch.zeros_like(at.lengths)
    for rows in pieces(len(x)):
        some = x[rows]
        along = some @ inverse
        left = (1.0 - at.w[rows] * (along * some).sum(1)).clamp_min(0.05)
        root = (at.u[rows] / left)[:, None] * some
        meat.addmm_(root.T, root)
        added = along.square_().mul_((at.w[rows] / left)[:, None])
        total += added.sum(0)
        square += added.square_().sum(0)
    covariance: Tensor = inverse @ meat @ inverse
    return covariance, total.square() / square.clamp_min(1e-300), inverse.diagonal()


def _moved_on(g: Tensor, area: Tensor, x: Tensor, before: Tensor, now: Tensor) -> Tensor:
    """Information after a step: a Gaussian's rows keep theirs, but for the few that lie at an edge."""
    changed = torch.nonzero(now != before)[:, 0]
    if len(changed) > len(x) // 4:
        return information(x, now) / area
    some = x[changed]
    return g + some.T @ ((now - before)[changed, None] * some) / area


def pieces(n: int) -> Iterator[slice]:
    """Rows that are worked on at a time."""
    for first in range(0, n, _ROWS):
        yield slice(first, first + _ROWS)
