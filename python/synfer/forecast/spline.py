"""Cubic B-splines on equal steps, and the layer of Kolmogorov and Arnold made of them."""

from __future__ import annotations

from collections.abc import Sequence

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
    d = _distance(x, n_steps, reach).abs()
    return (_positive(2 - d).pow(3) - 4 * _positive(1 - d).pow(3)) / 6


def cubic_slope(x: Tensor, n_steps: int, reach: float) -> Tensor:
    """Derivative of `cubic_basis` by x, (..., n_steps + 3)."""
    signed = _distance(x, n_steps, reach)
    d = signed.abs()
    slope = (4 * _positive(1 - d).square() - _positive(2 - d).square()) / 2
    return signed.sign() * slope * (n_steps / (2 * reach))


def _positive(x: Tensor) -> Tensor:
    return x.clamp_min(0)


def _distance(x: Tensor, n_steps: int, reach: float) -> Tensor:
    """Steps from the middle of each spline, signed."""
    step = 2 * reach / n_steps
    middles = torch.linspace(-reach - step, reach + step, n_steps + 3, dtype=x.dtype, device=x.device)
    return (x[..., None] - middles) / step


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
        product = torch.bmm(
            slope.transpose(1, 2).reshape(members * n_in, rows, g),
            curve.permute(0, 2, 3, 1).reshape(members * n_in, g, -1),
        )  # (I in, B, out)
        return self.base[:, None] + product.unflatten(0, (members, n_in)).permute(0, 2, 3, 1)
