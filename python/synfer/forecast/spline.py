"""Cubic B-splines on equal steps, and the layer of Kolmogorov and Arnold made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import EnsembleModule, draw


def cubic_basis(x: Tensor, n_steps: int, reach: float) -> Tensor:
    """Cubic B-splines whose knots are ``2 reach / n_steps`` apart, all that are not zero on [-reach, reach].

    With d = |x - c| / step the distance from a spline's middle c: ``B = ((2 - d)+^3 - 4 (1 - d)+^3) / 6``. They sum
    to 1 on [-reach, reach] and fall to 0 within three steps outside.

    Parameters
    ----------
    x : Tensor, (...)
    n_steps : int
    reach : float

    Returns
    -------
    Tensor, (..., n_steps + 3)
    """
    basis: Tensor = _Spline.apply(x, n_steps, reach, 0)
    return basis


def cubic_slope(x: Tensor, n_steps: int, reach: float) -> Tensor:
    """Derivative of `cubic_basis` by x, (..., n_steps + 3)."""
    slope: Tensor = _Spline.apply(x, n_steps, reach, 1)
    return slope


def cubic_basis_reference(x: Tensor, n_steps: int, reach: float) -> Tensor:
    """Slow twin of `cubic_basis`: differentiated by autograd, any number of times."""
    d = _distance(x, n_steps, reach).abs()
    return ((2 - d).clamp_min(0).pow(3) - 4 * (1 - d).clamp_min(0).pow(3)) / 6


class _Spline(torch.autograd.Function):
    """The splines, or their derivative, with the next derivative in closed form as gradient.

    Autograd would go through a dozen arrays of eight numbers a sample forth and back; this goes through half of them
    once.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, n_steps: int, reach: float, order: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.about = (n_steps, reach, order)
        return _derivative(x, n_steps, reach, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        n_steps, reach, order = ctx.about
        by_x = _Spline.apply(x, n_steps, reach, order + 1) * gradient
        ones = by_x.new_ones(by_x.shape[-1])  # a product: a sum over so short an axis is slow
        return torch.mv(by_x.flatten(0, -2), ones).view(x.shape), None, None, None


def _derivative(x: Tensor, n_steps: int, reach: float, order: int) -> Tensor:
    """Derivative of that order of the splines, (..., n_steps + 3)."""
    signed = _distance(x, n_steps, reach)
    d = signed.abs()
    far, near = (2 - d).clamp_min_(0), d.neg_().add_(1).clamp_min_(0)
    per_step = n_steps / (2 * reach)
    if order == 0:
        far.mul_(far * far)
        return far.sub_(near.mul_(near * near), alpha=4).div_(6)
    if order == 1:
        near.square_().mul_(2 * per_step)
        return near.sub_(far.square_(), alpha=per_step / 2).mul_(signed.sign_())
    if order == 2:
        return far.sub_(near, alpha=4).mul_(per_step**2)
    inside = 4.0 * (near > 0) - 1.0 * (far > 0)  # steps, and flat between them
    return signed.sign_() * inside * (per_step**3 if order == 3 else 0.0)


def _distance(x: Tensor, n_steps: int, reach: float) -> Tensor:
    """Steps from the middle of each spline, signed."""
    steps = torch.arange(n_steps + 3, dtype=x.dtype, device=x.device) - (n_steps / 2 + 1)
    # As a product of a column and a row: to subtract along so short an axis costs several times as much.
    row = torch.full((1, n_steps + 3), n_steps / (2 * reach), dtype=x.dtype, device=x.device)
    return torch.addmm(-steps, x.reshape(-1, 1), row).view(*x.shape, -1)


class EnsembleKANLinear(EnsembleModule):
    """``y_o = sum over i of a_oi x_i + sum over g of c_oig B_g(x_i)``: a curve of its own for each input and output.

    Splines as in Liu et al. 2024 ("KAN: Kolmogorov-Arnold networks", arXiv:2404.19756), the base the identity as in
    GRNGC; outside the splines' reach the base alone is left.

    Parameters
    ----------
    n_in, n_out : int
    n_steps : int
        Steps of the grid; each curve has ``n_steps + 3`` coefficients.
    reach : float
        The grid is on [-reach, reach].
    generators : sequence of torch.Generator, (I,)
    size : float
        Of the weights at first, by 1 / sqrt(n_in).
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        generators: Sequence[torch.Generator],
        *,
        n_steps: int = 5,
        reach: float = 3.0,
        size: float = 1.0,
    ):
        super().__init__(len(generators))
        self.n_steps, self.reach = n_steps, reach
        self.base = nn.Parameter(draw(generators, (n_out, n_in), "normal") * (size / n_in**0.5))
        self.curve = nn.Parameter(draw(generators, (n_out, n_in * (n_steps + 3)), "normal") * (size / n_in**0.5 / 4))

    def basis(self, x: Tensor) -> Tensor:
        """Features of (I, B, in): their splines, (I, B, in * (n_steps + 3))."""
        return cubic_basis(x, self.n_steps, self.reach).flatten(-2)

    def forward(self, x: Tensor, basis: Tensor | None = None) -> Tensor:
        """Map (I, B, in) to (I, B, out); ``basis`` where it is known."""
        basis = self.basis(x) if basis is None else basis
        return torch.baddbmm(torch.bmm(x, self.base.mT), basis, self.curve.mT)

    def jacobian(self, x: Tensor) -> Tensor:
        """Gradient by each input, (I, B, out, in), for (I, B, in)."""
        slope = cubic_slope(x, self.n_steps, self.reach)  # (I, B, in, g)
        curve = self.curve.unflatten(-1, (x.shape[-1], -1))  # (I, out, in, g)
        members, rows, n_in, g = slope.shape
        product = _Gathered.apply(
            torch.bmm(
                slope.transpose(1, 2).reshape(members * n_in, rows, g),
                curve.permute(0, 2, 3, 1).reshape(members * n_in, g, -1),
            )
        )  # (I in, B, out)
        return self.base[:, None] + product.unflatten(0, (members, n_in)).permute(0, 2, 3, 1)


class _Gathered(torch.autograd.Function):
    """The same, whose gradient lies together: many small products would else copy theirs one by one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous()
