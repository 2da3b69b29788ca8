"""Read-outs of an attention model: what its map is worth, and what its forecast hangs on.

All give (init, target, source), at least 0.

Sources: S. Abnar and W. Zuidema, "Quantifying attention flow in transformers", ACL 2020 (rollout); G. Kobayashi et
al., "Attention is not only a weight", EMNLP 2020 (value norm); R. Rohekar, Y.
Gurwicz, S. Nisimov, "Causal interpretation of self-attention in pre-trained transformers", NeurIPS 2023 (partial
correlation).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synfer.forecast import Likelihood, Windows, evaluation_batches

READOUTS = ("attention", "value_norm", "rollout", "gradient", "ablation", "partial_correlation")
RIDGE = 1e-6  # of the covariance's mean variance: a map may be singular


@contextmanager
def weighing_values(forecaster: nn.Module) -> Iterator[None]:
    """Within it, the maps that ``forecaster`` gives count each weight by the length of the value it passes on."""
    parts = [part for part in forecaster.modules() if hasattr(part, "weigh_values")]
    for part in parts:
        part.weigh_values = True  # type: ignore[assignment]
    try:
        yield
    finally:
        for part in parts:
            part.weigh_values = False  # type: ignore[assignment]


def rollout(attention: np.ndarray, n_layers: int) -> np.ndarray:
    """Attention through ``n_layers`` alike, half of each unit passing by unchanged; rows sum to 1."""
    n = attention.shape[-1]
    rows = attention / np.maximum(attention.sum(-1, keepdims=True), 1e-300)
    return np.linalg.matrix_power((rows + np.eye(n)) / 2.0, n_layers)


def partial_correlation(attention: np.ndarray) -> np.ndarray:
    """Absolute partial correlations of the covariance that the map, as a linear model's, gives units."""
    rows = attention / np.maximum(np.linalg.norm(attention, axis=-1, keepdims=True), 1e-300)
    covariance = rows @ rows.swapaxes(-1, -2)
    precision = np.linalg.inv(covariance + RIDGE * np.eye(attention.shape[-1]))
    root = np.sqrt(np.diagonal(precision, axis1=-2, axis2=-1))
    return np.abs(precision) / (root[..., :, None] * root[..., None, :])


@contextmanager
def held(forecaster: Any) -> Iterator[None]:
    """Without gradients of the parameters, which custom operators would work out whether asked for or not."""
    wanted = [p for p in forecaster.parameters() if p.requires_grad]
    for p in wanted:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)


def gradient(forecaster: Any, law: Likelihood, windows: Windows, starts: Tensor) -> np.ndarray:
    """Mean over windows of the modulus of the forecast's gradient, at the lag where that is largest."""
    forecaster.eval()
    n = forecaster.n_units
    total: Tensor | float = 0.0
    for rows in evaluation_batches(forecaster, windows, starts):
        context, times, _ = windows.batch(rows)
        context = context.contiguous().requires_grad_()
        with held(forecaster):
            mean = law.mean(forecaster(context, times)[0])  # (B, N, I)
            # Samples do not act on each other, so the gradient of their sum is that of each.
            each = [torch.autograd.grad(mean[:, i].sum(), context, retain_graph=i < n - 1)[0] for i in range(n)]
        total = total + torch.stack([g.abs().sum(0) for g in each])  # (target, source, lag, init)
    assert isinstance(total, Tensor)
    return (total / len(starts)).amax(2).permute(2, 0, 1).double().cpu().numpy()


@torch.no_grad()
def ablation(forecaster: Any, law: Likelihood, windows: Windows, starts: Tensor) -> np.ndarray:
    """Root of the mean squared change of the forecast when a source's past is its mean over the series."""
    forecaster.eval()
    n = forecaster.n_units
    instead = windows.series.mean(0)
    total = torch.zeros(forecaster.n_init, n, n, device=starts.device)
    for rows in evaluation_batches(forecaster, windows, starts):
        context, times, _ = windows.batch(rows)
        whole = law.mean(forecaster(context, times)[0])
        for source in range(n):
            without = context.clone()
            without[:, source] = instead[source]
            change = law.mean(forecaster(without, times)[0]) - whole
            total[:, :, source] += change.square().sum(0).T
    return (total / len(starts)).sqrt().double().cpu().numpy()
