"""What the page says of the fit: its forecast against activity, and whether it came to an end."""

from __future__ import annotations

import dataclasses
import re
import shutil
import warnings

import numpy as np
import pytest

import synfer as sf
from synfer.discover import ConditionalGranger, CrossCorrelation, NetFormer, Synformer
from synfer.report import write
from synfer.trust import Card, Course, Forecasts

pytest.importorskip("plotly")
HEADINGS = ("Forecast against activity", "Convergence")


@pytest.fixture(scope="module")
def recording():
    network = sf.simulate.izhikevich_network(4, 1, 0.4, seed=1)
    return sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 1.0, seed=1))


@pytest.fixture(scope="module")
def trained(recording):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so short a training converges to nothing
        return NetFormer(n_init=2, max_epochs=3, random_state=0).fit(recording).connectome_


def sections_of(connectome, folder, **more):
    """The text of the two sections, None where they are not on the page."""
    write(folder / "r.html", connectome, **more)
    page = (folder / "r.html").read_text(encoding="utf-8")
    found = dict(re.findall(r"<section><h2>([^<]*)</h2>(.*?)</section>", page, re.DOTALL))
    return [found.get(heading) for heading in HEADINGS]


def test_forecasts_stand_beside_activity_and_say_of_which_samples(trained, recording, tmp_path):
    trained.save(tmp_path / "e.nc")
    forecast, convergence = sections_of(sf.Connectome.load(tmp_path / "e.nc"), tmp_path)  # it needs no recording
    n, r2 = trained.learnt.n_forecast, trained.learnt.r2
    assert f"{r2.mean():.3f} (mean over units; {r2.min():.3f} to {r2.max():.3f}) of the last {n} samples" in forecast
    assert "which it did not learn from" in forecast and "A good forecast is not a good connectome" in forecast
    assert '"name":"measured"' in forecast and '"name":"forecast"' in forecast
    assert "<th>initialisations</th><td>2</td>" in convergence and "<th>epochs</th><td>3</td>" in convergence
    assert "<th>converged</th><td>no: do not rely on it</td>" in convergence
    linear = ConditionalGranger(lag=2).fit(recording).connectome_
    forecast, convergence = sections_of(linear, tmp_path)
    assert "which it learnt from too, so rather too high" in forecast
    assert "spectral radius" in convergence and "not trained step by step" in convergence


def test_what_is_not_there_is_said(recording, tmp_path):
    forecast, convergence = sections_of(CrossCorrelation(random_state=0).fit(recording).connectome_, tmp_path)
    assert "CrossCorrelation makes no forecast of the next sample" in forecast and "A good forecast" not in forecast
    assert "<td>the method does not say</td>" in convergence or "<td>yes</td>" in convergence
    older = ConditionalGranger(lag=2).fit(recording).connectome_
    older.learnt = None
    forecast, convergence = sections_of(older, tmp_path)
    assert "keeps no forecast: it was made by an older synfer" in forecast and "trained" not in convergence
    truth = sf.Connectome.from_weights(np.eye(3)[[1, 2, 0]])
    assert sections_of(truth, tmp_path) == [None, None]


def test_units_without_r2_are_drawn_without(recording, tmp_path):
    found = ConditionalGranger(lag=2).fit(recording).connectome_
    found.learnt = dataclasses.replace(found.learnt, r2=np.full(5, np.nan))
    forecast, _ = sections_of(found, tmp_path)
    assert "none: no unit varies in the last" in forecast and "R\\u00b2 nan" not in forecast


def test_a_card_says_what_the_forecast_of_held_out_samples_is(recording, tmp_path):
    found = ConditionalGranger(lag=2).fit(recording).connectome_
    card = Card(
        method="ConditionalGranger", n_units=5, n_samples=1000, nulls=[], halves=None, initialisations=None, echo=None,
        power=[], forecasts=Forecasts("ConditionalGranger", 0.4123, 0.5678, 0.0, 0.0), course=Course(0.0, 0.0, 0.0),
        converged=True, unconverged=0, fits=1, features={}, reference=None, predicted={}, strange=[], warn_below=None,
        about={},
    )  # fmt: skip
    forecast, _ = sections_of(found, tmp_path, card=card)
    assert "0.568; from each unit&#x27;s own past alone 0.412 (ConditionalGranger)" in forecast


def test_words_for_yes_and_no(recording, tmp_path):
    found = Synformer(1, n_steps=100, random_state=0, progress=False).fit(recording).connectome_
    _, convergence = sections_of(found, tmp_path)
    assert "<th>a lag for each pair</th><td>no</td>" in convergence and '"name":"kept"' not in convergence


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
@pytest.mark.parametrize("width", [1280, 400])
def test_in_a_browser(trained, tmp_path, width):
    sync_api = pytest.importorskip("playwright.sync_api")
    write(tmp_path / "r.html", trained)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.set_default_timeout(120_000)  # other work may share the machine
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((tmp_path / "r.html").as_uri())
        for heading, words in zip(HEADINGS, ("unit ", "initialisation "), strict=True):
            plot = page.locator(f"section:has(h2:text-is('{heading}')) .js-plotly-plot")
            plot.scroll_into_view_if_needed()
            dots = plot.locator(".scatterlayer .point")  # lines have none: somewhere along the middle one is met
            box = dots.first.bounding_box() if dots.count() else plot.locator(".nsewdrag").bounding_box()
            for share in np.linspace(0.2, 0.8, 13):
                page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
                page.wait_for_timeout(120)
                if plot.locator(".hoverlayer .hovertext").count():
                    break
            assert words in plot.locator(".hoverlayer").text_content()
            assert plot.locator(".legend").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        browser.close()
