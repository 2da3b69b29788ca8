"""Read-outs of a Synformer against their definitions, loop by loop."""

import numpy as np
import pytest
import torch

from synfer.discover import Synformer
from synfer.discover.attention_readouts import READOUTS
from synfer.discover.synformer_readouts import MOST_ROWS, read_out
from synfer.errors import UnknownNameError
from synfer.forecast import LAWS

LAW = LAWS["gaussian"]


def driven(length=700, seed=0):
    """Unit 0 drives 1 and 2, unit 1 drives 3."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(length, 4))
    for t in range(1, length):
        x[t, 1] += 0.6 * x[t - 1, 0]
        x[t, 2] -= 0.5 * x[t - 1, 0]
        x[t, 3] += 0.6 * np.tanh(x[t - 1, 1])
    return x


EDGE = np.zeros((4, 4), dtype=bool)
EDGE[[1, 2, 3], [0, 0, 1]] = True


@pytest.fixture(scope="module")
def fitted():
    x = driven()
    fit = Synformer(2, max_lag=2, window=2, value_window=2, hidden=8, n_steps=150, random_state=0, progress=False).fit(
        x
    )
    return fit, x, fit._pasts(fit._read(x, None), None)


@pytest.mark.parametrize("readout", [name for name in READOUTS if name != "partial_correlation"])
def test_edges_come_first(fitted, readout):
    fit, x, _ = fitted
    found = fit.read(x, readout)
    score = found.score.values
    assert score[EDGE].min() > score[~EDGE & ~np.eye(4, dtype=bool)].max()
    assert np.isnan(np.diag(score)).all() and found.score_std is not None and found.pvalue is None


def test_partial_correlation_is_symmetric(fitted):
    fit, x, _ = fitted
    score = np.nan_to_num(fit.read(x, "partial_correlation").score.values)
    np.testing.assert_allclose(score, score.T, atol=1e-12)


def test_maps_are_sums_over_lags_of_their_weights(fitted):
    fit, _, pasts = fitted
    attention, values = (
        read_out(fit.forecaster_, LAW, pasts, "attention"),
        read_out(fit.forecaster_, LAW, pasts, "value_norm"),
    )
    rows = pasts.rows[:: -(-len(pasts.rows) // MOST_ROWS)]
    batch = pasts.batch(rows)
    for k, member in enumerate(fit.forecaster_.members()):
        a, s = (
            member.masked_attention()[0, 0],
            member.values(batch.recent)[0],
        )  # (lag, target, source), (row, lag, source)
        for i, j in ((1, 0), (3, 1), (0, 2)):
            expected = float(sum(a[lag, i, j] ** 2 for lag in range(2)) ** 0.5)
            assert attention[k, i, j] == pytest.approx(expected, rel=1e-5)
            passed = float(sum((a[lag, i, j] * s[:, lag, j].std(correction=0)) ** 2 for lag in range(2)) ** 0.5)
            assert values[k, i, j] == pytest.approx(passed, rel=1e-4)


def test_the_gradient_is_a_difference_quotient(fitted):
    fit, _, pasts = fitted
    found = read_out(fit.forecaster_, LAW, pasts, "gradient")
    batch = pasts.batch(pasts.rows[:: -(-len(pasts.rows) // MOST_ROWS)])
    member = fit.forecaster_.members()[0]
    slopes = []
    for sample in range(batch.recent.shape[1]):
        up, down = batch.recent.clone(), batch.recent.clone()
        up[:, sample, 0] += 1e-2
        down[:, sample, 0] -= 1e-2
        means = [
            LAW.mean(member.respond(batch.own, member.drives(member.values(r), batch.elapsed)).eta)[0, :, 1]
            for r in (up, down)
        ]
        slopes.append(float(((means[0] - means[1]) / 2e-2).abs().mean().detach()))
    assert found[0, 1, 0] == pytest.approx(max(slopes), rel=2e-2)
    assert found[0, 0, 0] == 0.0


@torch.no_grad()
def test_ablation_puts_a_value_at_its_mean(fitted):
    fit, _, pasts = fitted
    found = read_out(fit.forecaster_, LAW, pasts, "ablation")
    batch = pasts.batch(pasts.rows[:: -(-len(pasts.rows) // MOST_ROWS)])
    for k, member in enumerate(fit.forecaster_.members()):
        s = member.values(batch.recent)
        without = s.clone()
        without[:, :, :, 1] = s[:, :, :, 1].mean(1, keepdim=True)
        both = [LAW.mean(member.respond(batch.own, member.drives(each, batch.elapsed)).eta)[0] for each in (s, without)]
        np.testing.assert_allclose(found[k, :, 1], (both[0] - both[1]).square().mean(0).sqrt(), rtol=1e-4, atol=1e-7)
        assert found[k, 1, 1] == 0.0  # own history takes another way


def test_parameters_ask_for_gradients_as_before_and_names_are_known(fitted):
    fit, x, _ = fitted
    before = [p.requires_grad for p in fit.forecaster_.parameters()]
    fit.read(x, "gradient")
    assert [p.requires_grad for p in fit.forecaster_.parameters()] == before
    with pytest.raises(UnknownNameError, match="readout"):
        fit.read(x, "map")
