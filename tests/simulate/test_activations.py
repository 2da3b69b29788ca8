"""Activation functions of rate models, against numbers of 64 bits of mantissa."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from synfer.connectome import Connectome
from synfer.simulate import map_network, run


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-7), ("float64", 4e-16)])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_activations_are_accurate(level: str, activation: str, dtype: str, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    scales = rng.uniform(-25, 6, 200_000)
    y = (np.sign(rng.normal(size=scales.size)) * 2.0**scales).astype(dtype).clip(-79, 79)
    y[:5] = 0, -0.0, 79, -79, 1e-30
    x = run(
        map_network(Connectome.from_weights(scipy.sparse.csr_array((y.size, y.size))), activation=activation, bias=y),
        1e-3,
        dtype=dtype,
    )["x"][0]
    exact = y.astype(np.longdouble)
    exact = np.tanh(exact) if activation == "tanh" else 1 / (1 + np.exp(-exact))
    relative = np.abs(x - exact) / np.maximum(np.abs(exact), np.finfo(np.longdouble).tiny)
    worst = float(relative[y != 0].max())
    assert worst < tolerance, (worst, y[y != 0][relative[y != 0].argmax()])
    extremes = np.array([1e30, -1e30, 200, -200], dtype)
    x = run(map_network(np.zeros((4, 4)), activation=activation, bias=extremes), 1e-3, dtype=dtype)["x"][0]
    np.testing.assert_allclose(x, [1, -1, 1, -1] if activation == "tanh" else [1, 0, 1, 0], atol=2e-35)
