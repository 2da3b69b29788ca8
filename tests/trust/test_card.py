from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import FileError
from synfer.trust.card import Card, Null, Power, digest_of
from synfer.trust.forecasts import Course, Forecasts
from synfer.trust.measures import FEATURES
from synfer.trust.predictor import Prediction
from synfer.trust.reference import Reference


@pytest.fixture
def card() -> Card:
    """One that nothing speaks against."""
    return Card(
        method="MVGC",
        n_units=10,
        n_samples=5000,
        nulls=[Null("twins", 4, 0.051, 2.0, {"kind": "spiking", "matched": "counts", "deviation": 0.01, "worst": 0.1})],
        halves=0.8,
        initialisations=None,
        echo=0.97,
        power=[Power(0.1, 10, 9, 0.9, 0.6, 0.98, 0.95)],
        forecasts=Forecasts("MVGC", 0.1, 0.3, 0.0, 0.01),
        course=Course(0.3, 0.0, 0.0),
        converged=True,
        unconverged=0,
        fits=20,
        features=dict.fromkeys(FEATURES, 0.5) | {"halves": float("nan")},
        reference=Reference("EventRegression()", 0.2, 0.5, 0.99, 1.0, False),
        predicted={"auroc": Prediction(0.95, 0.9, 0.98)},
        strange=[],
        warn_below=0.85,
        about={"random_state": 0},
    )


def test_a_card_is_read_as_it_was_written(card, tmp_path):
    card.save(tmp_path / "card.json")
    again = Card.load(tmp_path / "card.json")
    assert np.isnan(again.features.pop("halves")) and np.isnan(card.features.pop("halves"))
    assert again == card
    assert again.lines() == card.lines()


def test_numbers_that_are_none_and_cards_of_earlier_versions_are_read(card, tmp_path):
    path = tmp_path / "card.json"
    dataclasses.replace(card, power=[dataclasses.replace(card.power[0], auroc=float("nan"))], halves=1).save(path)
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "digest"}))
    again = Card.load(path)
    assert np.isnan(again.power[0].auroc) and again.halves == 1 and again.digest is None


def test_a_file_says_that_it_counts_pairs_and_one_of_schema_1_is_read(card, tmp_path):
    path = tmp_path / "card.json"
    dataclasses.replace(card, nulls=[dataclasses.replace(card.nulls[0], pairs=360)]).save(path)
    whole = json.loads(path.read_text())
    assert whole["synfer_schema"] == 2 and Card.load(path).nulls[0].pairs == 360
    del whole["nulls"][0]["pairs"]
    path.write_text(json.dumps(whole | {"synfer_schema": 1}))
    assert Card.load(path).nulls == card.nulls and card.nulls[0].pairs == 0


def test_a_digest_tells_scores_and_units_and_not_their_order():
    score = np.random.default_rng(0).random((4, 4))
    found = Connectome(score, unit_ids=["d", "b", "a", "c"])
    assert digest_of(found.sel(units=["a", "b", "c", "d"])) == digest_of(found)
    assert digest_of(Connectome(score, unit_ids=["d", "b", "c", "a"])) != digest_of(found)
    other = score.copy()
    other[0, 1] += 1e-9
    assert digest_of(Connectome(other, unit_ids=["d", "b", "a", "c"])) != digest_of(found)


def test_nothing_speaks_against_a_good_answer(card):
    assert card.warnings == []
    assert card.advice == "The strongest edges are worth a test of their own: a stimulus, or another recording."


def test_the_number_comes_first_then_its_interval_its_meaning_and_what_to_do(card):
    lines = dataclasses.replace(card, predicted=card.predicted | {"fdr": Prediction(0.1, 0.0, 0.4)}).lines()
    order = (
        "predicted AUROC                 0.95 (90 % interval 0.90 to 0.98)",
        " the chance that a true edge scores above a pair without one",
        "predicted false discovery rate  0.10 (90 % interval 0.00 to 0.40)",
        "Of 100 edges called significant expect 10 to be false (90 % interval 0 to 40).",
        "EventRegression(), which of the methods made for such a signal tells most of this recording",
        "if they are right its own AUROC is 0.99",
    )
    assert [k for words in order for k, line in enumerate(lines) if words in line] == [1, 2, 3, 5, 6, 6]
    doubtful = dataclasses.replace(card, predicted={"auroc": Prediction(0.7, 0.5, 0.9)})
    assert doubtful.advice.startswith("Do not read single edges.")
    assert any(line.startswith("what to do") and doubtful.advice in line for line in doubtful.lines())
    assert dataclasses.replace(card, predicted={}).advice == ""


def test_without_an_edge_no_edge_is_false(card):
    none = {"fdr": Prediction(0.0, 0.0, 0.4), "power": Prediction(0.0, 0.0, 0.2)}
    lines = dataclasses.replace(card, predicted=card.predicted | none).lines()
    assert any("predicted power" in line for line in lines) and not any("false" in line for line in lines)


def test_a_method_that_tells_more_is_named(card):
    better = Reference("SpikeGLM()", 0.1, 0.0, 0.99, 1.0, False)
    doubtful = dataclasses.replace(card, predicted={"auroc": Prediction(0.6, 0.5, 0.7)}, reference=better)
    assert "SpikeGLM() tells more of this recording" in doubtful.advice


@pytest.mark.parametrize(
    "change",
    [
        {"converged": False},
        {"strange": ["log_units"]},
        {"reference": Reference("SpikeGLM()", 0.1, 0.0, 0.52, 1.0, False)},
        {"reference": Reference("sparse Granger", 0.2, 0.5, 0.97, 1.0, True)},
        {"predicted": {"auroc": Prediction(0.95, 0.9, 0.98), "fdr": Prediction(0.9, 0.8, 0.95)}},
        {"predicted": {"auroc": Prediction(0.55, 0.5, 0.6)}, "warn_below": None},
    ],
)
def test_advice_does_not_speak_against_a_warning(card, change):
    assert dataclasses.replace(card, **change).advice.startswith("Do not read single edges.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"predicted": {"auroc": Prediction(0.84, 0.7, 0.9)}},
            "Predicted AUROC: 0.84 (90 % interval 0.70 to 0.90). It may well be below 0.8: do not read",
        ),
        ({"converged": False}, "The fit did not converge: let it run longer"),
        ({"unconverged": 3}, "3 of 20 fits made for this card"),
        (
            {"nulls": [Null("twins", 4, 0.3, 2.0)]},
            "30% of pairs have p < .05 in data like these without any edge (twins), where 5% is right",
        ),
        ({"halves": 0.1}, "Halves of the recording hardly agree"),
        ({"initialisations": 0.2}, "Initialisations hardly agree"),
        ({"power": [Power(0.3, 10, 4, 0.4, 0.2, 0.7, 0.7)]}, "Less than half of even the strongest planted"),
        ({"forecasts": Forecasts("MVGC", 0.3, 0.2, 0.0, 0.0)}, "does not improve MVGC's forecast of held-out samples."),
        (
            {"forecasts": Forecasts("ConditionalGranger", 0.3, 0.2, 0.0, 0.0)},
            "ConditionalGranger's forecast of held-out samples, a linear one: what acts",
        ),
        ({"forecasts": Forecasts("MVGC", 0.1, 0.2, 0.0, 0.3)}, "correlated at the same instant"),
        ({"course": Course(5.0, 0.5, 0.2)}, "mean of 50% of the units drifts"),
        ({"strange": ["log_units"]}, "Unlike what the prediction was learnt from in log_units"),
        ({"predicted": {}}, "No prediction"),
        (
            {"reference": Reference("SpikeGLM()", 0.1, 0.0, 0.52, 1.0, False)},
            "the best, SpikeGLM(), comes to an AUROC of 0.52, and that if its p-values are right",
        ),
        ({"reference": Reference("sparse Granger", 0.2, 0.5, 0.97, 1.0, True)}, "no spikes were found"),
    ],
)
def test_what_speaks_against_an_answer_is_said(card, change, words):
    (warning,) = dataclasses.replace(card, **change).warnings
    assert words in warning
    assert f"warning: {warning}" in dataclasses.replace(card, **change).lines()


class _Told:
    """Stands where a predictor does."""

    n_kinds, n_rows, warn_below = 3, 30, 0.9

    def predict(self, features):
        return {name: Prediction(0.5, 0.4, 0.6) for name in ("auroc", "fdr", "power")}

    def strange(self, features):
        return ["gain"]


def test_without_pvalues_nothing_is_said_of_discoveries(card):
    with_pvalues = card.predict_by(_Told())
    assert set(with_pvalues.predicted) == {"auroc", "fdr", "power"} and with_pvalues.strange == ["gain"]
    assert with_pvalues.about["table"] == {"kinds": 3, "rows": 30} and with_pvalues.warn_below == 0.9
    without = dataclasses.replace(card, nulls=[Null("twins", 4, None, 2.0)]).predict_by(_Told())
    assert set(without.predicted) == {"auroc"}
    assert card.predict_by(None).predicted == {}


class TestRefusesToRead:
    @pytest.mark.parametrize("text", ["", "{", "[1]", '"text"'])
    def test_what_is_no_card(self, tmp_path, text):
        (tmp_path / "card.json").write_text(text)
        with pytest.raises(FileError, match="no trust card"):
            Card.load(tmp_path / "card.json")

    def test_another_kind_a_newer_version_and_a_damaged_one(self, card, tmp_path):
        path = tmp_path / "card.json"
        card.save(path)
        whole = json.loads(path.read_text())
        for change, words in (
            ({"synfer_kind": "connectome"}, "but connectome"),
            ({"synfer_schema": 99}, "newer synfer"),
            ({"nulls": [{"kind": "twins"}]}, "damaged"),
            ({"course": None}, "damaged"),
        ):
            path.write_text(json.dumps(whole | change))
            with pytest.raises(FileError, match=words):
                Card.load(path)

    def test_fields_of_wrong_types_and_what_is_too_deep_or_too_long(self, card, tmp_path, monkeypatch):
        path = tmp_path / "card.json"
        card.save(path)
        whole = json.loads(path.read_text())
        null, course = whole["nulls"][0], whole["course"]
        for change in (
            {"halves": "x"},
            {"halves": True},
            {"course": course | {"drifting": "x"}},
            {"nulls": [null | {"made": {"x": 1}}]},
            {"nulls": [null | {"n": 1.5}]},
            {"n_units": [1]},
            {"fits": None},
            {"strange": [1]},
            {"predicted": {"other": {"value": 0.5, "low": 0.1, "high": 0.9}}},
        ):
            path.write_text(json.dumps(whole | change))
            with pytest.raises(FileError, match="damaged"):
                Card.load(path)
        path.write_text("[" * 200_000)
        with pytest.raises(FileError, match="no trust card"):
            Card.load(path)
        monkeypatch.setattr("synfer.trust.card.LARGEST", 100)
        card.save(path)
        with pytest.raises(FileError, match="more than 100 characters"):
            Card.load(path)

    def test_no_file(self, tmp_path):
        with pytest.raises(FileError, match="cannot read"):
            Card.load(tmp_path / "none.json")


def test_scores_that_count_what_is_shared_are_said_to_be_foreign(card):
    card = dataclasses.replace(card, about={**card.about, "instantaneous": True})
    together = dataclasses.replace(card, forecasts=dataclasses.replace(card.forecasts, together=0.2))
    (warning,) = card.warnings
    assert "what is shared within a sample" in warning and "P-values are of lags alone" in warning
    assert not any("instantaneous=True" in one for one in together.warnings)
    plain = dataclasses.replace(together, about={"random_state": 0})
    assert any("instantaneous=True" in one for one in plain.warnings)
