"""One initialisation of Causalformer in plain torch: the slow, obvious twin of the ensemble.

Written token by token from the paper's layout; takes its weights from one member of a CausalformerForecaster.
"""

import math

import torch
from torch.nn import functional as F  # noqa: N812


def member(layer, i):
    """Weight and bias of one member of an EnsembleLinear."""
    return layer.weight[i], layer.bias[i]


def norm(layer, x, i, training):
    """Batch normalisation over channels, the tokens (..., channel) flattened."""
    flat = x.reshape(-1, x.shape[-1])
    mean, var = (
        (flat.mean(0), flat.var(0, unbiased=False)) if training else (layer.running_mean[i], layer.running_var[i])
    )
    return ((x - mean) / torch.sqrt(var + layer.eps)) * layer.weight[i] + layer.bias[i]


def embed(layer, values, times, position, i):
    """(B, N, l) values at (B, l) times to (B, N, l, channel)."""
    b, n, lags = values.shape
    out = torch.zeros(b, n, lags, layer.unit.shape[-1])
    for lag in range(lags):
        when = times[:, lag] * layer.time[i, 0] + layer.time[i, 1]
        place = torch.sin(position[lag] * layer.frequency[i] + layer.phase[i])
        for unit in range(n):
            pair = torch.stack([when, values[:, unit, lag]], dim=-1)
            linear = F.linear(pair, layer.value_time[i, :2].T, layer.value_time[i, 2])
            out[:, unit, lag] = linear + place + layer.unit[i, unit]
    return out


def attend(layer, target, source, i):
    """(..., L, channel) attends to (..., S, channel): output and weights (..., head, L, S)."""

    def heads(projection, x):
        return F.linear(x, *member(projection, i)).unflatten(-1, (layer.n_heads, layer.d_head)).transpose(-2, -3)

    q, k, v = heads(layer.query, target), heads(layer.key, source), heads(layer.value, source)
    weights = torch.softmax(q @ k.mT / math.sqrt(layer.d_head), dim=-1)
    joined = (weights @ v).transpose(-2, -3).flatten(-2)
    return F.linear(joined, *member(layer.out, i)), weights


def feed_forward(layer, x, i, training):
    hidden = F.gelu(F.linear(norm(layer.norm, x, i, training), *member(layer.widen, i)))
    return x + F.linear(hidden, *member(layer.narrow, i))


def causalformer_twin(model, context, times, i, *, training):
    """Forecast (B, N) and map (N, N) of member i for contexts (B, N, L) at times (B, L + 1); no dropout."""
    b, n, lags = context.shape
    position = torch.arange(lags, dtype=torch.float32)
    tokens = embed(model.embedding, context, times[:, :lags], position, i)
    for layer in model.encoder:
        normed = norm(layer.norm, tokens, i, training)
        tokens = tokens + attend(layer.local, normed, normed, i)[0]
        tokens = feed_forward(layer.feed_forward, tokens, i, training)

    target = embed(model.embedding, torch.zeros(b, n, 1), times[:, lags:], position[:1], i)
    map_ = torch.zeros(n, n)
    for layer in model.decoder:
        target = target + attend(layer.local, norm(layer.local_norm, target, i, training), tokens, i)[0]
        flat, everything = norm(layer.across_norm, target, i, training)[:, :, 0], tokens.flatten(1, 2)
        attended, weights = attend(layer.across, flat, everything, i)
        map_ += weights.unflatten(-1, (n, lags)).sum(-1).mean((0, 1))
        target = target + attended[:, :, None]
        target = feed_forward(layer.feed_forward, target, i, training)
    forecast = F.linear(target, *member(model.head, i))
    return forecast[:, :, 0, 0], map_
