"""p-values by surrogate: against loops, on samples without edges, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from synfer.connectome import Connectome
from synfer.discover import Causalformer, ConditionalGranger, CrossCorrelation, PartialCorrelation, correlation
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.shifts import draw_offsets
from synfer.discover.significance import CircularShift, OverTime, StabilitySelection, SurrogateTest
from synfer.discover.significance.surrogate_test import _pvalues
from synfer.errors import InputError, NotConvergedWarning, ResolutionWarning, UnknownNameError
from synfer.recording import Recording


class Reader(BaseDiscoverer):
    """Score: what the source's last sample does to the target's next, read out of any samples without a fit."""

    def __init__(self, refuse: bool = False) -> None:
        self.refuse = refuse

    def _discover(self, samples: Samples) -> Connectome:
        if self.refuse and not np.array_equal(samples.segments[0], SEEN):
            raise InputError("X is not what it was.")
        return self._connectome(samples, self._reread(samples), converged=not self.refuse)

    def _reread(self, samples: Samples) -> np.ndarray:
        x = samples.segments[0]
        score = np.abs(x[1:].T @ x[:-1]) / len(x)
        np.fill_diagonal(score, np.nan)
        return score


class Unsettled(Reader):
    """Converges on one recording only."""

    def _discover(self, samples: Samples) -> Connectome:
        seen = np.array_equal(samples.segments[0], SEEN)
        return self._connectome(samples, self._reread(samples), converged=seen)


@pytest.fixture
def x() -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((800, 4))
    x[1:, 1] += 0.4 * x[:-1, 0]
    return x


SEEN = np.random.default_rng(0).standard_normal((800, 4))


@pytest.mark.parametrize("kind", ["pair", "pooled", "max"])
def test_pvalues_are_what_loops_count(x, kind):
    test = SurrogateTest(Reader(), n_surrogates=30, null=kind, random_state=1).fit(x)
    found = test.connectome_
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    for i, j in pairs:
        s = float(found.score[i, j])
        if kind == "pair":
            drawn = [test.null_[b, i, j] for b in range(30)]
        elif kind == "max":
            drawn = [max(test.null_[b, k, m] for k, m in pairs) for b in range(30)]
        else:
            drawn = [test.null_[b, k, m] for b in range(30) for k, m in pairs]
        reached = sum(d >= s for d in drawn)
        assert float(found.pvalue[i, j]) == pytest.approx((1 + reached) / (1 + len(drawn)), rel=1e-12)
        assert test.resolution_ == pytest.approx(1 / (1 + len(drawn)))
    assert np.isnan(np.diag(found.pvalue)).all()
    assert float(found.pvalue[1, 0]) == pytest.approx(test.resolution_)


def test_a_read_out_changes_one_source_at_a_time(x):
    test = SurrogateTest(Reader(), n_surrogates=19, refit=False, random_state=3).fit(x)
    rng = np.random.RandomState(int(np.random.RandomState(3).randint(2**31 - 1, size=19)[0]))
    samples = Samples([x], None, np.arange(4), None, [0.0])
    for source in range(4):
        anew = CircularShift().draw(samples, rng, units=[source]).segments[0]
        expected = np.abs(x[1:].T @ anew[:-1]) / len(x)
        others = np.delete(np.arange(4), source)
        np.testing.assert_allclose(test.null_[0, others, source], expected[others, source])
    assert float(test.connectome_.pvalue[1, 0]) == pytest.approx(1 / 20)


def test_pairs_of_many_units_do_not_meet_their_own_timing():
    """Shifts that lie apart are nearly a grid of many units: the smallest p-value came up ten times as often."""
    rng = np.random.default_rng(0)
    x = lfilter([1.0], [1.0, -0.95], rng.standard_normal((1200, 20)), axis=0)[200:]
    found = SurrogateTest(Reader(), n_surrogates=199, random_state=0).fit(x).connectome_
    assert (found.pvalue.values[~np.eye(20, dtype=bool)] <= 0.01).mean() < 0.03


def test_hundreds_of_trials_can_be_paired_in_more_ways_than_floats_count():
    x = np.random.default_rng(0).standard_normal((200, 20, 2))
    fitted = SurrogateTest(Reader(), surrogate="trial_shuffle", n_surrogates=19, null="pooled", random_state=0)
    assert fitted.fit(Recording({"x": x}, 0.1)).resolution_ > 0.0


def test_the_largest_of_all_pairs_has_power():
    """Two units that happened to be shifted alike kept their true timing, and so the largest score was the true one."""
    x = np.random.default_rng(0).standard_normal((200, 8))
    x[1:, 4:] += 2.0 * x[:-1, :4]
    found = SurrogateTest(Reader(), n_surrogates=199, null="max", random_state=0).fit(x).connectome_
    assert [float(found.pvalue[4 + k, k]) for k in range(4)] == [1 / 200] * 4


def test_without_edges_pvalues_are_uniform():
    rng = np.random.default_rng(4)
    found = []
    for _ in range(12):
        x = rng.standard_normal((300, 4))
        for t in range(1, 300):
            x[t] += 0.8 * x[t - 1]  # each remembers itself: plain correlations are then too large
        test = SurrogateTest(CrossCorrelation(max_lag=1), n_surrogates=49, random_state=0).fit(x)
        found += list(test.connectome_.pvalue.values[~np.eye(4, dtype=bool)])
    assert 0.4 < np.mean(found) < 0.6
    assert np.mean(np.asarray(found) <= 0.1) < 0.2


def test_it_gives_the_estimator_s_own_fields_and_its_name(x):
    recording = Recording({"v": x}, dt=1e-3, unit_ids=list("abcd"))
    test = SurrogateTest(ConditionalGranger(lag=1), n_surrogates=19, random_state=0).fit(recording)
    alone = ConditionalGranger(lag=1).fit(recording).connectome_
    np.testing.assert_array_equal(test.connectome_.score, alone.score)
    np.testing.assert_array_equal(test.connectome_.weight, alone.weight)
    np.testing.assert_array_equal(test.connectome_.delay, alone.delay)
    assert test.connectome_.method == "SurrogateTest"
    assert "ConditionalGranger(lag=1)" in test.connectome_.parameters["estimator"]
    assert test.preserves_ == CircularShift.preserves
    assert list(test.connectome_.unit_ids) == list("abcd")


def test_two_workers_give_what_one_gives(x):
    fits = [SurrogateTest(PartialCorrelation(), n_surrogates=19, n_jobs=k, random_state=5).fit(x) for k in (1, 2)]
    np.testing.assert_array_equal(fits[0].null_, fits[1].null_)


def test_fits_that_fail_are_counted_and_never_passed_over_in_silence():
    with pytest.raises(InputError, match="19 of 19 fits to resampled samples failed"):
        SurrogateTest(Reader(refuse=True), n_surrogates=19).fit(SEEN)


def test_fits_that_do_not_converge_are_warned_of_and_kept():
    with pytest.warns(NotConvergedWarning, match="19 of 19 fits to resampled samples did not converge"):
        test = SurrogateTest(Unsettled(), n_surrogates=19, random_state=0).fit(SEEN)
    assert test.n_unconverged_ == 19
    assert test.null_.shape == (19, 4, 4)
    assert test.connectome_.converged is True


def test_attention_is_read_out_again_without_a_fit(x):
    estimator = Causalformer(n_init=1, max_epochs=3, patience=3, d_model=8, n_heads=2, d_head=4, d_hidden=8,
                             progress=False, random_state=0)  # fmt: skip
    with pytest.warns(NotConvergedWarning), pytest.warns(ResolutionWarning, match=r"below 0\.33"):
        test = SurrogateTest(estimator, n_surrogates=2, refit=False, random_state=0).fit(x[:200])
    again = test.estimator_.read(x[:200]).score.values
    np.testing.assert_allclose(test.estimator_._reread(Samples([x[:200]], None, np.arange(4), None, [0.0])), again)
    # rows of attention, own share included, sum to 1
    assert (np.nansum(again, axis=1) < 1.0).all()
    assert np.isnan(np.diag(again)).all()
    assert test.null_.shape == (2, 4, 4)


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"estimator": ConditionalGranger}, InputError, "estimator must be one of synfer.discover.*got a class"),
        ({"estimator": "granger"}, InputError, "estimator must be one of synfer.discover.*got a str"),
        ({"surrogate": "shuffle"}, UnknownNameError, "block_shuffle"),
        ({"surrogate": "spike_jitter"}, InputError, "continuous signal in unit 0"),
        ({"null": "both"}, InputError, "'null'"),
        ({"n_surrogates": 0}, InputError, "'n_surrogates'"),
        ({"refit": False}, InputError, "refit must be True for ConditionalGranger, which cannot be read again"),
        ({"estimator": ConditionalGranger(lag=0)}, InputError, "'lag'"),
    ],
)
def test_what_is_wrong_is_said(x, changed, error, told):
    with pytest.raises(error, match=told):
        SurrogateTest(**{"estimator": ConditionalGranger(lag=1), **changed}).fit(x)


@pytest.mark.parametrize("kind", ["pair", "pooled", "max"])
def test_what_has_no_score_has_no_pvalue_and_no_surrogate_without_one_speaks_for_an_edge(kind):
    score, null = np.array([np.nan, 5.0]), np.array([[0.0, np.nan], [1.0, 2.0], [0.5, 1.0]])
    pvalue, _ = _pvalues(score, null, kind)
    assert np.isnan(pvalue[0])
    assert pvalue[1] == {"pair": 2 / 4, "pooled": 2 / 4, "max": 2 / 4}[kind]


@pytest.mark.parametrize("kind", ["pooled", "max"])
def test_pairs_of_which_nothing_is_said_weigh_on_no_other(kind):
    score, null = np.array([np.nan, 5.0]), np.array([[np.nan, 1.0], [np.nan, 2.0], [np.nan, 1.0]])
    assert _pvalues(score, null, kind)[0][1] == 1 / 4
    assert np.isnan(_pvalues(np.full(2, np.nan), null, kind)[0]).all()


class Gappy(Reader):
    """Takes missing samples, drift, and few samples."""

    _takes_missing = _takes_drift = _takes_few = True

    def _reread(self, samples: Samples) -> np.ndarray:
        filled = [np.nan_to_num(segment) for segment in samples.segments]
        return super()._reread(Samples(filled, None, samples.unit_ids, None, samples.t0s))


def test_what_the_estimator_takes_is_taken_around_it(x):
    x[100:120, 2] = np.nan
    x[:, 0] += np.linspace(0.0, 8.0, len(x))
    for around in (SurrogateTest(Gappy(), n_surrogates=19), OverTime(Gappy(), 2), StabilitySelection(Gappy())):
        assert around.fit(x).connectome_.score.shape[-2:] == (4, 4)
    SurrogateTest(Gappy(), n_surrogates=19).fit(np.random.default_rng(0).standard_normal((30, 40)))
    with pytest.raises(InputError, match="must be finite, got NaN in unit 2"):
        SurrogateTest(Reader(), n_surrogates=19).fit(x)
    with pytest.raises(InputError, match="no missing samples for surrogate='iaaft'; got NaN in unit 2"):
        SurrogateTest(Gappy(), "iaaft", n_surrogates=19).fit(x)


@pytest.mark.parametrize(("trials", "resolution"), [(4, 1 / 24), (8, 1 / 100)])
def test_few_trials_can_be_paired_in_few_ways(trials, resolution):
    x = np.random.default_rng(0).standard_normal((trials, 50, 3))
    test = SurrogateTest(CrossCorrelation(max_lag=2), "trial_shuffle", n_surrogates=99, random_state=0)
    assert test.fit(Recording({"v": x}, dt=1e-3)).resolution_ == pytest.approx(resolution)


def test_fits_to_surrogates_draw_none_of_their_own(x, monkeypatch):
    drawn = []
    monkeypatch.setattr(correlation, "draw_offsets", lambda *given: drawn.append(given) or draw_offsets(*given))
    test = SurrogateTest(CrossCorrelation(max_lag=2), n_surrogates=19, random_state=0).fit(x)
    assert len(drawn) == 1  # of the fit to the samples as they are
    assert test.estimator_.n_surrogates == test.estimator.n_surrogates == 200
    nested = SurrogateTest(SurrogateTest(CrossCorrelation(max_lag=2), n_surrogates=19), n_surrogates=19)
    assert nested.fit(x[:100]).estimator_.n_surrogates == 19  # which cannot do without
