"""Labels of units in figures over time: text, whatever they hold."""

from __future__ import annotations

import html
import shutil

import numpy as np
import pytest

import synfer as sf
from synfer.connectome import Learnt

pytest.importorskip("plotly")
from synfer.report import figures, markup  # they are Plotly's
from synfer.report.page import document
from synfer.report.style import as_it_stands

LABELS = ["<b>bold</b>", "a & b", '<a href="https://x.y">go</a>', "%{x} of %{y:.1f}", "plain"]


def drawn(kind):
    x = np.random.default_rng(0).random((40, 5))
    if kind == "forecast":
        learnt = Learnt(np.arange(40.0), x, x, LABELS, LABELS, np.linspace(0.9, 0.1, 5), 40)
        return figures.forecast(learnt, True)
    signal = (x > 0.8).astype(int) if kind == "spikes" else x
    return figures.activity(sf.Recording({kind: signal}, 0.01, unit_ids=LABELS), kind)


@pytest.mark.parametrize("kind", ["spikes", "v", "forecast"])
def test_labels_are_escaped(kind):
    figure = drawn(kind)
    for k, label in enumerate(LABELS):
        tick, hover = figure.layout.yaxis.ticktext[k], figure.data[k].hovertemplate
        assert html.unescape(tick).split("<br>R²")[0] == label
        assert "<" not in tick.split("<br>R²")[0]
        assert hover.startswith(f"unit {as_it_stands(label)}") and "%{customdata" in hover


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_in_a_browser_labels_read_as_they_are(tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    body = "".join(markup.section(kind, markup.figure(drawn(kind), "")) for kind in ("spikes", "v", "forecast"))
    (tmp_path / "r.html").write_text(document("labels", body), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)  # other work may share the machine
        page.goto((tmp_path / "r.html").as_uri())
        for k in range(3):
            plot = page.locator(".js-plotly-plot").nth(k)
            plot.scroll_into_view_if_needed()
            seen = [text.split("R²")[0] for text in plot.locator(".ytick text").all_text_contents()]
            assert sorted(seen) == sorted(LABELS)
            assert plot.locator(".ytick a").count() == 0
        plot = page.locator(".js-plotly-plot").nth(1)
        plot.evaluate("d => Plotly.Fx.hover(d, [{curveNumber: 3, pointNumber: 20}])")
        page.wait_for_selector(".hoverlayer .hovertext")
        assert "unit %{x} of %{y:.1f}: 0." in plot.locator(".hoverlayer").text_content()
        browser.close()


class TestActivity:
    def lines(self, recording):
        return [np.asarray(trace.y) for trace in figures.activity(recording, "F").data]

    @pytest.mark.parametrize(("dt", "span"), [(1 / 30, (600, 1200)), (1e-3, (0, 2000)), (1e-4, (4000, 8000))])
    def test_frames_are_drawn_for_longer_than_voltages(self, dt, span):
        n = {1 / 30: 1800, 1e-3: 2000, 1e-4: 12000}[dt]
        recording = sf.Recording({"F": np.random.default_rng(0).normal(size=(n, 3))}, dt, t0=5.0)
        x = figures.activity(recording, "F").data[0].x
        assert x[0] == pytest.approx(5.0 + span[0] * dt) and len(x) == span[1] - span[0]

    def test_each_line_has_its_own_scale(self):
        x = np.random.default_rng(0).normal(size=(800, 3)) * [1.0, 1e-3, 0.0]
        x[100, 0] = 50.0
        x[3, 0] = np.nan
        quiet = self.lines(sf.Recording({"F": x}, 1 / 30))
        assert np.ptp(quiet[1]) > 0.5 and np.ptp(quiet[2]) == 0.0
        assert all(abs(line[np.isfinite(line)] + k).max() <= 0.5 for k, line in enumerate(quiet))

    def test_nothing_known_of_a_unit_is_no_line(self):
        x = np.random.default_rng(0).normal(size=(50, 2))
        x[:, 1] = np.nan
        assert np.isnan(self.lines(sf.Recording({"F": x}, 0.1))[1]).all()


def test_a_slider_says_where_it_stands_and_how_far_it_goes():
    found = sf.Connectome(np.arange(9.0).reshape(3, 3))
    (slider,) = figures.graph(found).layout.sliders
    assert slider.currentvalue.suffix == ", of 0 to 7" and slider.currentvalue.font.size == 13
    assert slider.font.size == 1  # labels that would be some of the steps only
