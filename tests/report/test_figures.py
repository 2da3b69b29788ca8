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
