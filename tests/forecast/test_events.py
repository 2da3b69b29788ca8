"""Events of sampled signals: atoms, jumps, and what counts as one event."""

import numpy as np
import pytest

from synfer.forecast import Events, Pasts


def slow_twin(segment, atoms, jumps):
    """The definition, sample by sample: events (time, unit)."""
    found = np.zeros(segment.shape, bool)
    for unit in range(segment.shape[1]):
        x = segment[:, unit]
        at = [value == atoms[unit] for value in x]
        first = [at[t] and (t == 0 or not at[t - 1]) for t in range(len(x))]
        event = last = None
        for t in range(len(x)):
            if first[t]:
                found[t, unit] = True
                continue
            step = 0.0 if t == 0 or np.isnan(x[t] - x[t - 1]) else x[t] - x[t - 1]
            if not abs(step) > jumps[unit] or any(first[max(0, t - 2) : t + 1]):
                continue
            if last is None or t - last > 2:
                found[t, unit], event = True, (t, step)
            elif t == event[0] + 1 and step * event[1] > 0:
                found[t, unit] = True
            last = t
    return found


@pytest.mark.parametrize("length", [1, 3, 400])
def test_events_are_those_of_the_definition(length):
    rng = np.random.default_rng(length)
    x = np.cumsum(rng.normal(size=(400, 5)), axis=0)
    x[rng.random((400, 5)) < 0.05] += 15.0
    x[rng.random((400, 5)) < 0.05] -= 15.0
    x[:, 1] = np.minimum(x[:, 1], np.quantile(x[:, 1], 0.9))
    x[rng.random(400) < 0.1, 2] = 3.5
    x[rng.random(400) < 0.1, 3] = np.nan
    events = Events.of([x])
    np.testing.assert_array_equal(np.isnan(events.atoms), [True, False, False, True, True])
    found = events.find(x[:length])
    np.testing.assert_array_equal(found, slow_twin(x[:length], events.atoms, events.jumps))
    assert length < 400 or (found.any(axis=0).all() and not found.all(axis=0).any())


def test_an_event_does_not_know_what_comes_after_it():
    rng = np.random.default_rng(4)
    x = np.cumsum(rng.normal(size=(300, 4)), axis=0)
    x[rng.random((300, 4)) < 0.2] += 15.0
    x[:, 1] = np.minimum(x[:, 1], np.quantile(x[:, 1], 0.8))
    x[rng.random(300) < 0.1, 2] = 3.5
    events = Events.of([x])
    whole = events.find(x)
    assert whole.any(axis=0).all()
    for k in range(1, 300):
        np.testing.assert_array_equal(events.find(x[:k]), whole[:k])


def test_where_steps_lead_to_an_atom_atoms_alone_are_events():
    rng = np.random.default_rng(5)
    x = rng.normal(0.0, 0.1, (2000, 2))
    peaks = np.arange(50, 2000, 40)
    x[peaks - 1] = 3.0 + 0.1 * rng.random((len(peaks), 2))  # half-way
    x[peaks, 0] = 5.0  # cut off there
    x[peaks, 1] = 5.0 + rng.random(len(peaks))
    x[[15, 31], 0] = 3.0  # steps that lead nowhere, fewer
    events = Events.of([x])
    assert events.jumps[0] == np.inf and events.jumps[1] < 1.0
    found = events.find(x)
    np.testing.assert_array_equal(np.flatnonzero(found[:, 0]), peaks)
    np.testing.assert_array_equal(np.flatnonzero(found[:, 1]), np.sort(np.concatenate([peaks - 1, peaks])))


def test_a_spike_is_dated_at_its_rise_and_peak_a_reset_where_it_happens():
    rng = np.random.default_rng(1)
    x = rng.normal(0.0, 0.1, (2000, 2))
    peaks = np.arange(50, 2000, 40)
    for shift, height in ((-1, 3.0), (0, 8.0), (1, 2.0), (2, -2.0)):  # a rise met half-way, a fall, an undershoot
        x[peaks + shift, 0] = height
    for shift in (0, 1):  # held for two samples at a value within the range: 1 drawn below it
        x[peaks + shift, 1] = -2.0
    x[5, 1] = -2.2
    events = Events.of([x[:900], x[900:]])
    assert np.isnan(events.put[0]) and events.put[1] == -2.0
    found = events.find(x)
    np.testing.assert_array_equal(np.flatnonzero(found[:, 0]), np.sort(np.concatenate([peaks - 1, peaks])))
    np.testing.assert_array_equal(np.flatnonzero(found[8:, 1]) + 8, peaks)
    told = events.told(x)
    np.testing.assert_allclose(told.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(told.std(axis=0), 1.0, atol=0.02)


def test_pasts_show_what_is_told_and_do_not_count_what_was_put():
    rng = np.random.default_rng(2)
    x, told = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    x[[10, 20], 1] = 0.25
    pasts = Pasts(
        [x],
        depth=3,
        window=2,
        time_constants=(4.0,),
        offset=np.zeros(2),
        scale=np.ones(2),
        told=[told],
        put=np.array([np.nan, 0.25]),
    )
    batch = pasts.batch(pasts.rows)
    np.testing.assert_allclose(batch.recent[0], told[:3], rtol=1e-6)
    np.testing.assert_allclose(batch.target, x[3:], rtol=1e-6)
    assert (batch.weight[:, 0] == 1).all()
    np.testing.assert_array_equal(np.flatnonzero(batch.weight[:, 1] == 0), [7, 17])
