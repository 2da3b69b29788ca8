"""Pasts of samples against loops that go through them one by one."""

import numpy as np
import pytest
import torch

from synfer.errors import InputError
from synfer.forecast import Pasts, saturation

TAUS = (2.0, 30.0)


def made(segments, **changes):
    n = segments[0].shape[1]
    options = {"depth": 4, "window": 3, "time_constants": TAUS, "offset": np.zeros(n), "scale": np.ones(n)}
    return Pasts(segments, **(options | changes))


def slow_own(segment, t, window, counts, begin):
    """Own history of every unit at sample t of a segment, step by step; traces begin at (power, unit)."""
    columns = [segment[t - k] for k in range(window)]
    for power in (1,) if counts else (1, 2):
        x = segment.astype(np.float64) ** power
        for tau in TAUS:
            keep, trace = np.exp(-1.0 / tau), begin[power - 1]
            for s in range(t + 1):
                trace = keep * trace + (1.0 - keep) * x[s]
            columns.append(trace)
    if counts:
        columns.append([np.log1p(next((k for k in range(t + 1) if unit[t - k] > 0), t + 1)) for unit in segment.T])
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("counts", [False, True])
def test_pasts_are_what_loops_find_and_no_past_crosses_a_segment(counts):
    rng = np.random.default_rng(0)
    segments = [rng.normal(size=(length, 3)) for length in (70, 5, 130, 2)]
    if counts:
        segments = [(segment > 1.2).astype(float) for segment in segments]
    pasts = made(segments, counts=counts)
    mean, deviation, begin = pasts.standard
    together = np.concatenate(segments)
    np.testing.assert_allclose(begin[0], together.mean(axis=0), rtol=1e-5)
    assert counts or np.allclose(begin[1], np.square(together).mean(axis=0), rtol=1e-5)
    expected = [(n, t) for n, segment in enumerate(segments) for t in range(3, len(segment) - 1)]
    assert len(pasts.rows) == len(expected) == 66 + 1 + 126
    batch = pasts.batch(pasts.rows)
    for row, (n, t) in enumerate(expected):
        own = batch.own[row] * deviation + mean
        np.testing.assert_allclose(own, slow_own(segments[n], t, 3, counts, begin), atol=2e-5)
        np.testing.assert_allclose(batch.recent[row], segments[n][t - 3 : t + 1], rtol=1e-6)
        np.testing.assert_allclose(batch.target[row], segments[n][t + 1], rtol=1e-6)
    flat = batch.own.reshape(-1, batch.own.shape[-1])
    np.testing.assert_allclose(flat.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(flat.std(0), 1.0, atol=1e-3)


def test_some_units_and_rows_are_those_of_all():
    rng = np.random.default_rng(0)
    pasts = made([rng.normal(size=(100, 5))], covariates=[rng.normal(size=(100, 5, 2))])
    rows = pasts.rows[[70, 3, 41]]
    every, some = pasts.batch(pasts.rows), pasts.batch(rows, slice(1, 4))
    for name in ("own", "target", "edge", "weight"):
        torch.testing.assert_close(getattr(some, name), getattr(every, name)[[70, 3, 41], 1:4])
    torch.testing.assert_close(some.recent, every.recent[[70, 3, 41]])


def test_covariates_are_those_of_the_sample_to_forecast():
    x = np.random.default_rng(0).normal(size=(50, 2))
    shared = np.arange(50.0)[:, None]
    pasts = made([x], covariates=[shared])
    mean, deviation, _ = pasts.standard
    own = pasts.batch(pasts.rows).own * deviation + mean
    np.testing.assert_allclose(own[..., -1], np.repeat(shared[4:], 2, axis=1), rtol=1e-5)


def test_missing_samples_weigh_nothing_and_are_carried_forward():
    x = np.random.default_rng(0).normal(size=(40, 2))
    holes = x.copy()
    holes[20, 0] = np.nan
    pasts = made([holes])
    batch = pasts.batch(pasts.rows)
    lost = {16, 17, 18, 19}  # rows 3 + k: sample 20 is the target of the first, in the window of the next three
    assert set(np.flatnonzero(batch.weight[:, 0] == 0)) == lost and (batch.weight[:, 1] == 1).all()
    assert not batch.known[17, -1, 0] and batch.recent[17, -1, 0] == pytest.approx(x[19, 0])


@pytest.mark.parametrize("counts", [False, True])
def test_a_past_does_not_know_what_came_after_it(counts):
    rng = np.random.default_rng(3)
    x = rng.poisson(0.3, (200, 2)).astype(float) if counts else np.cumsum(rng.normal(size=(200, 2)), axis=0)
    x[40:60, 1] = np.nan
    fitted = made([x], counts=counts)
    whole = made([x], counts=counts, standard=fitted.standard)
    cut = made([x[:90]], counts=counts, standard=fitted.standard)
    torch.testing.assert_close(cut.batch(cut.rows).own, whole.batch(cut.rows).own)


def test_a_count_before_a_gap_is_not_seen_again_in_it():
    x = np.zeros((300, 1))
    x[[20, 99, 250], 0] = 1.0
    holes = x.copy()
    holes[100:160] = np.nan
    pasts = made([holes], counts=True)
    mean, deviation, begin = pasts.standard
    own = pasts.batch(torch.tensor([165])).own[0, 0] * deviation + mean
    assert begin[0, 0] == pytest.approx(3 / 240)
    assert own[-1] == pytest.approx(np.log1p(165 - 99), rel=1e-4)  # the last that was seen
    assert own[3] < 2 * begin[0, 0]  # of two samples
    weight = pasts.batch(pasts.rows).weight[:, 0]
    assert set(np.flatnonzero(weight == 0) + 4) == set(range(100, 163))


def test_covariates_are_asked_for_as_the_fit_had_them():
    x = np.random.default_rng(0).normal(size=(50, 2))
    fitted, plain = made([x], covariates=[np.ones((50, 1))]), made([x])
    with pytest.raises(InputError, match="covariates must be as many as the fit had, 1, got 0"):
        made([x], standard=fitted.standard)
    with pytest.raises(InputError, match="covariates must be as many as the fit had, 0, got 2"):
        made([x], standard=plain.standard, covariates=[np.ones((50, 2))])


def test_saturation_is_found_where_it_is():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 4))
    x[:, 1] = np.minimum(x[:, 1], 1.5)
    x[:, 2] = np.maximum(x[:, 2], 0.0)
    x[:, 3] = np.round(x[:, 3] * 2)  # coarse digits are no saturation
    floor, ceiling = saturation([x[:1000], x[1000:]])
    np.testing.assert_array_equal(ceiling, [np.inf, 1.5, np.inf, np.inf])
    np.testing.assert_array_equal(floor, [-np.inf, -np.inf, 0.0, -np.inf])
    pasts = made([x], limits=(floor, ceiling))
    edges = pasts.batch(pasts.rows).edge
    np.testing.assert_array_equal(edges[:, 1], (x[4:, 1] == 1.5).astype(float))
    np.testing.assert_array_equal(edges[:, 2], -(x[4:, 2] == 0.0).astype(float))
