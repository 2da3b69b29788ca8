"""What the page says of a trust card."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

import synfer as sf
from synfer.errors import InputError
from synfer.report import write
from synfer.trust import Card, Power, Prediction, Reference

pytest.importorskip("plotly")
pytestmark = pytest.mark.filterwarnings("ignore::synfer.errors.ResolutionWarning")  # few fits, to be quick
QUICK = {"n_twins": 1, "n_surrogates": 1, "n_halves": 1, "n_plantings": 1, "n_echoes": 1, "predictor": None}


@pytest.fixture(scope="module")
def found():
    seen = sf.simulate.run(sf.simulate.var_network(sf.simulate.var_coefficients(5, 1, 0.3, seed=1)), 1.0, seed=1)
    recording = sf.Recording({"x": seen["x"]}, seen.dt)
    connectome = sf.discover.ConditionalGranger(lag=1).fit(recording).connectome_
    return connectome, recording, sf.trust.assess(recording, connectome=connectome, **QUICK)


def text_of(path):
    page = path.read_text(encoding="utf-8")
    scripts = re.findall(r"<script[^>]*>.*?</script>", page, re.DOTALL)
    return page.replace(max(scripts, key=len), "")


def test_predictions_answers_and_warnings_stand(found, tmp_path):
    connectome, recording, card = found
    told = dataclasses.replace(
        card,
        predicted={"auroc": Prediction(0.7312, 0.6123, 0.8234)},
        reference=Reference("EventRegression(lags=3)", 0.21, 0.5, 0.987, 1.0, False),
        warn_below=0.85,
        power=[Power(0.1, 4, 3, 0.75, 0.3, 0.95, 0.9)],
    )
    write(tmp_path / "r.html", connectome, recording, card=told)
    ours = text_of(tmp_path / "r.html")
    assert "<h2>How far to trust it</h2>" in ours
    for words in (
        "<b>AUROC 0.73</b> (90 % interval 0.61 to 0.82): the chance that a true edge scores above",
        "What to do: Do not read single edges.",
        "strength of planted edges",
        "halves of the recording agree",
    ):
        assert words in ours
    doubts = ours[ours.index('class="doubts"') : ours.index("<h2>")]
    assert "Predicted AUROC: 0.73 (90 % interval 0.61 to 0.82). It may well be below 0.8" in doubts
    assert "<th>the prediction rests on</th><td>EventRegression(lags=3), which of the methods" in ours
    assert "by its p-values 21% of pairs have an edge, and if they are right its own AUROC is 0.99" in ours
    assert (
        "predicts, this connectome has an AUROC of 0.73 (90 % interval 0.61 to 0.82). The prediction rests on" in ours
    )
    assert "No prediction can know of inputs that were not recorded" in ours


def test_without_a_card_or_a_prediction_nothing_is_predicted(found, tmp_path):
    connectome, recording, card = found
    write(tmp_path / "r.html", connectome, recording)
    assert "How far to trust it" not in text_of(tmp_path / "r.html")
    assert "How far this can be trusted was not assessed (synfer trust)." in text_of(tmp_path / "r.html")
    write(tmp_path / "r.html", connectome, recording, card=card)
    ours = text_of(tmp_path / "r.html")
    assert "No prediction: not asked for" in ours and "90 % interval" not in ours and "rests on" not in ours
    assert "A trust card was made and predicts nothing" in ours


def test_the_card_of_another_answer_is_refused(found, tmp_path):
    connectome, _, card = found
    other = sf.Connectome(np.zeros((5, 5)), method="MVGC")
    with pytest.raises(InputError, match=r"card must be of this connectome, MVGC of 5 units; got one of Cond"):
        write(tmp_path / "r.html", other, card=card)
    assert isinstance(card, Card) and connectome.n_units == card.n_units
