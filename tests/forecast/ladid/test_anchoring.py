"""Forecasts that begin where the context ended."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synfer import Trajectories
from synfer.forecast import Anchor, LaDID
from synfer.forecast.anchoring import residuals as anchored_residuals

from .conftest import small, turning

pytestmark = pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")


def residuals(g, times: np.ndarray, *, n: int = 300, noise: float = 0.0, seed: int = 0):
    """Residuals of five numbers whose covariance with the one at 0 s is g(t) of its variance."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        first = rng.standard_normal(5)
        rest = np.sqrt(np.maximum(1.0 - g(times) ** 2, 0.0))[:, None] * rng.standard_normal((len(times), 5))
        made = g(times)[:, None] * first + rest
        yield times, made + noise * rng.standard_normal(made.shape)


@pytest.mark.parametrize("turn", [0.0, 4.0])
@pytest.mark.parametrize("seconds", [0.2, 0.8])
def test_finds_how_long_a_residual_lasts(seconds, turn):
    truth = Anchor(1.0, seconds, turn)
    found = Anchor.of(residuals(truth.left, np.arange(41) * 0.05))
    t = np.linspace(0, 2, 101)
    np.testing.assert_allclose(found.left(t), truth.left(t), atol=0.06)
    np.testing.assert_array_equal(found.left(-t), found.left(t))


def test_noise_of_the_sample_is_not_carried_on():
    truth = Anchor(1.0, 0.5, 0.0)
    # Of a residual of which half the variance is noise, half is left.
    noisy = Anchor.of(residuals(truth.left, np.arange(41) * 0.05, noise=1.0))
    assert noisy.share == pytest.approx(0.5, abs=0.05)
    alone = Anchor.of(residuals(lambda t: (t == 0.0).astype(float), np.arange(41) * 0.05))
    assert np.abs(alone.left(np.arange(1, 41) * 0.05)).max() < 0.05


def test_better_than_any_of_a_fine_grid():
    """The slow twin: sums over residuals one by one, at every point of a grid."""
    given = list(residuals(Anchor(0.8, 0.4, 3.0).left, np.arange(21) * 0.1, n=20, noise=0.3, seed=1))

    def left(anchor: Anchor) -> float:
        return sum(float(np.square(r[1:] - anchor.left(t[1:])[:, None] * r[0]).sum()) for t, r in given)

    found = left(Anchor.of(given))
    shares, durations, turns = np.linspace(0, 1, 11), np.geomspace(0.05, 8.0, 15), np.linspace(0, 2 * np.pi / 0.8, 15)
    assert found <= min(left(Anchor(a, s, w)) for a in shares for s in durations for w in turns) + 1e-9


@pytest.mark.parametrize(("n", "numbers", "times"), [(2, 1, 41), (4, 1, 21), (10, 1, 21), (10, 3, 6), (40, 64, 9)])
def test_noise_is_not_taken_for_what_lasts(n, numbers, times):
    """Of residuals that are noise, in each sample another or the same for all numbers, few give an anchor at all."""
    rng, taken, lost = np.random.default_rng(0), 0, []
    for trial in range(60):
        shape = (n, times, numbers if trial % 2 else 1)
        white = np.broadcast_to(rng.standard_normal(shape), (n, times, numbers))
        anchor = Anchor.of((0.05 * np.arange(times), r) for r in white)
        taken += anchor.share > 0.0
        lost.append(anchor.left(np.array([0.025, 0.05]))[1] ** 2)
    assert taken <= 9 and np.mean(lost) < 0.05


def test_a_few_contexts_are_enough_where_it_is_clear():
    truth = Anchor(1.0, 0.6, 0.0)
    taken = [Anchor.of(residuals(truth.left, np.arange(21) * 0.05, n=6, seed=k)).share > 0.5 for k in range(20)]
    assert sum(taken) >= 18


def test_what_was_known_before_stays_where_nothing_tells():
    before = Anchor(0.7, 0.3, 2.0)
    assert Anchor.of([(np.array([0.0, 1.0]), np.ones((2, 3)))], otherwise=before) == before
    truth, t = Anchor(1.0, 0.6, 0.0), np.arange(21) * 0.05
    np.testing.assert_allclose(Anchor.of(residuals(truth.left, t), otherwise=before).left(t), truth.left(t), atol=0.06)


def test_residuals_of_every_context():
    """The slow twin: context by context, of units of unlike scales."""
    rng = np.random.default_rng(5)
    scale = np.array([1.0, 100.0])
    values = [scale * rng.standard_normal((n, 2)) for n in (25, 9, 12)]
    given = Trajectories(values, [np.arange(len(v)) * 0.1 for v in values])

    def forecast(contexts, asked):
        return [np.outer(t, c.sum(0)) for t, c in zip(asked, contexts.values, strict=True)]

    found = list(anchored_residuals(forecast, given, 4, 6, scale))
    twin = []
    for start in (0, 4, 8, 12, 16, 20):
        for v in values:
            if len(v) > start + 4:
                t = np.arange(len(v)) * 0.1
                at = slice(start + 3, start + 10)
                missed = (v[at] - np.outer(t[at], v[start : start + 4].sum(0))) / scale
                twin.append((t[at] - t[start + 3], missed))
    assert len(found) == len(twin)
    for (seconds, residual), (expected_seconds, expected) in zip(found, twin, strict=True):
        np.testing.assert_allclose(seconds, expected_seconds, atol=1e-12)
        np.testing.assert_allclose(residual, expected)
    longer = Trajectories([rng.standard_normal((400, 2))], [np.arange(400) * 0.1])
    assert len(list(anchored_residuals(forecast, longer, 4, 6, scale))) == 8


def test_nothing_to_go_by():
    assert Anchor.of([]).share == 0.0
    assert Anchor.of([(np.array([0.0]), np.ones((1, 3)))]).share == 0.0
    assert Anchor.of([(np.array([0.0, 1.0]), np.zeros((2, 3)))]).share == 0.0


def test_irregular_times_and_unlike_lengths():
    truth, rng = Anchor(1.0, 0.5, 0.0), np.random.default_rng(3)
    given = []
    for k, (_, r) in enumerate(residuals(truth.left, np.zeros(1), n=400, seed=4)):
        t = np.r_[0.0, np.sort(rng.uniform(0.001, 2.0, 3 + k % 9))]
        g = truth.left(t)[:, None]
        given.append((t, g * r[0] + np.sqrt(1.0 - g**2) * rng.standard_normal((len(t), 5))))
    t = np.linspace(0, 2, 41)
    np.testing.assert_allclose(Anchor.of(given).left(t), truth.left(t), atol=0.06)


@pytest.fixture(scope="module")
def anchored() -> LaDID:
    return small().fit(turning(30, 12, 0))


def test_adds_what_was_missed_of_the_last_sample(anchored):
    held = turning(5, 12, 7)
    context = held.isel(time=slice(4))
    last = context.times[0][-1]
    asked = np.array([last - 0.2, last, last + 0.1, last + 1.3])
    forecast, g = anchored.predict(context, asked), anchored.anchor_
    alone = np.stack(anchored._each(context, [asked] * 5))
    missed = np.stack([v[-1] for v in context.values]) - alone[:, 1]
    twin = alone + g.left(asked - last)[:, None] * missed[:, None]
    np.testing.assert_allclose(forecast, twin, atol=1e-5)
    assert 0.0 < g.share <= 1.0


def test_first_samples_are_forecast_better(anchored):
    held = turning(40, 12, 8)
    context, later = held.isel(time=slice(4)), held.isel(time=slice(4, None)).to_array()
    asked = held.times[0][4:]
    with_, without = anchored.predict(context, asked), np.stack(anchored._each(context, [asked] * 40))
    first = [float(np.square(f[:, 0] - later[:, 0]).mean()) for f in (with_, without)]
    assert first[0] < 0.5 * first[1]
    every = [float(np.square(f - later).mean()) for f in (with_, without)]
    assert every[0] <= every[1]


def test_not_where_it_has_no_place(anchored, points, tmp_path):
    plain = small(anchored=False).fit(points)
    assert plain.anchor_ is None
    counts = small(head="poisson").fit(Trajectories([np.ones((10, 3))] * 12, np.arange(10.0)))
    assert counts.anchor_ is None
    # Encoded and decoded: what the model makes of samples, whatever of them it was told.
    whole = turning(3, 4, 9)
    np.testing.assert_array_equal(np.stack(anchored.reconstruct(whole)), np.stack(anchored._each(whole, whole.times)))
    anchored.save(tmp_path / "model.pt")
    assert LaDID.load(tmp_path / "model.pt").anchor_ == anchored.anchor_
    # As schema 3 had it, whose forecasts had no anchor.
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    state = content["state"] | {"schema": 3}
    del state["anchor"], state["parameters"]["anchored"]
    torch.save({**content, "state": state}, tmp_path / "old.pt")
    old, context = LaDID.load(tmp_path / "old.pt"), points.isel(time=slice(4))
    assert old.anchored is False and old.paced is True
    alone = np.stack(anchored._each(context, [np.array([1.5, 2.0])] * len(context)))
    np.testing.assert_array_equal(old.predict(context, [1.5, 2.0]), alone)
