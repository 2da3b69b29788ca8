from __future__ import annotations

import dataclasses
import warnings
from typing import ClassVar

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger, CrossCorrelation, DifferentialCovariance, PartialCorrelation, SpikeGLM
from synfer.errors import InputError, ResolutionWarning
from synfer.evaluate import compare
from synfer.recording import Recording
from synfer.simulate import run, var_coefficients, var_network
from synfer.trust import Card, assess, work
from synfer.trust.measures import FEATURES
from synfer.trust.reference import WARN_BELOW


@pytest.fixture(scope="module")
def recording() -> Recording:
    network = var_network(var_coefficients(8, 1, 0.2, radius=0.7, seed=3))
    seen = run(network, 2.0, record="x", initial_state="stationary", seed=3)
    return Recording({"x": seen["x"]}, seen.dt)


@pytest.fixture(scope="module")
def card(recording) -> Card:
    return assess(recording, ConditionalGranger(lag=1), predictor=None, random_state=5)


def test_a_method_on_its_own_law_is_trusted(card):
    assert [null.kind for null in card.nulls] == ["twins", "circular_shift"]
    assert all(0.01 < null.rejected < 0.1 for null in card.nulls)  # 224 tests: a standard error of .015
    assert card.nulls[0].made["kind"] == "autoregression"
    assert card.halves > 0.2 and card.initialisations is None and card.echo > 0.9
    assert card.forecasts.gain > 0.02 and card.forecasts.together < 0.1
    assert card.converged is not False and card.unconverged == 0
    assert tuple(card.features) == FEATURES and card.features["implied_twins"] > 0.8
    assert [warning[:13] for warning in card.warnings] == ["No prediction"]


@pytest.mark.filterwarnings("ignore::synfer.errors.ResolutionWarning")
def test_what_it_comes_to_is_foretold_by_what_is_made_for_such_a_signal(recording):
    few = {"n_twins": 1, "n_surrogates": 0, "n_halves": 0, "n_plantings": 0, "n_echoes": 0}
    truth = var_network(var_coefficients(8, 1, 0.2, radius=0.7, seed=3)).connectome
    for method in (ConditionalGranger(lag=1), PartialCorrelation()):
        card = assess(recording, method, **few)
        auroc = compare(method.fit(recording).connectome_, truth)["auroc"]
        assert card.predicted["auroc"].value == pytest.approx(auroc, abs=0.05)
        assert card.reference.class_ == "sure" and card.warn_below == WARN_BELOW
        assert any("may well be below 0.8" in warning for warning in card.warnings) == (auroc < 0.8)


def test_power_rises_with_the_strength_of_planted_edges(card):
    strengths, shares = [p.strength for p in card.power], [p.share for p in card.power]
    assert strengths == [0.03, 0.1, 0.3] and shares == sorted(shares) and shares[-1] == 1.0 > shares[0]
    assert card.power[-1].auroc > 0.99 and all(p.low <= p.share <= p.high and p.planted == 8 for p in card.power)


def test_the_same_seed_gives_the_same_card_and_so_does_the_connectome_that_was_found(recording, card):
    found = ConditionalGranger(lag=1).fit(recording).connectome_
    again = assess(recording, connectome=found, predictor=None, random_state=5)
    assert again.to_dict() == card.to_dict()
    other = assess(recording, ConditionalGranger(lag=1), predictor=None, random_state=6)
    assert other.features != card.features


def test_a_card_goes_on_from_what_was_kept(recording, card, tmp_path, monkeypatch):
    done: list[int] = []
    fit = work.fit_fresh

    def counted(*arguments):
        done.append(1)
        if len(done) == 7:
            raise KeyboardInterrupt
        return fit(*arguments)

    monkeypatch.setattr(work, "fit_fresh", counted)
    estimator = ConditionalGranger(lag=1)
    with pytest.raises(KeyboardInterrupt):
        assess(recording, estimator, predictor=None, cache=tmp_path / "kept", random_state=5)
    assert len(list((tmp_path / "kept").glob("*.nc"))) == 6
    resumed = assess(recording, estimator, predictor=None, cache=tmp_path / "kept", random_state=5)
    assert len(done) == 7 + card.fits - 6
    assert resumed.to_dict() == card.to_dict()
    assess(recording, estimator, predictor=None, cache=tmp_path / "kept", random_state=5)
    assert len(done) == 7 + card.fits - 6  # nothing was fitted again
    assess(recording, ConditionalGranger(lag=2), predictor=None, cache=tmp_path / "kept", random_state=5)
    assert len(done) > 7 + card.fits  # another method's answers are not taken for this one's


@pytest.mark.filterwarnings("ignore::synfer.errors.ResolutionWarning")
def test_each_question_can_be_left_out(recording):
    few = {"n_twins": 0, "n_halves": 0, "n_plantings": 0, "n_echoes": 0, "predictor": None}
    card = assess(recording, PartialCorrelation(), n_surrogates=1, **few)
    assert [null.kind for null in card.nulls] == ["circular_shift"] and card.fits == 1
    assert card.halves is None and card.power == [] and card.echo is None
    missing = ("excess_twins", "halves", "planted_weak", "echo", "spiking")
    assert np.isnan([card.features[name] for name in missing]).all()


@pytest.mark.filterwarnings("ignore::synfer.errors.ResolutionWarning")
def test_initialisations_are_compared_where_a_method_draws(recording):
    quick = {"n_twins": 1, "n_surrogates": 0, "n_halves": 0, "n_plantings": 0, "n_echoes": 0, "predictor": None}
    card = assess(recording, CrossCorrelation(max_lag=3), n_initialisations=2, **quick)
    assert card.initialisations == pytest.approx(1.0) and card.fits == 3


def test_few_twins_and_surrogates_are_warned_of_before_the_work_and_on_the_card(recording):
    few = {"n_halves": 0, "n_plantings": 0, "n_echoes": 0, "predictor": None, "n_initialisations": 0}
    with pytest.warns(ResolutionWarning) as caught:
        card = assess(recording, PartialCorrelation(), n_twins=1, n_surrogates=2, **few)
    told = "The check on data without edges (twins) is coarse: it is one fit, and how much such fits differ is not seen"
    assert [str(one.message).startswith(told) for one in caught] == [True] and caught[0].filename == __file__
    assert str(caught[0].message) in card.warnings and str(caught[0].message).endswith("take n_twins=2 or more.")
    assert [(null.n, null.pairs) for null in card.nulls] == [(1, 56), (2, 112)]
    three = recording.isel(unit=slice(0, 3))
    with pytest.warns(
        ResolutionWarning, match=r"circular_shift\) is coarse: of 24 pairs in 4 fits up to 21%"
    ) as caught:
        card = assess(three, PartialCorrelation(), n_twins=0, n_surrogates=4, **few)
    assert str(caught[0].message) in card.warnings and "take n_surrogates=9 or more" in str(caught[0].message)


def test_of_a_method_without_p_values_it_is_not_said_what_share_of_them_may_be_small(recording):
    few = {"n_halves": 0, "n_plantings": 0, "n_echoes": 0, "predictor": None, "n_initialisations": 0}
    three = recording.isel(unit=slice(0, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResolutionWarning)
        card = assess(three, DifferentialCovariance(), n_twins=2, n_surrogates=0, **few)
    assert [(null.rejected, null.n, null.pairs) for null in card.nulls] == [(None, 2, 12)]
    assert any("no p-values" in line for line in card.lines()) and "p < .05" not in " ".join(card.warnings)


class _Keeps(CrossCorrelation):
    """Has a checkpoint and an array among its parameters; refuses to fit where the one is given."""

    _parameter_constraints: ClassVar = {
        **CrossCorrelation._parameter_constraints,
        "checkpoint": [str, None],
        "table": "no_validation",
    }

    def __init__(self, checkpoint=None, table=None, max_lag=3):
        super().__init__(max_lag=max_lag)
        self.checkpoint, self.table = checkpoint, table

    def _discover(self, samples):
        assert self.checkpoint is None
        return super()._discover(samples)


class _NoTwins(CrossCorrelation):
    """Takes the very values of the recording alone, as surrogates keep them and autoregressions do not."""

    highest: ClassVar = 0.0

    def _discover(self, samples):
        if max(part.max() for part in samples.segments) != self.highest:
            raise InputError("X must be what it was.")
        return super()._discover(samples)


@pytest.mark.filterwarnings("ignore::synfer.errors.ResolutionWarning")
def test_a_null_to_which_no_fit_succeeds_is_left_out_and_said(recording, monkeypatch):
    few = {"n_twins": 2, "n_halves": 0, "n_plantings": 0, "n_echoes": 0, "predictor": None, "n_initialisations": 0}
    monkeypatch.setattr(_NoTwins, "highest", np.asarray(recording["x"]).max())
    card = assess(recording, _NoTwins(), n_surrogates=1, **few)
    assert [null.kind for null in card.nulls] == ["circular_shift"] and card.left_out == {
        "twins": "X must be what it was."
    }
    assert any("every fit to it failed: twins (X must be what it was.)" in warning for warning in card.warnings)
    assert np.isnan(card.features["excess_twins"])
    with pytest.raises(InputError, match=r"all fits to twins failed: X must be what it was\."):
        assess(recording, _NoTwins(), n_surrogates=0, **few)


def test_a_fit_that_was_given_more_than_the_recording_is_not_done_again_without(recording):
    counts = (np.asarray(recording["x"]) > 1.5).astype(float)
    spikes = Recording({"spikes": counts}, 1e-3)
    found = SpikeGLM(window=5, n_basis=2).fit(spikes, covariates=np.sin(np.arange(len(counts)))[:, None]).connectome_
    assert found.provenance["given"]["covariates"] == "an array"
    with pytest.raises(InputError, match="was given covariates besides"):
        assess(spikes, connectome=found)


@pytest.mark.filterwarnings("ignore::synfer.errors.ResolutionWarning")
def test_the_fits_of_a_card_share_no_checkpoint_and_the_estimator_keeps_its(recording):
    estimator = _Keeps(checkpoint="kept")
    few = {"n_twins": 0, "n_surrogates": 1, "n_halves": 0, "n_plantings": 0, "n_echoes": 0, "predictor": None}
    assess(recording, estimator, **few)
    assert estimator.checkpoint == "kept"


def test_a_cache_tells_long_arrays_apart_and_refuses_what_it_cannot_tell(recording):
    samples = CrossCorrelation()._read(recording, reset=True)
    table = np.zeros(5000)
    other = table.copy()
    other[2500] = 1.0
    assert repr(table) == repr(other)
    digests = [work._digest(_Keeps(table=one), samples, 0) for one in (table, other, table.copy())]
    assert digests[0] != digests[1] and digests[0] == digests[2]
    with pytest.raises(InputError, match="the estimator's table cannot be told from others"):
        work._digest(_Keeps(table=lambda: 0), samples, 0)


class TestRefuses:
    def test_nothing_to_ask(self, recording):
        with pytest.raises(InputError, match=r"estimator must be one of synfer\.discover"):
            assess(recording)
        with pytest.raises(InputError, match="got a class"):
            assess(recording, ConditionalGranger)

    def test_numbers_out_of_range(self, recording):
        for name, value in (("n_twins", -1), ("n_halves", 1.5), ("n_echoes", True)):
            with pytest.raises(InputError, match=f"{name} must be a whole number of at least 0"):
                assess(recording, ConditionalGranger(), **{name: value})
        with pytest.raises(InputError, match="must not both be 0"):
            assess(recording, ConditionalGranger(), n_twins=0, n_surrogates=0)
        for strengths in ((), (0.3, 0.1), (0.0, 0.1)):
            with pytest.raises(InputError, match="strengths must be positive and rise"):
                assess(recording, ConditionalGranger(), strengths=strengths)
        with pytest.raises(InputError, match="predictor must be a Predictor, 'reference' or None"):
            assess(recording, ConditionalGranger(), predictor="best")

    def test_another_recording_than_the_connectomes(self, recording):
        found = ConditionalGranger(lag=1).fit(recording).connectome_
        with pytest.raises(InputError, match="must be what the connectome was found from"):
            assess(recording[0.0:1.0], connectome=found)
        batch = Connectome(np.zeros((2, 8, 8)))
        with pytest.raises(InputError, match="of one network at one time"):
            assess(recording, connectome=batch)

    def test_a_cache_that_is_a_file(self, recording, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="cache must be a folder"):
            assess(recording, ConditionalGranger(lag=1), cache=tmp_path / "file")


def test_cards_are_plain(card):
    assert dataclasses.is_dataclass(card) and isinstance(card.to_dict()["power"][0], dict)
