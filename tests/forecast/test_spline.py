"""Splines against scipy's, values and derivatives, and the layer made of them."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from synfer.forecast.spline import EnsembleKANLinear, cubic_basis, cubic_basis_reference, cubic_slope


@pytest.mark.parametrize(("n_steps", "reach"), [(5, 3.0), (1, 1.0), (12, 2.5)])
def test_basis_and_slope_are_scipy_s(n_steps, reach):
    x = np.concatenate([np.linspace(-2 * reach, 2 * reach, 501), [-reach, reach, 0.0]])
    step = 2 * reach / n_steps
    for g in range(n_steps + 3):
        knots = -reach + step * np.arange(g - 3, g + 2)
        theirs = BSpline.basis_element(knots, extrapolate=False)
        value = np.nan_to_num(theirs(x))
        slope = np.nan_to_num(theirs.derivative()(x))
        ours = torch.from_numpy(x)
        np.testing.assert_allclose(cubic_basis(ours, n_steps, reach)[:, g], value, atol=1e-12)
        np.testing.assert_allclose(cubic_slope(ours, n_steps, reach)[:, g], slope, atol=1e-11)


@pytest.mark.parametrize(("n_steps", "reach"), [(5, 3.0), (1, 1.0)])
def test_values_and_gradients_are_those_of_the_slow_twin(n_steps, reach):
    x = torch.linspace(-2.1 * reach, 2.1 * reach, 84, dtype=torch.float64).view(2, 6, 7).requires_grad_()
    weight = torch.randn(2, 6, 7, n_steps + 3, dtype=torch.float64)
    slow = cubic_basis_reference(x, n_steps, reach)
    torch.testing.assert_close(cubic_basis(x, n_steps, reach), slow)
    (by_x,) = torch.autograd.grad((slow * weight).sum(), x, create_graph=True)
    (fast_by_x,) = torch.autograd.grad((cubic_basis(x, n_steps, reach) * weight).sum(), x)
    torch.testing.assert_close(fast_by_x, by_x)
    torch.testing.assert_close((cubic_slope(x, n_steps, reach) * weight).sum(-1), by_x)
    (curvature,) = torch.autograd.grad(by_x.sum(), x)
    (fast_curvature,) = torch.autograd.grad((cubic_slope(x, n_steps, reach) * weight).sum(), x)
    torch.testing.assert_close(fast_curvature, curvature)


def test_splines_can_be_differentiated_again_and_again():
    x = (torch.rand(6, dtype=torch.float64) * 8 - 4).requires_grad_()
    torch.autograd.gradgradcheck(lambda x: cubic_basis(x, 5, 3.0), x)
    slow = torch.autograd.functional.jacobian(
        lambda x: torch.autograd.functional.hessian(
            lambda y: cubic_basis_reference(y, 5, 3.0)[:, 3].sum(), x, create_graph=True
        ),
        x,
    )
    fast = torch.autograd.functional.jacobian(
        lambda x: torch.autograd.functional.hessian(lambda y: cubic_basis(y, 5, 3.0)[:, 3].sum(), x, create_graph=True),
        x,
    )
    torch.testing.assert_close(fast, slow)


def test_they_sum_to_one_on_the_grid():
    x = torch.linspace(-3, 3, 101, dtype=torch.float64)
    torch.testing.assert_close(cubic_basis(x, 5, 3.0).sum(-1), torch.ones_like(x))


def layer(n_in=3, n_out=4, members=2):
    return EnsembleKANLinear(n_in, n_out, [torch.Generator().manual_seed(s) for s in range(members)]).double()


def test_a_layer_is_a_curve_for_each_pair():
    kan, x = layer(), torch.randn(2, 7, 3, dtype=torch.float64)
    y = torch.zeros(2, 7, 4, dtype=torch.float64)
    knots = -3 + 1.2 * np.arange(-3, 9)
    for m in range(2):
        for o in range(4):
            for i in range(3):
                curve = BSpline(knots, kan.curve[m, o].detach().numpy().reshape(3, 8)[i], 3, extrapolate=False)
                seen = x[m, :, i].clamp(-3 + 1e-9, 3 - 1e-9).numpy()
                y[m, :, o] += kan.base[m, o, i].detach() * x[m, :, i] + torch.from_numpy(curve(seen))
    inside = (x.abs() < 3).all(-1)
    torch.testing.assert_close(kan(x)[inside], y[inside])


def test_the_layer_s_jacobian_is_autograd_s():
    kan, x = layer(), torch.randn(2, 5, 3, dtype=torch.float64) * 2
    j = kan.jacobian(x)
    for m in range(2):
        for b in range(5):

            def one(row, m=m):
                return kan(row.expand(2, 1, 3))[m, 0]

            torch.testing.assert_close(j[m, b], torch.autograd.functional.jacobian(one, x[m, b]))
