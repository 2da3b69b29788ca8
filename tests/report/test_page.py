"""The page as text: complete, of one file, and with nothing in it that others' labels could run."""

from __future__ import annotations

import io
import re
import shutil

import numpy as np
import pytest

import synfer as sf
from synfer.errors import FileError, InputError
from synfer.report import methods, write

pytest.importorskip("plotly")
HOSTILE = '</script><img src=x onerror=alert(1)>"'


@pytest.fixture(scope="module")
def found():
    network = sf.simulate.izhikevich_network(4, 1, 0.4, seed=1)
    recording = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 2.0, seed=1))
    about = {"unit_info": {"brain_area": ["CA1", "CA1", "CA3", "CA3", "DG"]}}
    recording = sf.Recording({"v": recording["v"]}, recording.dt, **about)
    return sf.discover.ConditionalGranger(lag=2).fit(recording).connectome_, recording, network.connectome


@pytest.fixture
def page(found, tmp_path):
    write(tmp_path / "report.html", found[0], found[1], truth=found[2])
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def without_library(page):
    """What is ours of the page: Plotly's own script is the longest of them."""
    scripts = re.findall(r"<script[^>]*>.*?</script>", page, re.DOTALL)
    return page.replace(max(scripts, key=len), "")


def test_all_sections_stand(page, found):
    ours = without_library(page)
    for heading in (
        "What was recorded", "Who drives whom", "As a graph", "The strongest edges", "Against the true wiring",
        "Forecast against activity", "Convergence", "Methods", "What this does not mean", "Environment",
    ):  # fmt: skip
        assert f"<h2>{heading}</h2>" in ours
    assert "J. Geweke" in ours and "effective connectivity" in ours and "brain_area CA3" in ours.replace("\\u003c", "<")
    assert f"{sf.evaluate.compare(found[0], found[2])['auroc']:.4g}" in ours
    n = len(found[0].edges(alpha=0.05))
    assert f"{n} of 20 pairs stand at a false discovery rate of .05" in ours


def test_it_asks_nothing_of_any_network(page):
    ours = without_library(page)
    assert "default-src &#x27;none&#x27;" in ours or "default-src 'none'" in ours
    assert not re.search(r'(src|href)\s*=\s*["\']?(https?:)?//', ours)


def test_labels_are_text_whatever_they_hold(tmp_path):
    labels = [HOSTILE, "b", "c"]
    made = sf.Connectome.from_weights(
        np.eye(3)[[1, 2, 0]], unit_ids=labels, unit_info={"brain_area": labels}, method=HOSTILE
    )
    recording = sf.Recording(
        {"v": np.random.default_rng(0).random((20, 3))}, 0.1, unit_ids=labels, provenance={"a": HOSTILE}
    )
    write(tmp_path / "r.html", made, recording, title=HOSTILE)
    ours = without_library((tmp_path / "r.html").read_text())
    assert "<img" not in ours and ours.count("</script>") == ours.count("<script")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
class TestInABrowser:
    @pytest.fixture(params=[1280, 400])
    def opened(self, request, found, tmp_path):
        sync_api = pytest.importorskip("playwright.sync_api")
        write(tmp_path / "report.html", found[0], found[1], truth=found[2])
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": request.param, "height": 900})
            page.set_default_timeout(120_000)  # other work may share the machine
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda asked: said.append(asked.url) if not asked.url.startswith("file:") else None)
            page.goto((tmp_path / "report.html").as_uri())
            page.wait_for_selector(".js-plotly-plot .main-svg")
            yield page, said, request.param
            browser.close()

    def test_no_error_and_nothing_wider_than_the_screen(self, opened):
        page, said, width = opened
        assert said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".js-plotly-plot").count() == 4

    def test_a_table_that_goes_on_has_a_shadow_where_it_does(self, opened):
        image = pytest.importorskip("PIL.Image")
        page, _, width = opened
        table = page.locator(".scroll", has=page.locator("table.dataframe")).first
        table.scroll_into_view_if_needed()
        room = table.evaluate("e => e.scrollWidth - e.clientWidth")
        assert (room > 60) == (width == 400)

        def shaded(left):
            """Whether the edges are darker than the middle, in the highest row of pixels, where nothing is written."""
            table.evaluate("(e, x) => e.scrollLeft = x", left)
            page.wait_for_timeout(200)
            shot = image.open(io.BytesIO(table.screenshot())).convert("L")
            return [shot.getpixel((x, 1)) < 200 for x in (1, shot.width // 2, shot.width - 2)]

        seen = [shaded(0), shaded(room // 2), shaded(room)]
        here = [[False, False, True], [True, False, True], [True, False, False]]
        assert seen == (here if width == 400 else [[False] * 3] * 3)

    def test_slider_and_hover_work(self, opened):
        page, said, _ = opened
        heat = page.locator(".js-plotly-plot").nth(1)
        heat.scroll_into_view_if_needed()
        asked = "JSON.stringify(document.querySelectorAll('.js-plotly-plot')[1].data[0].%s)"
        before = {name: page.evaluate(asked % name) for name in ("colorscale", "zmin", "zmax")}
        rail = heat.locator(".slider-rail-touch-rect").bounding_box()
        page.mouse.click(rail["x"] + 0.8 * rail["width"], rail["y"] + rail["height"] / 2)
        page.wait_for_timeout(300)
        after = {name: page.evaluate(asked % name) for name in before}
        assert after.pop("colorscale") != before.pop("colorscale") and after == before
        plot = heat.locator(".nsewdrag").bounding_box()
        page.mouse.move(plot["x"] + 0.3 * plot["width"], plot["y"] + 0.5 * plot["height"])
        page.wait_for_selector(".hoverlayer .hovertext")
        words = heat.locator(".hoverlayer").text_content()
        assert "score" in words and "source" in words and "p " in words and words.count("brain_area CA") >= 1
        graph = page.locator(".js-plotly-plot").nth(2)
        assert graph.locator(".legendtext").all_text_contents() == ["CA1", "CA3", "DG"]
        assert page.locator("[data-title='Share chart...']").count() == 0  # nothing here sends the data away
        assert said == []


def test_a_method_names_its_sources(found):
    assert methods.references(found[0])[0].startswith("J. Geweke")
    assert "lag = 2" in methods.paragraph(found[0], found[1]) and "2 s" in methods.paragraph(found[0], found[1])
    assert methods.references(found[0])[-1].startswith("Y. Benjamini and Y. Hochberg")
    assert methods.references(sf.Connectome.from_weights(np.eye(2))) == []
    for name, author in (("D2CL", "K. Lagemann"), ("PC", "P. Spirtes")):  # which no shell command names
        assert methods.references(sf.Connectome(np.zeros((2, 2)), method=name))[0].startswith(author)


def test_it_is_said_by_which_criterion_edges_were_called(found):
    n = len(found[0].edges(alpha=0.05))
    assert (
        "corrected for all 20 pairs tested by the procedure of Benjamini and Hochberg, was at most 0.05 (a false "
        f"discovery rate of 5%): {n} edges. How far this can be trusted was not assessed"
    ) in methods.paragraph(found[0], found[1])
    ranked = sf.Connectome(np.ones((3, 3)), method="Causalformer")
    assert "pairs were ranked by score, and no threshold was applied" in methods.paragraph(ranked, None)
    some = np.array([[np.nan, 0.5, np.nan], [0.5, np.nan, 0.0], [0.5, 0.5, np.nan]])
    assert "for all 5 pairs tested" in methods.paragraph(sf.Connectome(np.ones((3, 3)), pvalue=some), None)
    assert ": 1 edge. " in methods.paragraph(sf.Connectome(np.ones((3, 3)), pvalue=some), None)


def test_what_the_fit_saw_is_told_and_nothing_else(found, tmp_path):
    connectome, recording, _ = found
    cut = sf.Recording({"v": recording["v"].reshape(4, 500, 5)}, recording.dt)
    by_trial = sf.discover.ConditionalGranger(lag=2).fit(cut).connectome_
    words = (
        "Signal 'v' of 5 units was given, cut into 4 trials of 0.5 s each, 2000 samples in all (2 s, at a step of 0.001"
    )
    for given in (cut, None):
        assert words in methods.paragraph(by_trial, given)
    write(tmp_path / "r.html", by_trial, cut)
    assert "signal v, stretches 4, samples 2000" in (tmp_path / "r.html").read_text()
    with pytest.raises(InputError, match=r"stretches and samples 4 and 2000; got 1 and 2000: cut it alike"):
        write(tmp_path / "s.html", by_trial, recording)
    with pytest.raises(InputError, match=r"stretches and samples 1 and 2000; got 1 and 1000"):
        write(tmp_path / "s.html", connectome, recording[0.0:1.0])
    with pytest.raises(InputError, match=r"at a step of 0.001 s; got 0.002"):
        write(tmp_path / "s.html", connectome, sf.Recording({"v": recording["v"]}, 2e-3))
    assert not (tmp_path / "s.html").exists()


def test_networks_are_no_trials():
    other = sf.Connectome(np.ones((3, 3)), method="Other")
    for leading, words in (
        ("network", ", in each of 5 networks, 2 s each,"),
        ("trial", ", cut into 5 trials of 2 s each,"),
    ):
        recording = sf.Recording({"v": np.zeros((5, 20, 3))}, 0.1, leading=leading)
        told = f"Activity of 3 units was given{words} 100 samples in all (10 s, at a step of 0.1 s)."
        assert told in methods.paragraph(other, recording)


def test_methods_name_the_file_and_the_span_of_time(found, tmp_path):
    recording = found[1]
    recording.save(tmp_path / "mouse 7.nc")
    part = sf.Recording.load(tmp_path / "mouse 7.nc")[0.25:1.75]
    connectome = sf.discover.ConditionalGranger(lag=2).fit(part).connectome_
    words = "Signal 'v' of 5 units, read from mouse 7.nc, was given from 0.25 to 1.75 s, 1500 samples (1.5 s, at a step"
    connectome.save(tmp_path / "e.nc")
    for one in (connectome, sf.Connectome.load(tmp_path / "e.nc")):
        assert words in methods.paragraph(one, None)  # it stands in the connectome, whoever reports it
    write(tmp_path / "r.html", connectome, part)
    page = (tmp_path / "r.html").read_text()
    assert words.replace("'", "&#x27;") in page and "<tr><th>file</th><td>mouse 7.nc</td></tr>" in page
    assert str(tmp_path) not in page
    # a connectome that does not say what it was given, of another program: the recording does
    other = sf.Connectome(np.ones((5, 5)), method="Other")
    assert "Activity of 5 units, read from mouse 7.nc, was given from 0.25 to 1.75 s" in methods.paragraph(other, part)
    long = sf.Recording({"v": recording["v"]}, 1e-3, t0=86400.125, provenance={"file": "/home/me/x.nwb"})
    told = sf.discover.ConditionalGranger(lag=2).fit(long).connectome_
    assert "read from x.nwb, was given from 86400.125 to 86402.125 s" in methods.paragraph(told, None)
    for t0, told in ((1.7e9, "1700000000 to 1700000002 s"), (1.7e9 + 0.1, "1700000000.1 to 1700000002.1 s")):
        late = sf.Recording({"v": recording["v"]}, 1e-3, t0=t0)
        assert f"was given from {told}, 2000 samples (2 s, at a step of 0.001 s)" in methods.paragraph(other, late)
    bare = sf.discover.ConditionalGranger(lag=2).fit(recording["v"]).connectome_
    assert "Activity of 5 units was given, 2000 samples. Directed" in methods.paragraph(bare, None)


@pytest.mark.parametrize("key", ["file", "folder"])
@pytest.mark.parametrize("path", ["/home/me/secret/mouse 7", "C:\\Users\\me\\secret\\mouse 7"])
def test_no_page_says_where_on_a_disk_something_lies(found, tmp_path, key, path):
    """Published folders are told whole in a recording's provenance, and in that of their truth."""
    about = {"dataset": "izhikevich", key: path}
    recording = sf.Recording({"v": found[1]["v"]}, 1e-3, provenance=about)
    connectome = sf.Connectome(found[0].score.values, provenance=about)
    write(tmp_path / "r.html", connectome, recording)
    page = (tmp_path / "r.html").read_text()
    assert "secret" not in page and page.count("<tr><th>file</th><td>mouse 7</td></tr>") == 2
    assert page.count("<tr><th>dataset</th><td>izhikevich</td></tr>") == 2
    assert "Activity of 5 units, read from mouse 7, was given" in page


def test_a_recording_of_other_units_is_refused(found, tmp_path):
    ten = sf.Recording({"v": np.random.default_rng(0).normal(size=(2000, 10))}, 1e-3)
    with pytest.raises(InputError, match=r"of its 5 units; got 10, and 5 is not in both: .*sel\(unit="):
        write(tmp_path / "r.html", found[0], ten)
    with pytest.raises(InputError, match=r"of its 5 units; got 3, and 3 is not in both"):
        write(tmp_path / "r.html", found[0], ten.isel(unit=[0, 1, 2]))
    write(tmp_path / "r.html", found[0], found[1].isel(unit=[4, 3, 2, 1, 0]))


def test_delays_have_their_unit_and_steps_of_observation_are_words(tmp_path):
    network = sf.simulate.izhikevich_network(3, 1, 0.5, seed=1)
    recording = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 0.5, seed=1))
    write(tmp_path / "r.html", network.connectome, recording)
    ours = without_library((tmp_path / "r.html").read_text())
    assert "The same of all these: delay (s) 0.001." in ours and "<th>delay" not in ours
    assert "step clip_and_zscore" in ours and "&#x27;step&#x27;" not in ours


def test_what_cannot_be_reported(found, tmp_path):
    batch = sf.Connectome(np.zeros((2, 3, 3)))
    with pytest.raises(InputError, match="one network at one time"):
        write(tmp_path / "r.html", batch)
    two = sf.Recording({"a": np.zeros((3, 5)), "b": np.zeros((3, 5))}, 0.1)
    with pytest.raises(InputError, match="signal must name one of the recording's, a, b"):
        write(tmp_path / "r.html", found[0], two)
    with pytest.raises(InputError, match="got 'c'"):
        write(tmp_path / "r.html", found[0], two, signal="c")
    with pytest.raises(FileError, match="does not exist"):
        write(tmp_path / "nowhere" / "r.html", found[0])
    assert list(tmp_path.iterdir()) == []


def test_a_connectome_without_any_evidence_can_be_reported(tmp_path):
    write(tmp_path / "r.html", sf.Connectome(np.zeros((3, 3))))
    write(tmp_path / "s.html", sf.Connectome(np.full((3, 3), np.nan)))
    assert "The method gives no p-values" in (tmp_path / "r.html").read_text()
