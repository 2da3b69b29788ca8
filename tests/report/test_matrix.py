"""The matrix: signs as colours, which a slider takes from what scores less and from nothing else."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest

import synfer as sf

pytest.importorskip("plotly")
from synfer.report import matrix, write
from synfer.report.evidence import evidence_of


def coloured(scale, low, high, value):
    """The colour of a value as Plotly reads it off a scale: the last of the stops at its place, or between two."""
    at = (value - low) / (high - low)
    k = max(i for i, (place, _) in enumerate(scale[:-1]) if place <= at)
    (a, one), (b, other) = scale[k : k + 2]
    share = 0.0 if b == a else (at - a) / (b - a)
    ends = [np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in (one, other)]
    return ends[0] + share * (ends[1] - ends[0])


@pytest.fixture(params=["signed", "unsigned"])
def made(request):
    rng = np.random.default_rng(0)
    score = rng.gamma(0.3, 5.0, (8, 8))
    score[2, 5] = score[3, 6] = 0.0
    weight = rng.choice([-1.0, 1.0], (8, 8)) * np.sqrt(score)
    return sf.Connectome(score, weight=weight if request.param == "signed" else None)


def test_what_reaches_the_threshold_keeps_its_colour_and_what_does_not_has_none(made):
    figure = matrix.adjacency(made)
    (heat,) = figure.data
    blank = np.array([int(matrix.BELOW[i : i + 2], 16) for i in (1, 3, 5)])
    steps = figure.layout.sliders[0].steps
    scales = [step.args[0]["colorscale"][0] for step in steps]
    assert len(scales) == len(evidence_of(made).steps) and [list(stop) for stop in heat.colorscale] == scales[0]
    off = ~np.eye(8, dtype=bool)
    before = {}
    for scale, threshold in zip(scales, evidence_of(made).steps, strict=True):
        places = [place for place, _ in scale]
        assert places == sorted(places) and (places[0], places[-1]) == (0.0, 1.0)
        for value, score in zip(heat.z[off], made.score.values[off], strict=True):
            colour = coloured(scale, heat.zmin, heat.zmax, value)
            if score >= threshold and score > 0:
                np.testing.assert_allclose(colour, before.setdefault(value, colour), atol=12)  # shades are 8
                assert np.abs(colour - blank).max() > 6
            else:
                np.testing.assert_array_equal(colour, blank)
    assert "score at least" in figure.layout.sliders[0].currentvalue.prefix
    assert steps[0].label.endswith("(54 pairs)") and steps[-1].label.endswith("(1 pair)")


def test_excitation_is_warm_inhibition_cool_and_no_sign_is_neither():
    score = np.array([[0.0, 4.0, 2.0], [3.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    weight = np.array([[0.0, 1.0, -1.0], [0.0, 0.0, np.nan], [1.0, 1.0, 0.0]])
    signs, greys = matrix.adjacency(sf.Connectome(score, weight=weight)).data
    red, _, blue = coloured(signs.colorscale, signs.zmin, signs.zmax, signs.z[0, 1])
    assert red > blue + 50
    red, _, blue = coloured(signs.colorscale, signs.zmin, signs.zmax, signs.z[0, 2])
    assert blue > red + 50
    assert np.isnan(signs.z[1, 0]) and np.isnan(signs.z[1, 2])
    assert greys.z.tolist() == [[3.0, 1.0]]  # no more than their row and columns
    assert (list(greys.x), list(greys.y)) == ([signs.x[0], signs.x[2]], [signs.y[1]])
    assert signs.customdata[0, 2, 0] == 2.0 and signs.customdata[0, 2, 1] == -1.0  # the hover tells score and weight


def test_units_stand_by_area_and_both_ends_of_a_pair_tell_theirs():
    areas = ["B", "A", "B", "A"]
    made = sf.Connectome(np.arange(16.0).reshape(4, 4), unit_ids=list("wxyz"), unit_info={"region": areas})
    figure = matrix.adjacency(made)
    (heat,) = figure.data
    assert list(heat.x) == list(heat.y) == [f"{a}<br>· region {b}" for a, b in ("xA", "zA", "wB", "yB")]
    assert heat.z[0, 1] == made.score.values[1, 3]
    assert [note.text for note in figure.layout.annotations] == ["A", "B"]
    assert list(figure.layout.xaxis.ticktext) == ["x", "z", "w", "y"]
    assert "Units stand by region" in matrix.caption(made)


def test_pages_of_many_units_stay_small(tmp_path):
    rng = np.random.default_rng(0)
    score = rng.random((1000, 1000))
    weight = score - 0.5
    weight[3, rng.integers(1000, size=50)] = 0.0  # of no sign
    made = sf.Connectome(score, weight=weight, unit_info={"brain_area": rng.choice(["a", "b"], 1000)})
    written = matrix.adjacency(made).to_json()
    assert len(written) < 8e6  # four bytes a pair, in letters; each step of the slider some hundred
    assert "below 0 where it inhibits" in written and "brain_area a" in written


@pytest.mark.parametrize("score", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.ones((1, 1)), np.ones((2, 2))])
def test_without_evidence_or_with_all_the_same_it_is_drawn(score):
    for weight in (None, -score):
        matrix.adjacency(sf.Connectome(score, weight=weight)).to_json()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
@pytest.mark.parametrize("width", [1280, 400])
def test_in_a_browser_edges_keep_their_colour(tmp_path, width):
    sync_api, image = pytest.importorskip("playwright.sync_api"), pytest.importorskip("PIL.Image")
    score = np.array([[0.0, 9.0, 1.0, 2.0], [5.0, 0.0, 0.5, 0.1], [8.0, 1.5, 0.0, 0.2], [0.3, 0.4, 0.6, 0.0]])
    sign = np.where(np.arange(4) < 1, -1.0, 1.0)  # the first unit inhibits
    areas = ["CA1", "CA1", "CA3", "CA3"]
    write(tmp_path / "r.html", sf.Connectome(score, weight=score * sign, unit_info={"brain_area": areas}))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 1000})
        page.set_default_timeout(120_000)  # other work may share the machine
        page.goto((tmp_path / "r.html").as_uri())
        heat = page.locator("section:has(h2:text-is('Who drives whom')) .js-plotly-plot")
        heat.scroll_into_view_if_needed()
        page.wait_for_timeout(300)

        def seen():
            box = heat.evaluate(
                "d => { const b = d.getBoundingClientRect(), x = d._fullLayout.xaxis, y = d._fullLayout.yaxis;"
                "return [0, 1, 2, 3].map(k => [b.x + x._offset + x.l2p(k), b.y + y._offset + y.l2p(k)]) }"
            )
            shot = image.open(io.BytesIO(page.screenshot())).convert("RGB")
            return {(i, j): shot.getpixel((round(box[j][0]), round(box[i][1]))) for i in range(4) for j in range(4)}

        before = seen()
        rail = heat.locator(".slider-rail-touch-rect").bounding_box()
        page.mouse.click(rail["x"] + 0.75 * rail["width"], rail["y"] + rail["height"] / 2)
        page.mouse.move(1, 1)
        page.wait_for_timeout(600)
        after = seen()
        strong = [(0, 1), (1, 0), (2, 0)]
        for pair in strong:
            np.testing.assert_allclose(after[pair], before[pair], atol=12)
        assert before[0, 1][0] > before[0, 1][2] + 50 and before[1, 0][2] > before[1, 0][0] + 50  # warm, cool
        for pair in ((1, 3), (2, 3), (3, 0), (3, 1)):
            assert after[pair] == tuple(int(matrix.BELOW[k : k + 2], 16) for k in (1, 3, 5)) != before[pair]
        plot = heat.locator(".nsewdrag").bounding_box()
        page.mouse.move(plot["x"] + 0.4 * plot["width"], plot["y"] + 0.2 * plot["height"])
        page.wait_for_selector(".hoverlayer .hovertext")
        words = heat.locator(".hoverlayer").text_content()
        assert "source 1· brain_area CA1" in words and "target 0· brain_area CA1" in words and "weight 9" in words
        browser.close()
