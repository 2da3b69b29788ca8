"""The page of a benchmark's run: all fits there, linked, readable, and nothing in it that a name could run."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from synfer import benchmark, cli
from synfer.errors import FileError, InputError
from synfer.report import read_rows, write_index

pytest.importorskip("plotly")
METHODS = ["conditional_granger", "cross_correlation"]
HOSTILE = '</script><img src=x onerror=alert(1)>"'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder and its rows: two networks each, and a set that one method refuses."""
    out = tmp_path_factory.mktemp("runs")
    sets = ["num_nodes_10_true_lag_3", "num_nodes_100_true_lag_5"]
    given = {"sets": sets, "settings": {"cross_correlation": {"n_surrogates": 0}}, "progress": False}
    rows = benchmark.run("var", METHODS, simulate=2, out=out, **given)
    benchmark.write_results(rows, out / "var")
    return out / "var", rows


def ours(page):
    """What is ours of the page: Plotly's own script is the longest of them."""
    scripts = re.findall(r"<script[^>]*>.*?</script>", page, re.DOTALL)
    return page.replace(max(scripts, key=len), "")


def test_every_fit_is_there_and_linked_to_its_connectome(run, tmp_path):
    folder, rows = run
    assert rows["error"].notna().sum() == 2
    result = CliRunner().invoke(cli.app, ["report", str(folder), "--out", str(tmp_path / "index.html")])
    assert result.exit_code == 0, result.output
    page = ours((tmp_path / "index.html").read_text(encoding="utf-8"))
    for heading in ("What was held against what", "How near they came", "Means", "Every fit", "Refused"):
        assert f"<h2>{heading}</h2>" in page
    assert "<h1>Benchmark var</h1>" in page and "8, of which 2 refused and 0 did not converge" in page
    for auroc in rows["auroc"].dropna():
        assert f"<td>{auroc:.4g}</td>" in page
    links = re.findall(r'<a href="([^"]+)">(\w+)</a>', page)
    assert [network for _, network in links] == rows.loc[rows["error"].isna(), "network"].tolist()
    assert all((tmp_path / link).is_file() for link, _ in links)
    assert not re.search(r'(src|href)\s*=\s*["\']?(https?:)?//', page)


def test_what_is_no_run_is_refused(run, tmp_path):
    folder, rows = run
    with pytest.raises(FileError, match=r"results.csv' is not what a benchmark wrote"):
        read_rows(tmp_path)
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="it lacks method, set"):
        read_rows(tmp_path)
    means = benchmark.summary(rows)
    with pytest.raises(InputError, match="got none of error"):
        write_index(tmp_path / "i.html", rows.drop(columns="error"), means)
    with pytest.raises(InputError, match="got no row"):
        write_index(tmp_path / "i.html", rows.iloc[:0], means)
    invoke = CliRunner().invoke
    told = invoke(cli.app, ["report", str(folder), "--out", str(tmp_path / "i.html"), "--truth", str(folder)])
    assert told.exit_code == 2 and "--truth is for the page of one connectome" in told.stderr
    (tmp_path / "i.html").write_text("mine")
    told = invoke(cli.app, ["report", str(folder), "--out", str(tmp_path / "i.html")])
    assert told.exit_code == 2 and (tmp_path / "i.html").read_text() == "mine"


def test_names_are_text_and_lead_to_no_other_folder(run, tmp_path):
    rows = run[1].copy()
    (tmp_path / "secret.nc").write_text("")
    (tmp_path / "home" / "simulated").mkdir(parents=True)
    rows.loc[0, ["method", "set", "network", "error"]] = [HOSTILE, HOSTILE, HOSTILE, HOSTILE]
    rows.loc[1, ["method", "set", "network"]] = ["..", "..", "secret"]
    write_index(tmp_path / "i.html", rows, benchmark.summary(rows), folder=tmp_path / "home", title=HOSTILE)
    page = ours((tmp_path / "i.html").read_text(encoding="utf-8"))
    assert "<img" not in page and page.count("</script>") == page.count("<script")
    assert "<a href" not in page


def test_without_a_figure_there_is_no_plot(run, tmp_path):
    _, rows = run
    rows = rows.assign(auroc=np.nan)
    write_index(tmp_path / "i.html", rows, benchmark.summary(rows))
    assert "How near they came" not in (tmp_path / "i.html").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
@pytest.mark.parametrize("width", [1280, 400])
def test_in_a_browser(run, tmp_path, width):
    sync_api = pytest.importorskip("playwright.sync_api")
    folder, rows = run
    write_index(tmp_path / "index.html", rows, benchmark.summary(rows), folder=folder)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.set_default_timeout(120_000)  # other work may share the machine
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda asked: said.append(asked.url) if not asked.url.startswith("file:") else None)
        page.goto((tmp_path / "index.html").as_uri())
        page.wait_for_selector(".js-plotly-plot .main-svg")
        page.locator(".js-plotly-plot").scroll_into_view_if_needed()
        point = page.locator(".js-plotly-plot .points path").first.bounding_box()
        page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
        page.wait_for_selector(".hoverlayer .hovertext")
        assert "AUROC" in page.locator(".hoverlayer").text_content()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        browser.close()
