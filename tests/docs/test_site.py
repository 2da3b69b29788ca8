"""What the site is made with: links that lead nowhere are found, docstrings come out as they were meant."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from synfer.recording import Recording

DOCS = Path(__file__).parents[2] / "docs"


def script(name):
    path = DOCS / name
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


broken = script("check_links.py").broken
mended = script("_ext/docstrings.py").mended


def site(home, link):
    (home / "inner").mkdir()
    (home / "inner" / "page.html").write_text(f'<p id="here"></p><a href="{link}">x</a>')
    (home / "a page.html").write_text('<h1 id="title">x</h1><img src="inner/page.html">')
    return broken(home)


@pytest.mark.parametrize(
    "link", ["../a%20page.html", "../a%20page.html#title", "#here", "#", "page.html#here", "https://x.org/", "mailto:x"]
)
def test_links_that_hold(tmp_path, link):
    assert site(tmp_path, link) == []


@pytest.mark.parametrize("link", ["../b.html", "../a%20page.html#here", "#title", "/page.html"])
def test_links_that_do_not(tmp_path, link):
    assert site(tmp_path, link) == [f"inner/page.html: {link}"]


def test_a_site_without_pages_is_none(tmp_path):
    assert len(broken(tmp_path)) == 1


@pytest.mark.parametrize(
    ("page", "link", "leads_to"),
    [
        ("docs/concepts.md", "howto/plot_7_calcium.py", "/generated/gallery/plot_7_calcium.rst"),
        (
            "bench/results/coupling.md",
            "../../docs/howto/plot_7_calcium.py#x",
            "/generated/gallery/plot_7_calcium.rst#x",
        ),
        ("docs/concepts.md", "limits.md#noise", "/limits.md#noise"),
        ("docs/trust.md", "../bench/results/trust.md", "/generated/results/trust.md"),
        ("CONTRIBUTING.md", "docs/architecture.md", "/architecture.md"),
        ("docs/shell.md", "../README.md", "/index.md"),
        ("docs/shell.md", "https://x.org/docs/howto/a.py", "https://x.org/docs/howto/a.py"),
        ("docs/shell.md", "../pyproject.toml", "../pyproject.toml"),
    ],
)
def test_what_links_in_the_repository_are_on_the_site(page, link, leads_to):
    pytest.importorskip("sphinx")
    pytest.importorskip("numpydoc")
    assert script("_ext/pages.py")._on_the_site(link, page) == leads_to


def test_every_how_to_that_is_linked_to_is_there():
    root = DOCS.parent
    for page in (*DOCS.glob("*.md"), *(root / "bench" / "results").glob("*.md"), *root.glob("*.md")):
        for link in re.findall(r"\]\(([^)\s]*howto/\w+\.py)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"


def test_equations_keep_their_lines_and_moduli_are_none_of_restructuredtexts():
    docstring = [
        "Score.", "", "    s = |r[i, j]|", "    t = s_", "", "with |r| and coef_ of ``|x|`` and `fit`.", "",
        "Parameters", "----------", "lag_ : int", "    Of |x|.", "", "Examples", "--------", ">>> 1 | 2", "3",
    ]  # fmt: skip
    assert mended(docstring) == [
        "Score.", "", ".. code-block:: text", "", "    s = |r[i, j]|", "    t = s_", "",
        r"with \|r\| and coef\_ of ``|x|`` and `fit`.", "",
        "Parameters", "----------", "lag_ : int", r"    Of \|x\|.", "", "Examples", "--------", ">>> 1 | 2", "3",
    ]  # fmt: skip


def test_calls_that_how_tos_show_in_their_text_take_what_they_are_given():
    shown = 0
    for page in sorted((DOCS / "howto").glob("plot_*.py")):
        text = re.sub(r"\n# ?", " ", page.read_text())
        for call in re.findall(r"``sf\.(Recording\.from_\w+)\(([^`]*)\)``", text):
            name, given = call
            keywords = [k.arg for k in ast.parse(f"f({given})", mode="eval").body.keywords]
            parameters = inspect.signature(getattr(Recording, name.partition(".")[2])).parameters
            about = inspect.signature(Recording).parameters if "about" in parameters else {}
            assert {*keywords} <= {*parameters, *about}, f"{page.name}: {name}({given})"
            shown += 1
    assert shown >= 1


def test_there_is_a_how_to_for_each_of_the_seven_and_each_begins_with_its_heading():
    pages = sorted((DOCS / "howto").glob("plot_*.py"))
    assert len(pages) == 7
    for page in pages:
        assert re.match(r'"""\n(.+)\n=+\n\n\S', page.read_text())
